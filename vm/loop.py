# Made by `python -m bamlvm.vm.generate` from vm/opcodes.py and vm/semantics.py; do not edit.
# ruff: noqa
# fmt: off
"""The interpreter's loop: one handler an opcode, found through a tree of comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bamlvm.vm.arithmetic import integer_overflow
from bamlvm.vm.conformance import type_tag
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.values import MISSING, Cell, Closure, Instance, Pending, Thrown

if TYPE_CHECKING:
    from bamlvm.vm.machine import Machine, Outcome

DISPATCH: Final[dict[str, int]] = {
    "load_two_locals": 0,
    "load_local_field": 1,
    "add_local_const_store": 2,
    "unless_less_locals": 3,
    "loop": 4,
    "load_field": 5,
    "concat_local_store": 6,
    "unless_local_null": 7,
    "unless_equal_locals": 8,
    "sub_int": 9,
    "less": 10,
    "equal": 11,
    "load_element": 12,
    "load_element_locals": 13,
    "store_const": 14,
    "add_locals": 15,
    "add_local_const": 16,
    "add_return": 17,
    "concat_store": 18,
    "concat_const_store": 19,
    "unless_local": 20,
    "unless_less_equal_local_const": 21,
    "unless_less_equal_locals": 22,
    "unless_equal_local_const": 23,
    "greater": 24,
    "greater_equal": 25,
    "not_equal": 26,
    "pop_jump_if_true": 27,
    "jump": 28,
    "store_field": 29,
    "store_element": 30,
    "bin_op": 31,
    "cmp_op": 32,
    "unary_op": 33,
    "copy": 34,
    "pop": 35,
    "is_null": 36,
    "load_cell": 37,
    "store_cell": 38,
    "make_cell": 39,
    "call": 40,
    "return": 41,
    "store_local": 42,
    "unless_less_local_const": 43,
    "concat": 44,
    "unless_not_equal_locals": 45,
    "enter": 46,
    "halt": 47,
    "mul_int": 48,
    "less_equal": 49,
    "add_int": 50,
    "call_native": 51,
    "load_local_const": 52,
    "store_load": 53,
    "return_local": 54,
    "sub_local_const": 55,
    "move_local": 56,
    "store_loop": 57,
    "return_const": 58,
    "add_const": 59,
    "load_local": 60,
    "load_const": 61,
    "pop_jump_if_false": 62,
    "add_locals_store": 63,
    "unless_greater_equal_const": 64,
    "unless_greater_equal_local_const": 65,
    "unless_greater_equal_locals": 66,
    "unless_equal": 67,
    "unless_equal_const": 68,
    "unless_not_equal": 69,
    "unless_not_equal_const": 70,
    "unless_not_equal_local_const": 71,
    "mul_local": 72,
    "concat_const": 73,
    "concat_local": 74,
    "when_local": 75,
    "unless_null": 76,
    "when_null": 77,
    "when_local_null": 78,
    "unless_less": 79,
    "unless_less_const": 80,
    "unless_less_equal": 81,
    "unless_less_equal_const": 82,
    "unless_greater": 83,
    "unless_greater_const": 84,
    "unless_greater_local_const": 85,
    "unless_greater_locals": 86,
    "unless_greater_equal": 87,
    "call_indirect": 88,
    "call_method": 89,
    "sys_call": 90,
    "make_closure": 91,
    "alloc_array": 92,
    "alloc_map": 93,
    "alloc_instance": 94,
    "append": 95,
    "extend": 96,
    "insert": 97,
    "update": 98,
    "load_field_named": 99,
    "store_field_named": 100,
    "load_variant": 101,
    "is_type": 102,
    "discriminant": 103,
    "type_tag": 104,
    "jump_table": 105,
    "load_missing": 106,
    "jump_if_supplied": 107,
    "throw": 108,
    "caught_value": 109,
    "rethrow": 110,
    "assert": 111,
    "unreachable": 112,
    "add_local": 113,
    "add_store": 114,
    "sub_locals": 115,
    "sub_const": 116,
    "sub_local_const_store": 117,
    "mul_locals": 118,
    "mul_local_const": 119,
}
"""The number in a linked record by the opcode's name."""


