"""The type checker: from hir to tir.

``context``     the state of one function's check: types of locals, the flow of control, what is thrown
``expressions`` literals, members, blocks, branches, statements; dispatches to the others
``literals``    lists, maps, objects
``operators``   arithmetic, comparison, conditions and their narrowing
``calls``       functions, methods, function values, generic natives, LLM functions by name
``lints``       unreachable code, comparisons that types decide
``patterns``    match and catch: narrowing, exhaustiveness
``coverage``    the cases of a type that patterns cover, and those that are left
``functions``   whole functions in the order of the call graph; throws sets and contracts
"""
