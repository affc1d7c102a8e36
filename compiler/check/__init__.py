"""The type checker: from hir to tir.

``context``     the state of one function's check: types of locals, what is known where, what is thrown
``expressions`` literals, members, blocks, branches, statements; dispatches to the others
``literals``    lists, maps, objects
``operators``   arithmetic, comparison, conditions and the narrowing that they bring
``calls``       functions, methods, function values, generic natives, LLM functions by name
``patterns``    match and catch: narrowing, exhaustiveness
``coverage``    what patterns take of a type, and what they leave over
``functions``   whole functions in the order of the call graph; throws sets and contracts
"""
