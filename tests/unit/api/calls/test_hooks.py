"""Callbacks: when they are called, in which thread, and what they may do."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import bamlvm
from bamlvm import CallContext, Cancelled, CancelToken, DeadlineExceeded, HostError
from tests.support.virtual_time import virtual_loop


async def test_partials_go_to_a_callback(runtime: bamlvm.Runtime) -> None:
    for name in ("emit", "emit_and_nap"):
        got: list[Any] = []
        assert runtime.call_function_sync(name, {"n": 3}, CallContext(on_partial=got.append)) == 3
        assert got == [0, 1, 2]
        assert await runtime.call_function(name, {"n": 3}, CallContext(on_partial=got.append)) == 3
        assert got == [0, 1, 2] * 2


async def test_a_callback_with_two_parameters_gets_the_attempt_too(runtime: bamlvm.Runtime) -> None:
    got: list[Any] = []
    runtime.call_function_sync("emit", {"n": 1}, CallContext(on_partial=lambda value, attempt: got.append(attempt)))
    runtime.call_function_sync(
        "emit", {"n": 1}, CallContext(on_partial=lambda value, other="default": got.append(other))
    )
    assert got == [None, "default"]


def test_sync_callbacks_run_in_the_calling_thread(runtime: bamlvm.Runtime) -> None:
    threads: set[int] = set()
    context = CallContext(on_partial=lambda value: threads.add(threading.get_ident()))
    runtime.call_function_sync("emit_and_nap", {"n": 3}, context)
    assert threads == {threading.get_ident()}


async def test_async_callbacks_are_awaited(runtime: bamlvm.Runtime) -> None:
    got: list[Any] = []

    async def callback(value: Any) -> None:
        await asyncio.sleep(0.001)
        got.append(value)

    for name in ("emit", "emit_and_nap"):
        context = CallContext(on_partial=callback)
        assert await runtime.call_function(name, {"n": 3}, context) == 3
        assert await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context) == 3
    assert got == [0, 1, 2] * 4


class OwnError(Exception):
    pass


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_callback_that_raises_ends_the_call_with_its_own_exception(
    runtime: bamlvm.Runtime, name: str, is_async: bool
) -> None:
    calls = []

    def plain(value: Any) -> None:
        calls.append(value)
        if value == 1:
            raise OwnError

    async def slow(value: Any) -> None:
        await asyncio.sleep(0)
        plain(value)

    context = CallContext(on_partial=slow if is_async else plain)
    with pytest.raises(OwnError):
        await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context)
    with pytest.raises(OwnError):
        await runtime.call_function(name, {"n": 3}, context)
    assert calls == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, StopIteration])
def test_whatever_a_sync_callback_raises_comes_out(
    runtime: bamlvm.Runtime, name: str, raised: type[BaseException]
) -> None:
    def callback(value: Any) -> None:
        raise raised

    expected: tuple[type[BaseException], ...] = (raised, RuntimeError) if raised is StopIteration else (raised,)
    with pytest.raises(expected):
        runtime.call_function_sync(name, {"n": 3}, CallContext(on_partial=callback))


@pytest.mark.parametrize("name", ["emit", "emit_and_nap"])
async def test_a_token_cancelled_in_a_callback(runtime: bamlvm.Runtime, name: str) -> None:
    for in_loop in (True, False):
        token = CancelToken()
        got: list[int] = []

        def callback(value: int, token: CancelToken = token, got: list[int] = got) -> None:
            got.append(value)
            token.cancel()

        context = CallContext(on_partial=callback, cancel=token)
        with pytest.raises(Cancelled):
            if in_loop:
                await runtime.call_function(name, {"n": 3}, context)
            else:
                await asyncio.to_thread(runtime.call_function_sync, name, {"n": 3}, context)
        assert got == [0]


async def test_cancelling_an_async_callback(runtime: bamlvm.Runtime) -> None:
    ended = []
    token = CancelToken()

    async def callback(value: Any) -> None:
        token.cancel()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(value)

    with pytest.raises(Cancelled):
        await runtime.call_function("emit", {"n": 1}, CallContext(on_partial=callback, cancel=token))
    token = CancelToken()
    context = CallContext(on_partial=callback, cancel=token)
    with pytest.raises(Cancelled):
        await asyncio.to_thread(runtime.call_function_sync, "emit", {"n": 1}, context)
    assert ended == [0, 0]


@pytest.mark.virtual_time
async def test_a_deadline_ends_an_async_callback(runtime: bamlvm.Runtime) -> None:
    ended = []

    async def callback(value: Any) -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append(value)

    virtual_loop().leap(60)
    with pytest.raises(DeadlineExceeded):
        await runtime.call_function("emit", {"n": 1}, CallContext(on_partial=callback, timeout=60))
    assert ended == [0]


def test_a_callback_may_call_the_runtime(runtime: bamlvm.Runtime) -> None:
    got = []

    def callback(value: int) -> None:
        got.append(runtime.call_function_sync("nap", {"ms": value}))

    runtime.call_function_sync("emit_and_nap", {"n": 3}, CallContext(on_partial=callback))
    assert got == [0, 1, 2]


def test_an_async_callback_of_a_sync_call_must_not_wait_for_its_own_loop(runtime: bamlvm.Runtime) -> None:
    async def callback(value: int) -> None:
        runtime.call_function_sync("nap", {"ms": 1})

    with pytest.raises(HostError, match="await it instead"):
        runtime.call_function_sync("emit_and_nap", {"n": 1}, CallContext(on_partial=callback))
