"""From tree to hir: names resolved to locals, functions and variants, sugar taken apart.

One :class:`bamlvm.compiler.resolve.functions.Resolver` serves one top-level function or method with all lambdas in it.

``scopes``     locals: numbered as they are declared, and who captures and sets them
``paths``      dotted names: locals and their members, functions, variants, the environment
``patterns``   the patterns of match and catch
``functions``  statements and expressions, whole functions
"""
