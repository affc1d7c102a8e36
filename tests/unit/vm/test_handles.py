"""The handle table, against a plain model of who holds what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from bamlvm.vm.handles import HandleTable
from bamlvm.vm.values import Handle, Thrown

OWNERS = st.integers(1, 3)
KINDS = st.sampled_from(["stream", "file"])


def closer() -> None:
    """Closes nothing."""


class Model(RuleBasedStateMachine):
    handles = Bundle("handles")

    @initialize()
    def start(self) -> None:
        self.table = HandleTable(limit_per_call=3, limit=5)
        self.open: dict[Handle, Any] = {}
        self.serial = 0

    @rule(target=handles, kind=KINDS, owner=OWNERS)
    def open_one(self, kind: str, owner: int) -> Handle:
        mine = sum(handle.owner == owner for handle in self.open)
        self.serial += 1
        if mine >= 3 or len(self.open) >= 5:
            with pytest.raises(Thrown, match="3 per call" if mine >= 3 else "5 per runtime"):
                self.table.open(kind, owner, self.serial, closer)
            return Handle(kind, 99, 0, owner)
        handle = self.table.open(kind, owner, self.serial, closer)
        assert handle not in self.open
        self.open[handle] = self.serial
        return handle

    @rule(handle=handles, kind=KINDS, owner=OWNERS)
    def get(self, handle: Handle, kind: str, owner: int) -> None:
        if handle in self.open and (kind, owner) == (handle.kind, handle.owner):
            assert self.table.get(handle, kind, owner) == self.open[handle]
        else:
            with pytest.raises(Thrown) as raised:
                self.table.get(handle, kind, owner)
            assert raised.value.class_name == "baml.errors.InvalidArgument"

    @rule(handle=handles)
    def close(self, handle: Handle) -> None:
        if handle.index == 99:
            with pytest.raises(Thrown):
                self.table.close(handle, handle.kind, handle.owner)
            return
        taken = self.table.close(handle, handle.kind, handle.owner)
        assert taken is (closer if self.open.pop(handle, None) is not None else None)

    @rule(handle=handles, generation=st.integers(-2, 5), index=st.integers(-2, 6))
    def forge(self, handle: Handle, generation: int, index: int) -> None:
        forged = replace(handle, generation=generation, index=index)
        if forged in self.open:
            assert self.table.get(forged, forged.kind, forged.owner) == self.open[forged]
        else:
            with pytest.raises(Thrown):
                self.table.get(forged, forged.kind, forged.owner)

    @rule(owner=OWNERS)
    def take_all(self, owner: int) -> None:
        taken = self.table.take_all(owner)
        mine = {handle: resource for handle, resource in self.open.items() if handle.owner == owner}
        assert sorted(entry.resource for entry in taken) == sorted(mine.values())
        self.open = {handle: each for handle, each in self.open.items() if handle not in mine}

    @invariant()
    def counts(self) -> None:
        assert len(self.table) == len(self.open)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=50)


@pytest.mark.parametrize(
    ("kind", "owner", "message"),
    [("file", 1, "handle of a stream, not of a file"), ("stream", 2, "belongs to another call")],
)
def test_refusals_say_why(kind: str, owner: int, message: str) -> None:
    table = HandleTable()
    handle = table.open("stream", 1, "r", closer)
    for refused in (table.get, table.close):
        with pytest.raises(Thrown, match=message):
            refused(handle, kind, owner)
    assert table.get(handle, "stream", 1) == "r"


def test_closing_twice_is_harmless_and_use_after_it_is_not() -> None:
    table = HandleTable()
    handle = table.open("stream", 1, "r", closer)
    assert table.close(handle, "stream", 1) is closer
    table.open("stream", 1, "next tenant", closer)
    assert table.close(handle, "stream", 1) is None
    with pytest.raises(Thrown, match="this stream is closed"):
        table.get(handle, "stream", 1)
    assert len(table) == 1


def test_something_else_in_the_place_of_a_handle() -> None:
    with pytest.raises(Thrown, match="not the handle of a file"):
        HandleTable().get(None, "file", 1)  # type: ignore[arg-type]  # what is refused
