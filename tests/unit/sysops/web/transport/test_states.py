"""The tables of states: complete, reachable, and strict."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from bamlvm.sysops.web.transport.states import (
    BODY,
    CONNECTION,
    BodyEvent,
    BodyState,
    ConnectionEvent,
    ConnectionState,
    IllegalTransitionError,
    next_state,
)

TABLES: list[tuple[Any, type[Enum], type[Enum], Enum, set[Enum]]] = [
    (CONNECTION, ConnectionState, ConnectionEvent, ConnectionState.CONNECTING, {ConnectionState.CLOSED}),
    (BODY, BodyState, BodyEvent, BodyState.BUFFERING, {BodyState.ENDED}),
]


@pytest.mark.parametrize(("table", "states", "events", "first", "last"), TABLES)
def test_every_state_has_a_row_and_is_reached(
    table: Any, states: type[Enum], events: type[Enum], first: Enum, last: set[Enum]
) -> None:
    assert set(table) == set(states)
    assert {event for row in table.values() for event in row} == set(events)
    reached = {first}
    while more := {after for state in reached for after in table[state].values()} - reached:
        reached |= more
    assert reached == set(states)
    assert {state for state, row in table.items() if set(row.values()) <= {state}} == last


@pytest.mark.parametrize(("table", "states", "events", "first", "last"), TABLES)
def test_what_the_table_does_not_hold_is_an_error(
    table: Any, states: type[Enum], events: type[Enum], first: Enum, last: set[Enum]
) -> None:
    for state in states:
        for event in events:
            if event in table[state]:
                assert next_state(table, state, event) is table[state][event]
            else:
                with pytest.raises(IllegalTransitionError, match=f"{state.name} has no transition for {event.name}"):
                    next_state(table, state, event)
