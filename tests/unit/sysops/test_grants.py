"""What a host grants, and the environment that a call sees."""

from __future__ import annotations

import pytest

from bamlvm.sysops.grants import DEFAULT, EVERYTHING, Environment, grants_of, is_denied, is_given, reason_missing


def test_the_default_denies_the_shell_alone() -> None:
    assert grants_of(None) == grants_of(DEFAULT)
    assert grants_of(None).is_denied("shell") and not grants_of(None).is_denied("fs")


def test_what_is_not_named_is_denied() -> None:
    grants = grants_of({"http": ["api.example.com"], "env": ["NAME"], "fs": True, "net": []})
    assert [name for name in ("shell", "fs", "net", "http", "env") if grants.is_denied(name)] == ["shell", "net"]
    assert grants_of(["shell"], ["shell"]).is_denied("shell")


@pytest.mark.parametrize("stated", [["disk"], {"disk": True}, {"shell": ["ls"]}, {"fs": "/tmp"}, {"http": 1}])
def test_what_cannot_be_granted(stated: object) -> None:
    with pytest.raises(ValueError, match="capability"):
        grants_of(stated)  # type: ignore[arg-type]  # what is refused


def test_an_environment() -> None:
    process = {"KEY": "k", "NAME": "n", "BYTES": "a\udcff"}
    denied = Environment({"OWN": "o"}, process, grants_of([]))
    assert dict(denied) == {"OWN": "o"} and is_denied(denied, "KEY") and not is_given(denied, "KEY")
    assert "denies" in reason_missing(denied, "KEY")
    some = Environment({}, process, grants_of({"env": ["NAME", "OTHER"]})).given({"KEY": "mine"})
    assert dict(some) == {"KEY": "mine", "NAME": "n"} and is_given(some, "KEY") and not is_given(some, "NAME")
    assert reason_missing(some, "OTHER") == "the environment variable OTHER is not set"
    assert Environment({}, process, EVERYTHING)["BYTES"] == "a\ufffd"
    assert is_given(Environment({}, process, EVERYTHING, chosen=True), "KEY")


def test_a_variable_that_is_given_as_none_is_not_there() -> None:
    environment = Environment({"A": "1"}, {"B": "2", "C": "3"}).given({"A": None, "B": None})
    assert dict(environment) == {"C": "3"}
    assert environment.get("B") is None
    assert not environment.is_given("B")
    assert environment.reason("B") == "the environment variable B is not set"