def execute(machine: Machine, fuel: int) -> Outcome:
    """Run until the machine has an outcome.  Its state is taken from it here, and given back with the outcome."""
    step: Any
    top: Any
    slots: Any
    stack: Any
    function: Any
    values: Any
    frames: Any = machine.frames
    program = machine.program
    step, slots, stack, function, top = machine.state
    op = -1
    while True:
        try:
            if fuel < 0:
                fuel = machine.refuel(len(frames), False) - 1
                if fuel < 0:
                    return machine.pause(step, slots, stack, function, top)
            while True:
                op, arg, step = step
                if op < 40:
                 if op < 10:
                  if op < 4:
                   if op < 2:
                    if op < 1:
                     x0, x1 = arg  # load_two_locals
                     stack.append(top)
                     stack.append(slots[x0])
                     top = slots[x1]
                    else:
                     x0, x1 = arg  # load_local_field
                     stack.append(top)
                     top = slots[x0].fields[x1]
                   else:
                    if op < 3:
                     x0, x1, x2 = arg  # add_local_const_store
                     result1 = slots[x0] + x1
                     if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                         raise integer_overflow("+")
                     slots[x2] = result1
                    else:
                     x0, x1, x2 = arg  # unless_less_locals
                     if not slots[x0] < slots[x1]:
                         step = x2
                  else:
                   if op < 6:
                    if op < 5:
                     fuel -= 1  # loop
                     if fuel < 0:
                         target = step
                         step = arg
                         fuel = machine.refuel(len(frames), False) - 1
                         step = target
                         if fuel < 0:
                             return machine.pause(step, slots, stack, function, top)
                    else:
                     top = top.fields[arg]  # load_field
                   else:
                    if op < 8:
                     if op < 7:
                      x0, x1 = arg  # concat_local_store
                      suffix = slots[x0]
                      joined = top
                      top = stack.pop()
                      if slots[x1] is joined:
                          slots[x1] = None
                      joined += suffix
                      slots[x1] = joined
                     else:
                      x0, x1 = arg  # unless_local_null
                      if not slots[x0] is None:
                          step = x1
                    else:
                     if op < 9:
                      x0, x1, x2 = arg  # unless_equal_locals
                      if not slots[x0] == slots[x1]:
                          step = x2
                     else:
                      top = stack.pop() - top  # sub_int
                      if top > 9223372036854775807 or top < -9223372036854775808:
                          raise integer_overflow("-")
                 else:
                  if op < 18:
                   if op < 14:
                    if op < 12:
                     if op < 11:
                      top = stack.pop() < top  # less
                     else:
                      top = stack.pop() == top  # equal
                    else:
                     if op < 13:
                      container = stack.pop()  # load_element
                      try:
                          top = container[top]
                      except (IndexError, KeyError):
                          raise no_element(container, top) from None
                     else:
                      x0, x1 = arg  # load_element_locals
                      index = slots[x1]
                      container = slots[x0]
                      stack.append(top)
                      try:
                          top = container[index]
                      except (IndexError, KeyError):
                          raise no_element(container, index) from None
                   else:
                    if op < 16:
                     if op < 15:
                      x0, x1 = arg  # store_const
                      slots[x1] = x0
                     else:
                      x0, x1 = arg  # add_locals
                      stack.append(top)
                      top = slots[x0] + slots[x1]
                      if top > 9223372036854775807 or top < -9223372036854775808:
                          raise integer_overflow("+")
                    else:
                     if op < 17:
                      x0, x1 = arg  # add_local_const
                      stack.append(top)
                      top = slots[x0] + x1
                      if top > 9223372036854775807 or top < -9223372036854775808:
                          raise integer_overflow("+")
                     else:
                      result1 = stack.pop() + top  # add_return
                      if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                          raise integer_overflow("+")
                      top = result1
                      step, slots, stack, function = frames.pop()
                  else:
                   if op < 22:
                    if op < 20:
                     if op < 19:
                      suffix = top  # concat_store
                      joined = stack.pop()
                      top = stack.pop()
                      if slots[arg] is joined:
                          slots[arg] = None
                      joined += suffix
                      slots[arg] = joined
                     else:
                      x0, x1 = arg  # concat_const_store
                      suffix = x0
                      joined = top
                      top = stack.pop()
                      if slots[x1] is joined:
                          slots[x1] = None
                      joined += suffix
                      slots[x1] = joined
                    else:
                     if op < 21:
                      x0, x1 = arg  # unless_local
                      if not slots[x0]:
                          step = x1
                     else:
                      x0, x1, x2 = arg  # unless_less_equal_local_const
                      if not slots[x0] <= x1:
                          step = x2
                   else:
                    if op < 24:
                     if op < 23:
                      x0, x1, x2 = arg  # unless_less_equal_locals
                      if not slots[x0] <= slots[x1]:
                          step = x2
                     else:
                      x0, x1, x2 = arg  # unless_equal_local_const
                      if not slots[x0] == x1:
                          step = x2
                    else:
                     if op < 32:
                      if op < 28:
                       if op < 26:
                        if op < 25:
                         top = stack.pop() > top  # greater
                        else:
                         top = stack.pop() >= top  # greater_equal
                       else:
                        if op < 27:
                         top = stack.pop() != top  # not_equal
                        else:
                         if top:  # pop_jump_if_true
                             step = arg
                         top = stack.pop()
                      else:
                       if op < 30:
                        if op < 29:
                         pass  # jump
                        else:
                         stack.pop().fields[arg] = top  # store_field
                         top = stack.pop()
                       else:
                        if op < 31:
                         index = stack.pop()  # store_element
                         container = stack.pop()
                         try:
                             container[index] = top
                         except IndexError:
                             raise no_element(container, index) from None
                         top = stack.pop()
                        else:
                         top = arg(stack.pop(), top)  # bin_op
                     else:
                      if op < 36:
                       if op < 34:
                        if op < 33:
                         top = arg(stack.pop(), top)  # cmp_op
                        else:
                         top = arg(top)  # unary_op
                       else:
                        if op < 35:
                         stack.append(top)  # copy
                         top = stack[-1 - arg]
                        else:
                         top = stack.pop()  # pop
                      else:
                       if op < 38:
                        if op < 37:
                         top = top is None  # is_null
                        else:
                         stack.append(top)  # load_cell
                         top = slots[arg].value
                       else:
                        if op < 39:
                         slots[arg].value = top  # store_cell
                         top = stack.pop()
                        else:
                         slots[arg] = Cell(slots[arg])  # make_cell
                else:
                 if op < 60:
                  if op < 50:
                   if op < 42:
                    if op < 41:
                     fuel -= 1  # call
                     if fuel < 0:
                         fuel = machine.refuel(len(frames), True)
                         step = function.before(step)
                         if fuel == 0:
                             return machine.pause(step, slots, stack, function, top)
                     else:
                         frames.append((step, slots, stack, function))
                         count = arg.arity
                         if count == 1:
                             slots = [top]
                         elif count == 2:
                             slots = [stack.pop(), top]
                         elif count == 0:
                             stack.append(top)
                             slots = []
                         else:
                             slots = [*stack[1 - count :], top]
                             del stack[1 - count :]
                         slots += arg.padding
                         stack = []
                         function = arg
                         step = arg.entry
                    else:
                     step, slots, stack, function = frames.pop()  # return
                   else:
                    if op < 43:
                     slots[arg] = top  # store_local
                     top = stack.pop()
                    else:
                     if op < 44:
                      x0, x1, x2 = arg  # unless_less_local_const
                      if not slots[x0] < x1:
                          step = x2
                     else:
                      if op < 45:
                       top = stack.pop() + top  # concat
                      else:
                       if op < 47:
                        if op < 46:
                         x0, x1, x2 = arg  # unless_not_equal_locals
                         if not slots[x0] != slots[x1]:
                             step = x2
                        else:
                         step = arg.decode()  # enter
                       else:
                        if op < 48:
                         return machine.done(top, fuel)  # halt
                        else:
                         if op < 49:
                          top = stack.pop() * top  # mul_int
                          if top > 9223372036854775807 or top < -9223372036854775808:
                              raise integer_overflow("*")
                         else:
                          top = stack.pop() <= top  # less_equal
                  else:
                   if op < 54:
                    if op < 52:
                     if op < 51:
                      top = stack.pop() + top  # add_int
                      if top > 9223372036854775807 or top < -9223372036854775808:
                          raise integer_overflow("+")
                     else:
                      x0, x1 = arg  # call_native
                      if x1 == 1:
                          top = x0(top)
                      elif x1 == 2:
                          top = x0(stack.pop(), top)
                      elif x1 == 0:
                          stack.append(top)
                          top = x0()
                      else:
                          values = stack[1 - x1 :]
                          del stack[1 - x1 :]
                          top = x0(*values, top)
                    else:
                     if op < 53:
                      x0, x1 = arg  # load_local_const
                      stack.append(top)
                      stack.append(slots[x0])
                      top = x1
                     else:
                      x0, x1 = arg  # store_load
                      slots[x0] = top
                      top = slots[x1]
                   else:
                    if op < 56:
                     if op < 55:
                      top = slots[arg]  # return_local
                      step, slots, stack, function = frames.pop()
                     else:
                      x0, x1 = arg  # sub_local_const
                      stack.append(top)
                      top = slots[x0] - x1
                      if top > 9223372036854775807 or top < -9223372036854775808:
                          raise integer_overflow("-")
                    else:
                     if op < 58:
                      if op < 57:
                       x0, x1 = arg  # move_local
                       slots[x1] = slots[x0]
                      else:
                       x0, x1 = arg  # store_loop
                       slots[x0] = top
                       top = stack.pop()
                       fuel -= 1
                       if fuel < 0:
                           target = step
                           step = x1
                           fuel = machine.refuel(len(frames), False) - 1
                           step = target
                           if fuel < 0:
                               return machine.pause(step, slots, stack, function, top)
                     else:
                      if op < 59:
                       top = arg  # return_const
                       step, slots, stack, function = frames.pop()
                      else:
                       top = top + arg  # add_const
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("+")
                 else:
                  if op < 63:
                   if op < 61:
                    stack.append(top)  # load_local
                    top = slots[arg]
                   else:
                    if op < 62:
                     stack.append(top)  # load_const
                     top = arg
                    else:
                     if not top:  # pop_jump_if_false
                         step = arg
                     top = stack.pop()
                  else:
                   if op < 88:
                    if op < 72:
                     if op < 64:
                      x0, x1, x2 = arg  # add_locals_store
                      result1 = slots[x0] + slots[x1]
                      if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                          raise integer_overflow("+")
                      slots[x2] = result1
                     else:
                      if op < 68:
                       if op < 66:
                        if op < 65:
                         x0, x1 = arg  # unless_greater_equal_const
                         if not top >= x0:
                             step = x1
                         top = stack.pop()
                        else:
                         x0, x1, x2 = arg  # unless_greater_equal_local_const
                         if not slots[x0] >= x1:
                             step = x2
                       else:
                        if op < 67:
                         x0, x1, x2 = arg  # unless_greater_equal_locals
                         if not slots[x0] >= slots[x1]:
                             step = x2
                        else:
                         if not stack.pop() == top:  # unless_equal
                             step = arg
                         top = stack.pop()
                      else:
                       if op < 70:
                        if op < 69:
                         x0, x1 = arg  # unless_equal_const
                         if not top == x0:
                             step = x1
                         top = stack.pop()
                        else:
                         if not stack.pop() != top:  # unless_not_equal
                             step = arg
                         top = stack.pop()
                       else:
                        if op < 71:
                         x0, x1 = arg  # unless_not_equal_const
                         if not top != x0:
                             step = x1
                         top = stack.pop()
                        else:
                         x0, x1, x2 = arg  # unless_not_equal_local_const
                         if not slots[x0] != x1:
                             step = x2
                    else:
                     if op < 80:
                      if op < 76:
                       if op < 74:
                        if op < 73:
                         top = top * slots[arg]  # mul_local
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("*")
                        else:
                         top = top + arg  # concat_const
                       else:
                        if op < 75:
                         top = top + slots[arg]  # concat_local
                        else:
                         x0, x1 = arg  # when_local
                         if slots[x0]:
                             step = x1
                      else:
                       if op < 78:
                        if op < 77:
                         if not top is None:  # unless_null
                             step = arg
                         top = stack.pop()
                        else:
                         if top is None:  # when_null
                             step = arg
                         top = stack.pop()
                       else:
                        if op < 79:
                         x0, x1 = arg  # when_local_null
                         if slots[x0] is None:
                             step = x1
                        else:
                         if not stack.pop() < top:  # unless_less
                             step = arg
                         top = stack.pop()
                     else:
                      if op < 84:
                       if op < 82:
                        if op < 81:
                         x0, x1 = arg  # unless_less_const
                         if not top < x0:
                             step = x1
                         top = stack.pop()
                        else:
                         if not stack.pop() <= top:  # unless_less_equal
                             step = arg
                         top = stack.pop()
                       else:
                        if op < 83:
                         x0, x1 = arg  # unless_less_equal_const
                         if not top <= x0:
                             step = x1
                         top = stack.pop()
                        else:
                         if not stack.pop() > top:  # unless_greater
                             step = arg
                         top = stack.pop()
                      else:
                       if op < 86:
                        if op < 85:
                         x0, x1 = arg  # unless_greater_const
                         if not top > x0:
                             step = x1
                         top = stack.pop()
                        else:
                         x0, x1, x2 = arg  # unless_greater_local_const
                         if not slots[x0] > x1:
                             step = x2
                       else:
                        if op < 87:
                         x0, x1, x2 = arg  # unless_greater_locals
                         if not slots[x0] > slots[x1]:
                             step = x2
                        else:
                         if not stack.pop() >= top:  # unless_greater_equal
                             step = arg
                         top = stack.pop()
                   else:
                    if op < 104:
                     if op < 96:
                      if op < 92:
                       if op < 90:
                        if op < 89:
                         fuel -= 1  # call_indirect
                         if fuel < 0:
                             fuel = machine.refuel(len(frames), True)
                             step = function.before(step)
                             if fuel == 0:
                                 return machine.pause(step, slots, stack, function, top)
                         else:
                             frames.append((step, slots, stack, function))
                             if arg == 0:
                                 closure = top
                                 slots = [*closure.cells]
                             elif arg == 1:
                                 closure = stack.pop()
                                 slots = [top, *closure.cells]
                             else:
                                 slots = [*stack[1 - arg :], top]
                                 del stack[1 - arg :]
                                 closure = stack.pop()
                                 slots += closure.cells
                             callee = closure.function
                             if callee.arity != arg:
                                 raise TypeError(f"{callee.name} takes {callee.arity} arguments")
                             slots += callee.padding
                             stack = []
                             function = callee
                             step = callee.entry
                        else:
                         x0, x1 = arg  # call_method
                         fuel -= 1
                         if fuel < 0:
                             fuel = machine.refuel(len(frames), True)
                             step = function.before(step)
                             if fuel == 0:
                                 return machine.pause(step, slots, stack, function, top)
                         else:
                             if x1 == 1:
                                 values = [top]
                             else:
                                 values = [*stack[1 - x1 :], top]
                                 del stack[1 - x1 :]
                             callee = program.method(values[0], x0)
                             if callee.arity != x1:
                                 raise TypeError(f"{callee.name} takes {callee.arity} arguments")
                             frames.append((step, slots, stack, function))
                             slots = values
                             slots += callee.padding
                             stack = []
                             function = callee
                             step = callee.entry
                       else:
                        if op < 91:
                         x0, x1 = arg  # sys_call
                         if x1 == 0:
                             stack.append(top)
                             values = []
                         elif x1 == 1:
                             values = [top]
                         else:
                             values = [*stack[1 - x1 :], top]
                             del stack[1 - x1 :]
                         top = x0.call(machine.scope, *values)
                         if x0.is_async:
                             return machine.suspend(x0, values, top, step, slots, stack, function, fuel)
                         if type(top) is Pending:
                             return machine.suspend(x0, values, top.awaitable, step, slots, stack, function, fuel)
                        else:
                         x0, x1 = arg  # make_closure
                         if x1 == 0:
                             stack.append(top)
                             top = Closure(x0, ())
                         elif x1 == 1:
                             top = Closure(x0, (top,))
                         else:
                             values = stack[1 - x1 :]
                             del stack[1 - x1 :]
                             top = Closure(x0, (*values, top))
                      else:
                       if op < 94:
                        if op < 93:
                         if arg == 0:  # alloc_array
                             stack.append(top)
                             top = []
                         elif arg == 1:
                             top = [top]
                         else:
                             values = stack[1 - arg :]
                             del stack[1 - arg :]
                             values.append(top)
                             top = values
                        else:
                         stack.append(top)  # alloc_map
                         if arg == 0:
                             top = {}
                         else:
                             values = stack[-2 * arg :]
                             del stack[-2 * arg :]
                             top = dict(zip(values[::2], values[1::2], strict=True))
                       else:
                        if op < 95:
                         x0, x1 = arg  # alloc_instance
                         if x1 == 0:
                             stack.append(top)
                             top = Instance(x0, [])
                         elif x1 == 1:
                             top = Instance(x0, [top])
                         else:
                             values = stack[1 - x1 :]
                             del stack[1 - x1 :]
                             values.append(top)
                             top = Instance(x0, values)
                        else:
                         items = stack.pop()  # append
                         items.append(top)
                         top = items
                     else:
                      if op < 100:
                       if op < 98:
                        if op < 97:
                         items = stack.pop()  # extend
                         items.extend(top)
                         top = items
                        else:
                         key = stack.pop()  # insert
                         entries = stack.pop()
                         entries[key] = top
                         top = entries
                       else:
                        if op < 99:
                         entries = stack.pop()  # update
                         entries.update(top)
                         top = entries
                        else:
                         top = top.get(arg)  # load_field_named
                      else:
                       if op < 102:
                        if op < 101:
                         stack.pop().set(arg, top)  # store_field_named
                         top = stack.pop()
                        else:
                         stack.append(top)  # load_variant
                         top = arg
                       else:
                        if op < 103:
                         top = arg(top)  # is_type
                        else:
                         top = top.index  # discriminant
                    else:
                     if op < 112:
                      if op < 108:
                       if op < 106:
                        if op < 105:
                         top = type_tag(top)  # type_tag
                        else:
                         x0, x1 = arg  # jump_table
                         step = x0.get(top, x1)
                         top = stack.pop()
                       else:
                        if op < 107:
                         stack.append(top)  # load_missing
                         top = MISSING
                        else:
                         x0, x1 = arg  # jump_if_supplied
                         if slots[x0] is not MISSING:
                             step = x1
                      else:
                       if op < 110:
                        if op < 109:
                         fuel -= 1  # throw
                         state = machine.unwind(machine.caught(top, step, function), step, slots, stack, function, top)
                         if state is None:
                             return machine.failed(fuel)
                         step, slots, stack, function, top = state
                         if fuel < 0:
                             break
                        else:
                         top = top.value  # caught_value
                       else:
                        if op < 111:
                         fuel -= 1  # rethrow
                         state = machine.unwind(top, step, slots, stack, function, top)
                         if state is None:
                             return machine.failed(fuel)
                         step, slots, stack, function, top = state
                         if fuel < 0:
                             break
                        else:
                         if not top:  # assert
                             raise assertion_failed(arg)
                         top = stack.pop()
                     else:
                      if op < 116:
                       if op < 114:
                        if op < 113:
                         raise unreachable()  # unreachable
                        else:
                         top = top + slots[arg]  # add_local
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("+")
                       else:
                        if op < 115:
                         result1 = stack.pop() + top  # add_store
                         if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                             raise integer_overflow("+")
                         slots[arg] = result1
                         top = stack.pop()
                        else:
                         x0, x1 = arg  # sub_locals
                         stack.append(top)
                         top = slots[x0] - slots[x1]
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("-")
                      else:
                       if op < 118:
                        if op < 117:
                         top = top - arg  # sub_const
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("-")
                        else:
                         x0, x1, x2 = arg  # sub_local_const_store
                         result1 = slots[x0] - x1
                         if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                             raise integer_overflow("-")
                         slots[x2] = result1
                       else:
                        if op < 119:
                         x0, x1 = arg  # mul_locals
                         stack.append(top)
                         top = slots[x0] * slots[x1]
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("*")
                        else:
                         x0, x1 = arg  # mul_local_const
                         stack.append(top)
                         top = slots[x0] * x1
                         if top > 9223372036854775807 or top < -9223372036854775808:
                             raise integer_overflow("*")
        except Thrown as thrown:
            fuel -= 1
            state = machine.unwind(machine.arrived(thrown, step, function), step, slots, stack, function, top)
            if state is None:
                return machine.failed(fuel)
            step, slots, stack, function, top = state
        except Exception as error:
            machine.broken(op, function, step, error)
            raise
