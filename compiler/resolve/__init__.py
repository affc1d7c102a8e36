"""From tree to hir: names resolved to locals, functions and variants, sugar removed.

``context``     the state of one function: its locals, and who captures and sets them
``paths``       dotted names: locals and their members, functions, variants, the environment
``patterns``    the patterns of match and catch
``statements``  blocks, assignments, loops
``expressions`` all kinds of expressions; dispatches to the others
``functions``   whole functions
"""
