"""What errors look like."""

from __future__ import annotations

import pytest

import bamlvm
from bamlvm import ThrownError
from bamlvm.vm.values import TraceFrame


def frames(*names: str) -> list[TraceFrame]:
    return [TraceFrame(name, "main.baml", 1, 2) for name in names]


def test_a_short_trace_is_told_in_full() -> None:
    error = ThrownError(None, "E", "bad", frames("a", "b", "a"))
    assert str(error) == "E: bad\n  at a (main.baml:1:2)\n  at b (main.baml:1:2)\n  at a (main.baml:1:2)"


def test_a_run_of_one_frame_is_one_line() -> None:
    error = ThrownError(None, "E", "", frames("a", *["b"] * 1000, "c"))
    assert str(error).splitlines() == [
        "E",
        "  at a (main.baml:1:2)",
        "  at b (main.baml:1:2), 1,000 times",
        "  at c (main.baml:1:2)",
    ]


def test_a_long_trace_is_cut_in_its_middle() -> None:
    error = ThrownError(None, "E", "", frames(*["a", "b"] * 2000, "c"))
    lines = error.trace_lines()
    assert len(lines) == 21
    assert lines[9:12] == ["at b (main.baml:1:2)", "… 3,981 more", "at b (main.baml:1:2)"]
    assert lines[-1] == "at c (main.baml:1:2)"
    assert len(error.trace_lines(4)) == 5


def test_an_overflowing_stack() -> None:
    runtime = bamlvm.Runtime.from_files({"main.baml": "function f(n: int) -> int {\n  1 + f(n + 1)\n}"})
    with pytest.raises(ThrownError) as thrown:
        runtime.call_function_sync("f", {"n": 1})
    head, frame = str(thrown.value).splitlines()
    assert head.startswith("baml.panics.StackOverflow: ")
    assert frame == "  at f (main.baml:2:7), 10,000 times"
    assert len(thrown.value.trace) == 10_000
