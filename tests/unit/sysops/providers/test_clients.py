"""Strategies that choose among clients, and the clients that ``provider/model`` stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.providers import clients
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Thrown


def _fallback(name: str, *children: str) -> ClientInfo:
    return ClientInfo(name, "baml-fallback", None, {"strategy": list(children)})


def _known(*infos: ClientInfo) -> dict[str, ClientInfo]:
    return {info.name: info for info in infos}


def test_a_circle_is_shown_from_where_it_begins() -> None:
    known = _known(_fallback("A", "openai/m", "B"), _fallback("B", "C"), _fallback("C", "openai/m", "B"))
    with pytest.raises(Thrown) as raised:
        clients.check(known, "A")
    assert raised.value.fields["message"] == "client B chooses itself: B → C → B"


def test_strategies_that_share_their_children_are_each_read_once() -> None:
    levels = [_fallback(f"L{n}", f"L{n + 1}", f"L{n + 1}") for n in range(60)]  # 2**60 ways lead to the last
    clients.check(_known(*levels, ClientInfo("L60", "openai", None, {})), "L0")


def test_strategies_may_be_nested_deeper_than_python_recurses() -> None:
    levels = [_fallback(f"L{n}", f"L{n + 1}") for n in range(20_000)]
    clients.check(_known(*levels, ClientInfo("L20000", "openai", None, {})), "L0")


@given(st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3)))
def test_a_strategy_is_refused_if_one_that_it_reaches_reaches_itself(below: dict[int, list[int]]) -> None:
    known = _known(
        *(
            _fallback(str(n), *map(str, below[n])) if n in below else ClientInfo(str(n), "openai", None, {})
            for n in range(7)
        )
    )

    def reached(start: int) -> set[int]:
        found: set[int] = set()
        waiting = list(below.get(start, ()))
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += below.get(each, ())
        return found

    if any(each in reached(each) for each in {0, *reached(0)}):
        with pytest.raises(Thrown):
            clients.check(known, "0")
    else:
        clients.check(known, "0")


def test_a_shorthand_is_one_client_each_time() -> None:
    assert clients.shorthand("openai/gpt-4o") is clients.shorthand("openai/gpt-4o")
    assert clients.shorthand("openai/") is None
