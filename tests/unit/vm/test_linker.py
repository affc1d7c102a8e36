"""Linking: what is merged, what is refused, and that functions are made ready only when they are called."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bamlvm.vm.linker import LinkError, Program
from bamlvm.vm.machine import Machine
from bamlvm.vm.opcodes import DISPATCH, LONGEST_RUN
from bamlvm.vm.outcomes import Done, Paused
from bamlvm.vm.program.code import Placed
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, VariantInfo
from bamlvm.vm.program.llm import RetryPolicyInfo
from bamlvm.vm.program.types import INT
from bamlvm.vm.program.unit import Unit, decode, encode
from bamlvm.vm.sysop import SysOp
from bamlvm.vm.values import MISSING


def test_units_are_merged() -> None:
    one = Unit(annotated_aliases={"A": INT}, classes={"C": ClassInfo("C", ())})
    other = Unit(retry_policies={"R": RetryPolicyInfo("R", 1)}, enums={"E": EnumInfo("E", (VariantInfo("X"),))})
    program = Program.link([one, other], {}, {})
    assert set(program.aliases) == {"A"} and set(program.classes) == {"C"}
    assert program.retry_policies["R"].max_retries == 1 and program.enum_value("E", "X").index == 0


def test_a_name_defined_twice() -> None:
    unit = Unit(classes={"C": ClassInfo("C", ()), "D": ClassInfo("D", ())})
    with pytest.raises(LinkError, match="defined twice: C, D") as raised:
        Program.link([unit, unit], {}, {})
    assert raised.value.missing == ("C", "D")


def test_every_missing_implementation_is_named(lab: Any) -> None:
    present: dict[str, Any] = {"natives": {"n": (0, len)}, "sysops": {"s": (0, len, False)}}
    program = lab.program("function main\nload_const 1\nreturn", **present)
    signatures = program.signatures
    with pytest.raises(LinkError, match="not implemented: n, s") as raised:
        Program.link([Unit(signatures=signatures)], {}, {})
    assert raised.value.missing == ("n", "s")
    with pytest.raises(LinkError, match=r"not implemented: n$"):
        Program.link([Unit(signatures=signatures)], {}, {"s": SysOp("s", len, False)})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("call nobody 0\nreturn", "no function nobody"),
        ("call main 1\nreturn", "calls main with 1 arguments, not 0"),
        ("call_native nobody 0\nreturn", "nobody, which is not implemented"),
        ("sys_call nobody 0\nreturn", "nobody, which is not implemented"),
        ("alloc_instance Nothing 0\nreturn", "no class Nothing"),
        ("alloc_instance C 2\nreturn", "makes a C of 2 fields"),
        ("load_variant Nothing X\nreturn", "no enum Nothing"),
        ("load_variant E Y\nreturn", "no variant Y"),
    ],
)
def test_what_a_function_refers_to_in_vain_is_said_at_its_first_call(lab: Any, code: str, message: str) -> None:
    if code.startswith(("call main", "alloc_instance C")):
        code = "load_const 1\nload_const 1\n" + code
    main = "function main\nload_const true\npop_jump_if_true E\ncall other 0\nreturn\nE:\nload_const 1\nreturn"
    program = lab.program(f"function other\n{code}\n{main}", classes={"C": ("x",)}, enums={"E": ("X",)})
    assert lab.value(program) == 1
    with pytest.raises(LinkError, match=message):
        lab.outcome(program, name="other")


def test_a_start_that_cannot_be(lab: Any) -> None:
    machine = Machine(lab.program("function main\nparameters a b\nload_local a\nreturn"), None)
    with pytest.raises(LinkError):
        machine.start("nobody", [])
    with pytest.raises(ValueError, match="takes 2 arguments, not 3"):
        machine.start("main", [1, 2, 3])
    machine.start("main", [])
    assert lab.finish(machine).value is MISSING


def test_natives_and_sysops_can_be_started(lab: Any) -> None:
    program = lab.program(
        "function main\nload_const 1\nreturn",
        natives={"n": (2, lambda a, b: a + b)},
        sysops={"s": (1, lambda scope, a: [scope, a], False)},
    )
    assert lab.value(program, 1, 2, name="n") == 3
    assert lab.value(program, 5, name="s") == [None, 5]


def test_objects_are_made_once(lab: Any) -> None:
    program = lab.program("function main\nload_const 1\nreturn", classes={"C": ("x", "y")}, enums={"E": ("X",)})
    assert program.loaded_class("C") is program.loaded_class("C")
    assert program.enum_value("E", "X") is program.enum_value("E", "X")
    assert program.function("main") is program.function("main")
    made = program.new_instance("C", {"y": 1})
    assert made.fields == [None, 1] and made.cls is program.loaded_class("C")
    with pytest.raises(KeyError):
        program.new_instance("C", {"z": 1})


def test_methods_of_values(lab: Any) -> None:
    program = lab.program("function C.m\nparameters self\nload_local self\nreturn", classes={"C": ()})
    instance = program.new_instance("C", {})
    assert program.method(instance, "m").name == "C.m"
    for receiver, name in ((instance, "other"), ("s", "length"), (None, "m")):
        with pytest.raises(LinkError):
            program.method(receiver, name)


def test_a_jump_after_what_cannot_throw_costs_nothing(lab: Any) -> None:
    text = """
    function main
      load_const 1
      jump A
    B:
      load_const 2
      return
    A:
      jump C
    C:
      load_const 3
      add_int
      jump D
    D:
      return
    """
    program = lab.program(text)
    assert lab.value(program) == 4
    step = program.function("main").records[0]
    executed = []
    names = {number: name for name, number in DISPATCH.items()}
    while step is not None and len(executed) < 10:
        executed.append(names[step[0]])
        step = None if executed[-1] == "return" else step[2]
    assert executed == ["load_const", "load_const", "add_int", "jump", "return"]


def test_threads_may_share_a_program(lab: Any) -> None:
    text = "".join(
        f"function f{n}\nparameters x\nload_local x\nload_const 1\nadd_int\ncall f{n + 1} 1\nreturn\n"
        for n in range(100)
    )
    text += "function f100\nparameters x\nload_local x\nreturn\n"
    for _ in range(5):
        program = lab.program(text)
        start = threading.Barrier(4)
        results: list[Any] = []

        def run(program: Any = program, start: Any = start, results: Any = results) -> None:
            start.wait()
            results.append(lab.value(program, 0, name="f0"))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [100] * 4


def test_a_unit_survives_its_encoding(lab: Any) -> None:
    program = lab.program("function main\nload_const 1.0\nload_const true\nload_const 1\nalloc_array 3\nreturn")
    unit = Unit(functions=program.functions, signatures=program.signatures, classes=program.classes)
    again = decode(encode(unit))
    assert again == unit
    assert isinstance(again.functions["main"], Placed)
    values = lab.value(Program.link([again], {}, {}))
    assert [type(value) for value in values] == [float, bool, int]


def test_a_long_run_is_cut_whichever_way_control_comes(lab: Any) -> None:
    # A branch leads over each 50 instructions: no place of the code lies on every way.
    lines = ["function main", "parameters skips"]
    for part in range(40):
        lines += ["load_local skips", f"pop_jump_if_true L{part}", *["load_const 1", "pop"] * 25, f"L{part}:"]
    program = lab.program("\n".join([*lines, "load_local skips", "return"]))
    program.translation = "off"  # compiled code is too short for a pause on any way without loops
    pauses = {}
    for skips in True, False:
        machine = Machine(program, None)
        machine.start("main", [skips])
        pauses[skips] = 0
        while isinstance(outcome := machine.run(1), Paused):
            pauses[skips] += 1
        assert outcome == Done(skips)
    assert pauses[False] >= 2000 // (2 * LONGEST_RUN) > pauses[True]
