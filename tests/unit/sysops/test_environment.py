"""``env``: variables."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.grants import CAPABILITIES, Environment, grants_of
from bamlvm.vm.values import Thrown


async def test_environment(call: Any) -> None:
    assert call.start("env.get", "GREETING") == "hello"
    assert call.start("env.get", "NONE") is None
    assert call.start("env.get_or_panic", "GREETING") == "hello"
    with pytest.raises(Thrown, match="NONE") as caught:
        call.start("env.get_or_panic", "NONE")
    assert caught.value.class_name == "baml.panics.UserPanic"


@pytest.mark.parametrize("path", ["env.get", "env.get_or_panic"])
async def test_a_denied_environment_panics(call: Any, path: str) -> None:
    call.scope.env = Environment({"OWN": "given"}, {"GREETING": "hello"}, grants_of(CAPABILITIES, ["env"]))
    assert call.start(path, "OWN") == "given"
    with pytest.raises(Thrown, match="denies") as caught:
        call.start(path, "GREETING")
    assert caught.value.class_name == "baml.panics.UserPanic"
