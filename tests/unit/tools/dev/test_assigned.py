"""What has a value before an instruction: held against calls of made-up programs, in which nothing else is stored."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import bamlvm
from bamlvm.errors import BamlError
from bamlvm.tools.dev.assigned import assigned, stored
from bamlvm.vm.stack import instructions
from tests.generators.typed_programs import program


class Frames:
    """A tracer that notes what each frame has stored, and holds it against what is said to have a value."""

    def __init__(self) -> None:
        self.frames: dict[int, tuple[Any, int, int, int]] = {}
        self.shown = 0

    def __call__(self, function: Any, place: int, slots: Any, stack: Any, top: Any, frames: Any) -> None:
        code = function.placed.function
        known = self.frames.get(id(slots))
        if known is None or known[0] is not slots:
            has = (1 << (len(code.parameters) + code.capture_count)) - 1
        else:
            _, before, has, _ = known
            has |= stored(instructions(code.code)[before])
        self.frames[id(slots)] = slots, place, has, len(frames)
        if place < len(assigned(code)):
            said = assigned(code)[place]
            assert said & ~has == 0, (function, place, bin(said), bin(has))
            self.shown += said.bit_count()


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=200, max_size=2_000))
def test_only_what_was_stored_has_a_value(data: bytes) -> None:
    try:
        runtime = bamlvm.Runtime.from_files({"main.baml": program(data)})
    except bamlvm.CompileError:
        return
    with runtime:
        runtime.engine.new_tracer = lambda scope: Frames()
        with contextlib.suppress(BamlError):
            runtime.call_function_sync("main", {}, bamlvm.CallContext(timeout=20))


def test_a_variable_has_a_value_where_its_name_has_a_meaning() -> None:
    source = """
    function main(flag: bool) -> int {
      let total = 0;
      for (let each in [1, 2]) {
        if (flag) {
          let inner = each;
          total += inner;
        }
        total += each;
      }
      total
    }
    """
    with bamlvm.Runtime.from_files({"main.baml": source}, optimize=False) as runtime:
        linked = runtime.engine.program.function("main")
    code = linked.placed.function
    names = {
        linked.position(place).line: [name for index, name in enumerate(code.local_names) if bits >> index & 1]
        for place, bits in reversed([*enumerate(assigned(code))])
    }
    plain = {line: [name for name in found if "$" not in name] for line, found in names.items()}
    assert plain[4] == ["flag", "total"]
    assert plain[7] == ["flag", "total", "each", "inner"]
    assert plain[9] == ["flag", "total", "each"]
    assert plain[11] == ["flag", "total"]
