"""Lowering: from tir to mir.

``builder``    blocks, instructions, slots, the depth of the operand stack
``values``     members, calls, operators, literals
``conditions`` conditions, which jump
``control``    blocks, branches, loops, statements
``fitting``    one pattern
``patterns``   the arms of match and catch
``functions``  whole functions and lambdas; dispatches to the others
"""
