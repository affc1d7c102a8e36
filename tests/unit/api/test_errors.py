"""Errors: their classes, their text, their copies and pickles."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import bamlvm
from bamlvm import (
    BamlError,
    CallContext,
    Cancelled,
    CancelToken,
    CompileError,
    DeadlineExceeded,
    HostError,
    ThrownError,
    errors,
    stdlib,
)
from bamlvm.mock import ThreadedMockServer
from bamlvm.vm.values import TraceFrame


def frames(*names: str) -> list[TraceFrame]:
    return [TraceFrame(name, "main.baml", 1, 2) for name in names]


def test_a_short_trace_is_shown_in_full() -> None:
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


PROGRAM = """
enum Mood { Sad }
class Odd { class string  mood Mood  inner Odd?  call (int) -> int }
function odd() -> int {
    let inner = Odd { class: "d", mood: Mood.Sad, inner: null, call: one };
    throw Odd { class: "c", mood: Mood.Sad, inner: inner, call: one }
}
function one(x: int) -> int { x }
function text() -> int { throw "oh" }
function mood() -> int { throw Mood.Sad }
function io() -> string { baml.fs.read("/no/such/file") }
function zero(n: int) -> int { 1 / n }
function deep(n: int) -> int { deep(n + 1) + 1 }
function spin() -> int { while (true) { } 0 }
"""


def raised(source: str, call: Callable[[bamlvm.Runtime], Any]) -> BamlError:
    with pytest.raises(BamlError) as caught, bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        call(runtime)
    return caught.value


def cancelled() -> CallContext:
    token = CancelToken()
    token.cancel()
    return CallContext(cancel=token)


CASES: dict[str, tuple[type[BamlError], Callable[[bamlvm.Runtime], Any]]] = {
    "class": (ThrownError, lambda runtime: runtime.functions.odd()),
    "string": (ThrownError, lambda runtime: runtime.functions.text()),
    "enum": (ThrownError, lambda runtime: runtime.functions.mood()),
    "error": (errors.Io, lambda runtime: runtime.functions.io()),
    "panic": (errors.DivisionByZero, lambda runtime: runtime.functions.zero(0)),
    "overflow": (errors.StackOverflow, lambda runtime: runtime.functions.deep(0)),
    "token": (Cancelled, lambda runtime: runtime.call_function_sync("spin", {}, cancelled())),
    "deadline": (DeadlineExceeded, lambda runtime: runtime.call_function_sync("spin", {}, CallContext(timeout=0.01))),
    "host": (HostError, lambda runtime: runtime.functions.one("x")),
    "sources": (CompileError, lambda runtime: bamlvm.Runtime.from_files({"main.baml": "function f() -> int { y }"})),
}


@pytest.mark.parametrize("name", CASES)
def test_every_error_can_be_copied_and_pickled(name: str) -> None:
    kind, call = CASES[name]
    error = raised(PROGRAM, call)
    assert type(error) is kind
    error.add_note("seen")
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is kind
        assert str(other) == str(error)
        assert other.__notes__ == ["seen"]
        if isinstance(error, ThrownError):
            assert isinstance(other, ThrownError)
            assert (other.class_name, other.message, other.trace) == (error.class_name, error.message, error.trace)
            assert bamlvm.to_builtins(other.value) == bamlvm.to_builtins(error.value)
    if name == "class":
        assert isinstance(error, ThrownError) and isinstance(other, ThrownError)
        assert type(copy.copy(error).value) is type(error.value)
        assert (other.value.class_, other.value.mood.name, other.value.inner.class_) == ("c", "Sad", "d")


def test_every_class_of_the_standard_library_that_can_be_thrown_has_an_exception() -> None:
    from bamlvm.build.cache import Cache
    from bamlvm.build.loading import load_standard

    classes = load_standard(True, Cache.default()).classes
    declared = {name for name in classes if name.startswith(("baml.errors.", "baml.panics."))} - {"baml.errors.Attempt"}
    assert stdlib.sources() and {name for name in declared if errors.thrown_class(name) is ThrownError} == set()
    every = {*ThrownError.__subclasses__(), *errors.Panic.__subclasses__()} - {errors.Panic}
    names = {"ThreadCancelled" if name == "baml.panics.Cancelled" else name.rpartition(".")[2] for name in declared}
    assert {each.__name__ for each in every} == names


def test_an_error_has_the_attempts_of_its_call(threaded_mock_server: ThreadedMockServer) -> None:
    fails = {"faults": [{"kind": "status", "code": 500}]}
    threaded_mock_server.play({"rules": [{"answers": [{"text": "no number"}, fails]}]})
    program = """
        client C { provider openai  retry_policy R  options { model "m"  api_key "k"  base_url "URL/v1" } }
        retry_policy R { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
        function F(input: string) -> int { client C  prompt #"{{ input }}"# }
    """
    source = program.replace("URL", threaded_mock_server.url)
    error = raised(source, lambda runtime: runtime.call_function_sync("F", {"input": "x"}))
    assert type(error) is errors.AllAttemptsFailed
    other = pickle.loads(pickle.dumps(error))
    for each in (error, other):
        assert [(attempt.number, attempt.status) for attempt in each.attempts] == [(1, 200), (2, 500)]
        assert each.attempts[0].text == "no number"
        assert each.prompt == [{"role": "system", "parts": [{"type": "text", "content": "x"}]}]
        kinds = [attempt.error.type.rpartition(".")[2] for attempt in each.attempts]
        assert kinds == ["ParseFailed", "HttpStatus"]


def test_the_answer_that_could_not_be_parsed() -> None:
    source = """
        client C { provider openai  options { model "m"  api_key "k" } }
        function F() -> int { client C  prompt "" }
    """
    error = raised(source, lambda runtime: runtime.parse("F", "no number"))
    assert isinstance(error, errors.ParseFailed) and error.raw == "no number"
