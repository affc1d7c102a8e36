"""Arguments and entry points of calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import bamlvm
from bamlvm import CallContext, HostError
from bamlvm.mock import ThreadedMockServer

Make: TypeAlias = Callable[..., bamlvm.Runtime]


def test_what_cannot_be_called(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(HostError, match=r"no function 'ad' \(did you mean `add`\?\)"):
        runtime.call_function_sync("ad")
    with pytest.raises(HostError, match="no function"):
        runtime.call_function_sync("baml.sys.sleep", {"ms": 1})
    with pytest.raises(AttributeError, match="no function"):
        _ = runtime.functions.nope
    with pytest.raises(HostError, match="given twice"):
        runtime.functions.add(1, a=1)


def test_an_llm_call_streams_for_whom_listens(
    make: Make, llm_source: Callable[..., str], threaded_mock_server: ThreadedMockServer
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"pieces": ["Hello", ", ", "world", "!"], "delay_ms": 5}]}]})
    with make(llm_source(threaded_mock_server.url)) as runtime:
        partials: list[str] = []
        ticks: list[Any] = []
        attempts: list[str] = []
        context = CallContext(
            on_partial=partials.append, on_tick=ticks.extend, on_attempt=lambda event: attempts.append(event.kind)
        )
        assert runtime.call_function_sync("F", {"input": "world"}, context) == "Hello, world!"
        assert partials[-1] == "Hello, world!"
        assert all(later.startswith(sooner) for sooner, later in itertools.pairwise(partials))
        assert {tuple(tick) for tick in ticks} == {("event", "data", "id")}
        assert attempts == ["started", "succeeded"]
        assert threaded_mock_server.requests[-1].body["stream"] is True
        assert runtime.call_function_sync("F", {"input": "world"}) == "Hello, world!"
        assert "stream" not in threaded_mock_server.requests[-1].body
