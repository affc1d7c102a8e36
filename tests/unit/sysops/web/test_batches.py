"""Batches: the string that was written is recognised, any other is read."""

from __future__ import annotations

import pytest

from bamlvm.sysops.web.batches import Batches, read_events
from bamlvm.sysops.web.sse import Event
from bamlvm.vm.values import Thrown

EVENTS = [Event("message", "häuser", ""), Event("ping", "{}", "7")]


def test_the_last_string_gives_its_own_events() -> None:
    batches = Batches()
    text = batches.write(EVENTS)
    assert text == '[{"event":"message","data":"häuser","id":""},{"event":"ping","data":"{}","id":"7"}]'
    assert batches.read(text) is EVENTS


def test_an_equal_string_and_an_earlier_one_are_read() -> None:
    batches = Batches()
    earlier = batches.write(EVENTS)
    assert batches.read("".join(list(earlier))) == EVENTS
    batches.write(EVENTS[:1])
    assert batches.read(earlier) == EVENTS


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"event": "x"}]', "[" * 100_000])
def test_what_is_not_a_batch(text: str) -> None:
    with pytest.raises(Thrown) as caught:
        read_events(text)
    assert caught.value.class_name == "baml.errors.InvalidArgument"
