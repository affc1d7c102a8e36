"""Settings: their bounds, and that they do not show the keys."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.errors import HostError
from bamlvm.tools.server.settings import Settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"concurrency": 0}, "concurrency: expected a whole number from 1 up, got 0"),
        ({"queue": -1}, "queue: expected a whole number from 0 up, got -1"),
        ({"max_body": 1.5}, "max_body: expected a whole number from 1 up, got 1.5"),
        ({"timeout": 0}, "timeout: expected seconds above 0, got 0"),
        ({"heartbeat": None}, "heartbeat: expected seconds above 0, got None"),
        ({"keys": "abc"}, "keys: expected several strings, got one"),
    ],
)
def test_what_no_setting_can_be(given: dict[str, Any], message: str) -> None:
    with pytest.raises(HostError) as caught:
        Settings(**given)
    assert str(caught.value) == message


def test_keys_are_not_shown() -> None:
    assert "hidden" not in repr(Settings(keys=("hidden-1",), password="hidden-2"))
