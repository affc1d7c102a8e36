"""Constants: what their initialisers may reach, and that a value belongs to all calls of a runtime and to no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import bamlvm


def codes(source: str) -> list[str]:
    return [each.code for each in bamlvm.check({"main.baml": source}).diagnostics if each.severity == "error"]


@pytest.mark.parametrize(
    "source",
    [
        "const A = baml.random.int(1, 2)",
        "const A = f\nfunction f() -> string { baml.time.now_iso() }",
        'const A = () -> string { env.get_or_panic("X") }',
        "const A = P { x: 1 }.now()\nclass P { x int  function now(self) -> string { baml.time.now_iso() } }",
        "const A = [1].map((x: int) -> float { baml.random.float() })",
        "const A = f()\nfunction f(x: string = baml.time.now_iso()) -> string { x }",
    ],
)
def test_an_initialiser_reaches_no_sysop(source: str) -> None:
    assert codes(source) == ["E0163"]


def test_an_llm_function_is_no_initialiser() -> None:
    source = 'const A = F()\nfunction F() -> string { client "openai/gpt-4o"  prompt "x" }'
    assert codes(source) == ["E0163"]


def test_a_method_of_another_class_is_not_reached() -> None:
    source = """
class P { x int  function now(self) -> int { self.x } }
class Q { y int  function now(self) -> int { START + 1 } }
const START = P { x: 1 }.now()
"""
    assert codes(source) == []


@pytest.mark.parametrize(
    "source", ["const A = A", "const A = f()\nfunction f() -> int { A }", "const A: int = B\nconst B = A"]
)
def test_a_value_that_needs_itself_is_reported_once(source: str) -> None:
    assert codes(source) == ["E0068"]


COUNTER = "const SEEN: int[] = []\nfunction main() -> int { SEEN.push(1); SEEN.length() }"


def test_a_value_belongs_to_all_calls_of_a_runtime() -> None:
    with (
        bamlvm.Runtime.from_files({"main.baml": COUNTER}) as one,
        bamlvm.Runtime.from_files({"main.baml": COUNTER}) as other,
    ):
        assert [one.call_function_sync("main", {}) for _ in range(3)] == [1, 2, 3]
        assert other.call_function_sync("main", {}) == 1


def test_threads_share_the_first_value() -> None:
    with bamlvm.Runtime.from_files({"main.baml": COUNTER}) as runtime, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: runtime.call_function_sync("main", {}), range(64)))
    assert sorted(found) == list(range(1, 65))


def test_a_constant_is_no_function_of_the_host() -> None:
    with bamlvm.Runtime.from_files({"main.baml": COUNTER}) as runtime, pytest.raises(bamlvm.HostError):
        runtime.call_function_sync("SEEN", {})
