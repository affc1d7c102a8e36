# Made by `python -m bamlvm.vm.make_loop`; do not edit.
# ruff: noqa
# fmt: off
"""The interpreter's loop: one handler an opcode, found through a tree of comparisons of its number.

The machine pays for steps by ``fuel``; it runs out at a call, at a ``loop`` and at a throw only.  A ``try`` costs
nothing while nothing is raised, so it is around the inner loop, and a throw re-enters that.
"""

from __future__ import annotations

from typing import Any

from bamlvm.vm.arithmetic import integer_overflow
from bamlvm.vm.type_tests import type_tag
from bamlvm.vm.panics import assertion_failed, no_element, unreachable
from bamlvm.vm.values import MISSING, Cell, Closure, Instance, Pending, Thrown
from bamlvm.vm.work import SEEN as seen, Lengthy, check_length, extend, note, update


# The machine and its outcome are not annotated: the machine imports the loop, not the loop the machine.

def execute(machine: Any, fuel: int) -> Any:
    """Run until the machine has an outcome, and return that.

    Between instructions the state is in locals; the machine has it before, and again where an outcome keeps it.
    """
    step: Any
    top: Any
    slots: Any
    stack: Any
    function: Any
    values: Any
    frames: Any = machine.frames
    program = machine.program
    step, slots, stack, function, top = machine.state
    op = -1  # of the instruction that runs, for `broken`
    while True:
        try:
            # Reached at the start and after a throw, which may have used up the grant.
            if fuel < 0:
                fuel = machine.refuel(len(frames), False) - 1
                if fuel < 0:
                    return machine.pause(step, slots, stack, function, top)
            while True:
                op, arg, step = step
                if op < 16:
                 if op < 8:
                  if op < 4:
                   if op < 2:
                    if op < 1:
                     stack.append(top)  # load_local
                     top = slots[arg]
                    else:
                     stack.append(top)  # load_const
                     top = arg
                   else:
                    if op < 3:
                     fuel -= 1  # call
                     if fuel < 0:
                         fuel = machine.refuel(len(frames), True, arg)
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
                         if arg.padding:
                             slots += arg.padding
                         stack = []
                         function = arg
                         step = arg.entry
                    else:
                     x0, x1 = arg  # call_native
                     if x1 == 0:
                         stack.append(top)
                         top = x0()
                     elif x1 == 1:
                         top = x0(top)
                     elif x1 == 2:
                         top = x0(stack.pop(), top)
                     else:
                         values = stack[1 - x1 :]
                         del stack[1 - x1 :]
                         top = x0(*values, top)
                  else:
                   if op < 6:
                    if op < 5:
                     x0, x1 = arg  # load_two_locals
                     stack.append(top)
                     stack.append(slots[x0])
                     top = slots[x1]
                    else:
                     x0, x1 = arg  # load_local_field
                     stack.append(top)
                     top = slots[x0].fields[x1]
                   else:
                    if op < 7:
                     x0, x1, x2, x3 = arg  # add_local_const_loop
                     result1 = slots[x0] + x1
                     if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                         raise integer_overflow("+")
                     slots[x2] = result1
                     fuel -= 1
                     if fuel < 0:
                         target = step
                         step = x3
                         fuel = machine.refuel(len(frames), False, function, target) - 1
                         step = target
                         if fuel < 0:
                             return machine.pause(step, slots, stack, function, top)
                    else:
                     x0, x1, x2 = arg  # unless_less_locals
                     if not slots[x0] < slots[x1]:
                         step = x2
                 else:
                  if op < 12:
                   if op < 10:
                    if op < 9:
                     slots[arg] = top  # store_local
                     top = stack.pop()
                    else:
                     if not top:  # pop_jump_if_false
                         step = arg
                     top = stack.pop()
                   else:
                    if op < 11:
                     top = arg(stack.pop(), top)  # bin_op
                    else:
                     if seen and machine.weighs(top):  # load_element
                         return machine.pause_before(step, slots, stack, function, top, fuel)
                     container = stack.pop()
                     try:
                         top = container[top]
                     except (IndexError, KeyError):
                         raise no_element(container, top) from None
                  else:
                   if op < 14:
                    if op < 13:
                     x0, x1 = arg  # load_local_const
                     stack.append(top)
                     stack.append(slots[x0])
                     top = x1
                    else:
                     x0, x1 = arg  # store_load
                     slots[x0] = top
                     top = slots[x1]
                   else:
                    if op < 15:
                     result1 = stack.pop() + top  # add_store
                     if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                         raise integer_overflow("+")
                     slots[arg] = result1
                     top = stack.pop()
                    else:
                     x0, x1, x2 = arg  # add_locals_store
                     result1 = slots[x0] + slots[x1]
                     if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                         raise integer_overflow("+")
                     slots[x2] = result1
                else:
                 if op < 51:
                  if op < 33:
                   if op < 24:
                    if op < 20:
                     if op < 18:
                      if op < 17:
                       step, slots, stack, function = frames.pop()  # return
                      else:
                       fuel -= 1  # loop
                       if fuel < 0:
                           target = step
                           step = arg
                           fuel = machine.refuel(len(frames), False, function, target) - 1
                           step = target
                           if fuel < 0:
                               return machine.pause(step, slots, stack, function, top)
                     else:
                      if op < 19:
                       top = stack.pop() + top  # add_int
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("+")
                      else:
                       top = top.fields[arg]  # load_field
                    else:
                     if op < 22:
                      if op < 21:
                       if seen and machine.weighs(stack[-1]):  # store_element
                           return machine.pause_before(step, slots, stack, function, top, fuel)
                       index = stack.pop()
                       container = stack.pop()
                       try:
                           container[index] = top
                       except IndexError:
                           raise no_element(container, index) from None
                       top = stack.pop()
                      else:
                       top = stack.pop() - top  # sub_int
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("-")
                     else:
                      if op < 23:
                       top = stack.pop() * top  # mul_int
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("*")
                      else:
                       top = stack.pop() < top  # less
                   else:
                    if op < 28:
                     if op < 26:
                      if op < 25:
                       top = stack.pop() <= top  # less_equal
                      else:
                       top = stack.pop() > top  # greater
                     else:
                      if op < 27:
                       top = stack.pop() >= top  # greater_equal
                      else:
                       top = stack.pop() == top  # equal
                    else:
                     if op < 30:
                      if op < 29:
                       top = stack.pop() != top  # not_equal
                      else:
                       if top:  # pop_jump_if_true
                           step = arg
                       top = stack.pop()
                     else:
                      if op < 31:
                       pass  # jump
                      else:
                       if op < 32:
                        stack.pop().fields[arg] = top  # store_field
                        top = stack.pop()
                       else:
                        top = arg(stack.pop(), top)  # cmp_op
                  else:
                   if op < 42:
                    if op < 37:
                     if op < 35:
                      if op < 34:
                       top = arg(top)  # unary_op
                      else:
                       a = stack.pop()  # concat
                       if len(a) > 65536 or len(top) > 65536:
                           check_length(a, top)
                           if machine.tires(a, top):
                               stack.append(a)
                               return machine.pause_before(step, slots, stack, function, top, fuel)
                       top = a + top
                     else:
                      if op < 36:
                       stack.append(top)  # copy
                       top = stack[-1 - arg]
                      else:
                       top = stack.pop()  # pop
                    else:
                     if op < 39:
                      if op < 38:
                       top = top is None  # is_null
                      else:
                       stack.append(top)  # load_cell
                       top = slots[arg].value
                     else:
                      if op < 40:
                       slots[arg].value = top  # store_cell
                       top = stack.pop()
                      else:
                       if op < 41:
                        slots[arg] = Cell(slots[arg])  # make_cell
                       else:
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
                            if callee.padding:
                                slots += callee.padding
                            stack = []
                            function = callee
                            step = callee.entry
                   else:
                    if op < 46:
                     if op < 44:
                      if op < 43:
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
                           if callee.padding:
                               slots += callee.padding
                           stack = []
                           function = callee
                           step = callee.entry
                      else:
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
                       note(top)
                       if x0.is_async:
                           return machine.suspend(x0, values, top, step, slots, stack, function, fuel)
                       if type(top) is Pending:
                           return machine.suspend(x0, values, top.awaitable, step, slots, stack, function, fuel)
                     else:
                      if op < 45:
                       x0, x1 = arg  # make_closure
                       if x1 == 0:
                           stack.append(top)
                           top = Closure(x0, ())
                       elif x1 == 1:
                           top = Closure(x0, (top,))
                       elif x1 == 2:
                           top = Closure(x0, (stack.pop(), top,))
                       else:
                           values = stack[1 - x1 :]
                           del stack[1 - x1 :]
                           top = Closure(x0, (*values, top,))
                      else:
                       if arg == 0:  # alloc_array
                           stack.append(top)
                           top = []
                       elif arg == 1:
                           top = [top]
                       elif arg == 2:
                           top = [stack.pop(), top]
                       else:
                           values = stack[1 - arg :]
                           del stack[1 - arg :]
                           top = [*values, top]
                    else:
                     if op < 48:
                      if op < 47:
                       if arg == 0:  # alloc_map
                           stack.append(top)
                           top = {}
                       elif arg == 1:
                           top = {stack.pop(): top}
                       else:
                           stack.append(top)
                           values = stack[-2 * arg :]
                           del stack[-2 * arg :]
                           top = {**dict(zip(values[::2], values[1::2], strict=True))}
                      else:
                       x0, x1 = arg  # alloc_instance
                       if x1 == 0:
                           stack.append(top)
                           top = Instance(x0, [])
                       elif x1 == 1:
                           top = Instance(x0, [top])
                       elif x1 == 2:
                           top = Instance(x0, [stack.pop(), top])
                       else:
                           values = stack[1 - x1 :]
                           del stack[1 - x1 :]
                           top = Instance(x0, [*values, top])
                     else:
                      if op < 49:
                       items = stack.pop()  # append
                       items.append(top)
                       top = items
                      else:
                       if op < 50:
                        items = stack.pop()  # extend
                        items.extend(top) if len(top) <= 64 else extend(items, top)
                        top = items
                       else:
                        if seen and machine.weighs(stack[-1]):  # insert
                            return machine.pause_before(step, slots, stack, function, top, fuel)
                        key = stack.pop()
                        entries = stack.pop()
                        entries[key] = top
                        top = entries
                 else:
                  if op < 68:
                   if op < 59:
                    if op < 55:
                     if op < 53:
                      if op < 52:
                       entries = stack.pop()  # update
                       entries.update(top) if len(top) <= 64 else update(entries, top)
                       top = entries
                      else:
                       top = top.get(arg)  # load_field_named
                     else:
                      if op < 54:
                       stack.pop().set(arg, top)  # store_field_named
                       top = stack.pop()
                      else:
                       stack.append(top)  # load_variant
                       top = arg
                    else:
                     if op < 57:
                      if op < 56:
                       top = arg(top)  # is_type
                      else:
                       top = top.index  # discriminant
                     else:
                      if op < 58:
                       top = type_tag(top)  # type_tag
                      else:
                       x0, x1 = arg  # jump_table
                       if seen and machine.weighs(top):
                           return machine.pause_before(step, slots, stack, function, top, fuel)
                       step = x0.get(top, x1)
                       top = stack.pop()
                   else:
                    if op < 63:
                     if op < 61:
                      if op < 60:
                       if arg.value is not MISSING:  # load_global
                           stack.append(top)
                           top = arg.value
                       else:
                           fuel -= 1
                           if fuel < 0:
                               fuel = machine.refuel(len(frames), True, arg.initialiser)
                               step = function.before(step)
                               if fuel == 0:
                                   return machine.pause(step, slots, stack, function, top)
                           else:
                               frames.append((step, slots, stack, function))
                               stack.append(top)
                               slots = []
                               if arg.initialiser.padding:
                                   slots += arg.initialiser.padding
                               stack = []
                               function = arg.initialiser
                               step = arg.initialiser.entry
                      else:
                       top = arg.keep(top)  # store_global
                     else:
                      if op < 62:
                       stack.append(top)  # load_missing
                       top = MISSING
                      else:
                       x0, x1 = arg  # jump_if_supplied
                       if slots[x0] is not MISSING:
                           step = x1
                    else:
                     if op < 65:
                      if op < 64:
                       fuel -= 1 + (len(frames) >> 5)  # throw
                       state = machine.unwind(machine.caught(top, step, function), step, slots, stack, function, top)
                       if state is None:
                           return machine.failed(fuel)
                       step, slots, stack, function, top = state
                       if fuel < 0:
                           break
                      else:
                       top = top.value  # caught_value
                     else:
                      if op < 66:
                       fuel -= 1  # rethrow
                       state = machine.unwind(top, step, slots, stack, function, top)
                       if state is None:
                           return machine.failed(fuel)
                       step, slots, stack, function, top = state
                       if fuel < 0:
                           break
                      else:
                       if op < 67:
                        if not top:  # assert
                            raise assertion_failed(arg)
                        top = stack.pop()
                       else:
                        raise unreachable()  # unreachable
                  else:
                   if op < 77:
                    if op < 72:
                     if op < 70:
                      if op < 69:
                       x0, x1 = arg  # load_element_locals
                       if seen and machine.weighs(slots[x1]):
                           return machine.pause_before(step, slots, stack, function, top, fuel)
                       index = slots[x1]
                       container = slots[x0]
                       stack.append(top)
                       try:
                           top = container[index]
                       except (IndexError, KeyError):
                           raise no_element(container, index) from None
                      else:
                       top = slots[arg]  # return_local
                       step, slots, stack, function = frames.pop()
                     else:
                      if op < 71:
                       top = arg  # return_const
                       step, slots, stack, function = frames.pop()
                      else:
                       top = top + arg  # add_const
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("+")
                    else:
                     if op < 74:
                      if op < 73:
                       result1 = stack.pop() + top  # add_return
                       if result1 > 9223372036854775807 or result1 < -9223372036854775808:
                           raise integer_overflow("+")
                       top = result1
                       step, slots, stack, function = frames.pop()
                      else:
                       x0, x1 = arg  # sub_local_const
                       stack.append(top)
                       top = slots[x0] - x1
                       if top > 9223372036854775807 or top < -9223372036854775808:
                           raise integer_overflow("-")
                     else:
                      if op < 75:
                       suffix = top  # concat_store
                       long = stack.pop()
                       if len(long) > 65536 or len(suffix) > 65536:
                           check_length(long, suffix)
                           if machine.tires(long, suffix):
                               stack.append(long)
                               return machine.pause_before(step, slots, stack, function, top, fuel)
                       top = stack.pop()
                       slots[arg] = None
                       long += suffix
                       slots[arg] = long
                      else:
                       if op < 76:
                        x0, x1, x2 = arg  # grow_local
                        suffix = x1
                        long = slots[x0]
                        if len(long) > 65536 or len(suffix) > 65536:
                            check_length(long, suffix)
                            if machine.tires(long, suffix):
                                return machine.pause_before(step, slots, stack, function, top, fuel)
                        slots[x2] = None
                        long += suffix
                        slots[x2] = long
                       else:
                        x0, x1 = arg  # unless_equal_const
                        if not top == x0:
                            step = x1
                        top = stack.pop()
                   else:
                    if op < 81:
                     if op < 79:
                      if op < 78:
                       if not stack.pop() < top:  # unless_less
                           step = arg
                       top = stack.pop()
                      else:
                       if not stack.pop() <= top:  # unless_less_equal
                           step = arg
                       top = stack.pop()
                     else:
                      if op < 80:
                       x0, x1 = arg  # unless_local
                       if not slots[x0]:
                           step = x1
                      else:
                       x0, x1 = arg  # unless_local_null
                       if not slots[x0] is None:
                           step = x1
                    else:
                     if op < 83:
                      if op < 82:
                       step = machine.first_step(arg)  # enter
                      else:
                       return machine.done(top, fuel)  # halt
                     else:
                      if op < 84:
                       state = machine.call_compiled(arg, slots)  # compiled
                       if type(state) is not tuple:
                           return state
                       step, slots, stack, function, top = state
                       fuel = machine.after_compiled(fuel)
                      else:
                       if op < 85:
                        x0, x1 = arg  # compiled_loop
                        state = machine.enter_compiled_loop(x0, x1, slots, stack, function, top)
                        if type(state) is not tuple:
                            return state
                        step, slots, stack, function, top = state
                        fuel = machine.after_compiled(fuel)
                       else:
                        step = arg  # rest
                        fuel -= 1
                        if fuel < 0:
                            fuel = machine.refuel(len(frames), False) - 1
                            if fuel < 0:
                                return machine.pause(step, slots, stack, function, top)
        except Lengthy as lengthy:
            return machine.work_on(lengthy.work, step, slots, stack, function, fuel)
        except (Thrown, MemoryError) as thrown:
            fuel = machine.charge(fuel)
            state = machine.unwind(machine.arrived(thrown, step, function), step, slots, stack, function, top)
            if state is None:
                return machine.failed(fuel)
            step, slots, stack, function, top = state
        except Exception as error:
            machine.broken(op, function, step, error)
            raise
