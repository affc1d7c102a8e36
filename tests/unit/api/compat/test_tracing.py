"""Tags of a task, and names that do nothing."""

from __future__ import annotations

import contextvars

import pytest

from bamlvm.compat import tracing
from bamlvm.compat.options import context_of


def test_tags_concern_the_task_that_sets_them() -> None:
    def task() -> None:
        tracing.set_tags(a="1", b="2")
        assert context_of("F", {"tags": {"b": "3"}}).tags == {"a": "1", "b": "3"}

    contextvars.copy_context().run(task)
    assert context_of("F", {}).tags == {}


def test_the_rest() -> None:
    def function() -> int:
        return 1

    assert tracing.trace(function) is function
    tracing.flush()
    tracing.on_log_event(None)
    with pytest.raises(NotImplementedError, match="pass a Collector"):
        tracing.on_log_event(print)
