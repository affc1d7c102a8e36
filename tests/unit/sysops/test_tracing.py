"""Tests of the trace: from the environment variable, from the host's loggers, and by neither."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

import bamlvm
from bamlvm.sysops.tracing import NO_TRACE, new_trace

FILES = {"main.baml": "function main() -> int { 1 }"}


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Levels of loggers are as before afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "bamlvm", "bamlvm.calls", "bamlvm.steps", "bamlvm.http")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("written", [None, "", " , "])
def test_nothing_is_on_by_itself(written: str | None) -> None:
    assert new_trace(written) is NO_TRACE


def test_the_variable_names_categories(capsys: pytest.CaptureFixture[str]) -> None:
    trace = new_trace("calls, HTTP,")
    assert trace.calls is not None and trace.http is not None
    assert trace.steps is None and trace.parse is None
    trace.calls("one")
    trace.http("two")
    assert re.fullmatch(r"\[calls 0\.\d{6}\] one\n\[http 0\.\d{6}\] two\n", capsys.readouterr().err)


def test_an_unknown_word_is_an_error_that_names_the_categories() -> None:
    with pytest.raises(ValueError, match=r"BAMLVM_TRACE .* 'stps': the categories are calls, steps, http, parse"):
        new_trace("calls,stps")


def test_a_logger_at_debug_is_a_writer(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("bamlvm.calls").setLevel(logging.DEBUG)
    trace = new_trace(None)
    assert trace.calls is not None and trace.http is None
    trace.calls("100 % of it")
    assert [(each.name, each.levelname, each.getMessage()) for each in caplog.records] == [
        ("bamlvm.calls", "DEBUG", "100 % of it")
    ]


def test_the_root_logger_does_not_switch_steps_on() -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    trace = new_trace(None)
    assert trace.calls is not None and trace.steps is None
    logging.getLogger("bamlvm").setLevel(logging.DEBUG)
    assert new_trace(None).steps is not None


def test_the_variable_wins_over_a_logger(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("bamlvm.calls").setLevel(logging.DEBUG)
    trace = new_trace("calls")
    assert trace.calls is not None
    trace.calls("here")
    assert "here" in capsys.readouterr().err and not caplog.records


def test_a_runtime_reads_the_variable_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAMLVM_TRACE", "parse")
    with bamlvm.Runtime.from_files(FILES) as runtime:
        monkeypatch.setenv("BAMLVM_TRACE", "no such category")
        assert runtime.engine.services.trace.parse is not None and runtime.engine.services.trace.calls is None
        assert runtime.call_function_sync("main") == 1


def test_a_runtime_refuses_an_unknown_category(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAMLVM_TRACE", "everything")
    with pytest.raises(bamlvm.HostError, match="'everything'"):
        bamlvm.Runtime.from_files(FILES)


def test_logging_is_not_imported_to_find_out() -> None:
    program = (
        "import sys, bamlvm.sysops.tracing as tracing\n"
        "assert tracing.new_trace(None) is tracing.NO_TRACE\n"
        "assert 'logging' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
