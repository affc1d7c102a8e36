"""The clocks of an exchange, as arithmetic."""

from __future__ import annotations

from bamlvm.sysops.web.clocks import Clocks

LIMITS = {"connect": 10, "time_to_first_token": 5_000, "idle": 2_000, "request": 60_000}


def test_no_limit_no_deadline() -> None:
    clocks = Clocks({}, 100.0)
    clocks.arrived(200.0)
    assert clocks.next() is None
    assert clocks.expired(1e9) is None


def test_the_next_to_run_out() -> None:
    clocks = Clocks(LIMITS, 100.0)
    assert clocks.next() == (105.0, "time_to_first_token"), "the idle clock starts with the first bytes"
    clocks.arrived(101.0)
    assert clocks.next() == (103.0, "idle")
    assert (clocks.since("idle"), clocks.since("request")) == (101.0, 100.0)
    clocks.arrived(104.5)
    assert clocks.next() == (105.0, "time_to_first_token")
    clocks.content_arrived()
    assert clocks.next() == (106.5, "idle")
    clocks.arrived(159.0)
    assert clocks.next() == (160.0, "request")


def test_what_arrives_too_late() -> None:
    clocks = Clocks(LIMITS, 100.0)
    assert clocks.expired(105.0) is None
    assert clocks.expired(105.1) == "time_to_first_token"
    clocks.content_arrived()
    assert clocks.expired(105.1) is None
    assert clocks.expired(160.1) == "request"
