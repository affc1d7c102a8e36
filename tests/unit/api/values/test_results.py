"""Results: shared, cyclic, deep and opaque values, and their builtins."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm import HostError


def test_to_builtins(runtime: bamlvm.Runtime) -> None:
    assert bamlvm.to_builtins(runtime.call_function_sync("person")) == {
        "name": "Ann",
        "nick": None,
        "friends": [],
        "color": "Red",
        "scores": {"Red": 1.0},
    }
    assert bamlvm.to_builtins((1, [2.5], {"a": None})) == [1, [2.5], {"a": None}]


def test_shared_values_stay_shared(runtime: bamlvm.Runtime) -> None:
    first, second = runtime.call_function_sync("people")
    assert first is second
    builtins = bamlvm.to_builtins([first, second])
    assert builtins[0] is builtins[1]


def test_results_are_the_hosts_own(runtime: bamlvm.Runtime) -> None:
    echo = bamlvm.Runtime.from_files({"m.baml": "function f(x: int[]) -> int[] { x.push(1); x }"})
    given = [0]
    got = echo.call_function_sync("f", {"x": given})
    assert (given, got) == ([0], [0, 1])


@pytest.mark.parametrize("name", ["ring", "self_list"])
def test_a_cycle_has_no_python_form(runtime: bamlvm.Runtime, name: str) -> None:
    with pytest.raises(HostError, match="contains itself"):
        runtime.call_function_sync(name)


def test_a_thrown_cycle_is_still_thrown(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(bamlvm.ThrownError) as thrown:
        runtime.call_function_sync("throws_ring")
    assert thrown.value.class_name == "Ring"
    assert "Ring" in repr(thrown.value.value)


def test_a_python_cycle_has_no_builtins() -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    with pytest.raises(HostError, match="contains itself"):
        bamlvm.to_builtins(loop)


def test_ten_thousand_deep(runtime: bamlvm.Runtime) -> None:
    builtins = bamlvm.to_builtins(runtime.call_function_sync("chain", {"length": 10_000}))
    for value in range(9_999, -1, -1):
        assert builtins["value"] == value
        builtins = builtins["next"]
    assert builtins is None


def test_functions_are_opaque(runtime: bamlvm.Runtime) -> None:
    assert "function" in repr(runtime.call_function_sync("closure"))
    (text,) = bamlvm.to_builtins(runtime.call_function_sync("closures")).values()
    assert text.startswith("<function")
