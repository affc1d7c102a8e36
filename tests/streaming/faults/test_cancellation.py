"""A call ended at every point, in every way: at once, once, and with everything closed.

A *point* is where the call waits (or computes) when it is ended: connecting, before, inside and after the answer's
head, in its body, in the body of an error, sleeping before a retry, in the host's callback, behind a reader that does
not read, inside a loop of the program.  (Resolving a name is ``tests/unit/sysops/web/transport/test_names.py``'s.)

Each of these waits would last ten minutes, so a call that ends within :data:`PATIENCE` has been ended.  How long that
takes is for ``tests/benchmarks/test_cancellation.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bamlvm
from tests.streaming.faults.outcomes import STREAM_HEAD, chunk, chunks, healthy, streamed
from tests.streaming.faults.server import STALL, Answer, FaultServer, full_port
from tests.streaming.faults.wires import WIRES, before_content, encoded

PATIENCE = 60.0
"""Seconds that are waited for what must happen; long enough for any machine."""

DEADLINE = 0.15
WIRE = WIRES["openai"]
HALF = before_content(WIRE.stream(), 2)

PROGRAM = """
retry_policy Later { max_retries 3  strategy { type constant_delay  delay_ms 600000 } }
client<llm> C { provider openai  retry_policy Later
    options {
      model "m"  api_key "k"  base_url env.URL  http { connect_timeout_ms 600000  request_timeout_ms 600000 }
    } }
function F(input: string) -> string { client C  prompt #"{{ input }}"# }
function spin(input: string) -> int { let n = 0; baml.stream.emit_partial(n); while (true) { n += 1; } n }
function recurse(input: string) -> int { let n = 0; baml.stream.emit_partial(n); while (true) { n += fib(12); } }
function fib(n: int) -> int { if (n < 2) { n } else { fib(n - 1) + fib(n - 2) } }
function sleep(input: string) -> int { baml.stream.emit_partial(0); baml.sys.sleep(600000); 0 }
"""


@dataclass
class Point:
    """Where a call is to be ended.

    ``answer`` is what the server does; ``is_there(server, seen)`` whether the call has come so far.  ``url`` replaces
    the server's; ``callback`` the callback of partial values.
    """

    answer: Answer = ()
    function: str = "F"
    is_there: Callable[[FaultServer, Seen], bool] = lambda server, seen: bool(server.hits("F"))
    place: str = "server"
    callback: Callable[[Seen], Callable[[Any], Any]] | None = None


@dataclass
class Seen:
    """What the host has seen of a call."""

    partials: list[Any] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    in_callback: bool = False


def _waiting(seen: Seen) -> Callable[[Any], Awaitable[None]]:
    async def callback(value: Any) -> None:
        seen.in_callback = True
        await asyncio.sleep(600)

    return callback


POINTS = {
    "connecting": Point(place="full", is_there=lambda server, seen: "started" in seen.attempts),
    "before the head": Point([STALL]),
    "inside the head": Point([STREAM_HEAD[:20], STALL]),
    "after the head": Point([STREAM_HEAD, STALL]),
    "in the body": Point(streamed(HALF, STALL), is_there=lambda server, seen: bool(seen.partials)),
    "in a body that drips": Point(
        streamed(HALF, *([chunk(b": comment\n\n"), 0.002] * 30_000)),
        is_there=lambda server, seen: bool(seen.partials),
    ),
    "in the body of an error": Point([b"HTTP/1.1 500 Oops\r\n\r\noo", STALL]),
    "before a retry": Point(
        [b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"], is_there=lambda server, seen: "failed" in seen.attempts
    ),
    "in an async callback": Point(
        healthy(WIRE, stream=True), is_there=lambda server, seen: seen.in_callback, callback=_waiting
    ),
    "in a loop": Point(function="spin", is_there=lambda server, seen: bool(seen.partials)),
    "in a loop of calls": Point(function="recurse", is_there=lambda server, seen: bool(seen.partials)),
    "in baml.sys.sleep": Point(function="sleep", is_there=lambda server, seen: bool(seen.partials)),
}  # fmt: skip


@contextlib.contextmanager
def _url(point: Point, server: FaultServer) -> Iterator[str]:
    if point.place == "full":
        with full_port() as port:
            yield f"http://127.0.0.1:{port}"
    else:
        yield server.url("F")


def _context(point: Point, seen: Seen, url: str, token: bamlvm.CancelToken, timeout: float | None) -> Any:
    callback = seen.partials.append if point.callback is None else point.callback(seen)
    return bamlvm.CallContext(
        on_partial=callback,
        on_attempt=lambda event: seen.attempts.append(event.kind),
        env={"URL": url},
        cancel=token,
        timeout=timeout,
    )


async def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "the call does not come to the point"
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.02)


async def _call(runtime: bamlvm.Runtime, how: str, function: str, context: Any, seen: Seen) -> None:
    """Make the call and note how it ends, which happens once."""
    try:
        if how in ("break", "drop"):
            stream = runtime.stream(function, {"input": "x"}, context)
            async for _ in stream:
                break
            else:
                seen.ends.append("ended")
                return
            if how == "break":
                await stream.aclose()
            seen.ends.append("left")
            return
        await runtime.call_function(function, {"input": "x"}, context)
    except asyncio.CancelledError:
        seen.ends.append("CancelledError")
        raise
    except bamlvm.DeadlineExceeded:
        seen.ends.append("DeadlineExceeded")
    except bamlvm.Cancelled:
        seen.ends.append("Cancelled")
    else:
        seen.ends.append("value")


ENDS = {"token": "Cancelled", "thread": "Cancelled", "cancel": "CancelledError", "deadline": "DeadlineExceeded",
        "close": "Cancelled"}  # fmt: skip


async def end_call(point: Point, how: str) -> float:
    """End a call at a point; the seconds it took.  Afterwards nothing is open and the server has seen the client go."""
    seen = Seen()
    token = bamlvm.CancelToken()
    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        server.play("F", point.answer)
        with _url(point, server) as url:
            started = time.monotonic()
            context = _context(point, seen, url, token, DEADLINE if how == "deadline" else None)
            task = asyncio.ensure_future(_call(runtime, how, point.function, context, seen))
            if how == "deadline":
                acted = started + DEADLINE
            else:
                await _until(lambda: point.is_there(server, seen))
                acted = time.monotonic()
                if how == "token":
                    token.cancel()
                elif how == "thread":
                    threading.Thread(target=token.cancel).start()
                elif how == "close":
                    await runtime.aclose()
                else:
                    task.cancel()
            await asyncio.wait({task}, timeout=PATIENCE)
            took = time.monotonic() - acted
            assert task.done(), "the call does not end"
            assert seen.ends == [ENDS[how]]
            assert task.cancelled() == (how == "cancel")
            assert runtime.handles == 0
            assert not runtime.engine.active
            others = asyncio.all_tasks() - {asyncio.current_task()}
            serving = {each for each in others if "FaultServer" in repr(each) or "faults" in repr(each)}
            assert others == serving, others - serving
            await server.until(lambda: all(hit.outcome != "answering" for hit in server.hits("F")))
            assert len(server.hits("F")) <= 1, "another attempt was made"
    return took


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
async def test_a_call_in_an_event_loop(point: Point, how: str) -> None:
    await end_call(point, how)


# --- leaving a stream -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["break", "drop"])
@pytest.mark.parametrize("answer", [streamed(HALF, STALL), healthy(WIRE, stream=True)], ids=["stalled", "answered"])
async def test_leaving_the_iteration(answer: Answer, how: str) -> None:
    seen = Seen()
    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        server.play("F", answer)
        context = bamlvm.CallContext(env={"URL": server.url("F")})
        await _call(runtime, how, "F", context, seen)
        assert seen.ends == ["left"]
        await _until(lambda: not runtime.engine.active)
        assert runtime.handles == 0
        await server.until(lambda: all(hit.outcome != "answering" for hit in server.hits("F")))


async def test_ending_a_call_behind_a_reader_that_does_not_read() -> None:
    many = [STREAM_HEAD, b"".join(chunks(encoded(WIRE.events(["word "] * 20_000)))), STALL]
    token = bamlvm.CancelToken()
    async with FaultServer() as server, bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        server.play("F", many)
        stream = runtime.stream("F", {"input": "x"}, bamlvm.CallContext(env={"URL": server.url("F")}, cancel=token))
        events = stream.events()
        await anext(events)
        await asyncio.sleep(0.05)
        token.cancel()
        with pytest.raises(bamlvm.Cancelled):
            await stream.final()
        assert runtime.handles == 0
        await server.until(lambda: server.open_connections == 0)


# --- synchronous calls ------------------------------------------------------------------------------------------------


class ThreadedFaults:
    """The server in a thread of its own."""

    def __init__(self, answer: Answer) -> None:
        self.server = FaultServer()
        self._answer = answer
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._ready.wait()
        return self.server

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self.server:
            self.server.play("F", self._answer)
            self._ready.set()
            await self._stop.wait()


SYNC_ENDS = {"token": bamlvm.Cancelled, "deadline": bamlvm.DeadlineExceeded, "ctrl-c": KeyboardInterrupt}


def end_sync_call(point: Point, how: str) -> float:
    """As :func:`end_call`, of a call that blocks the main thread."""
    seen, token = Seen(), bamlvm.CancelToken()
    acted: list[float] = []
    with (
        ThreadedFaults(point.answer) as server,
        bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime,
        _url(point, server) as url,
    ):
        context = _context(point, seen, url, token, DEADLINE if how == "deadline" else None)

        def act() -> None:
            until = time.monotonic() + PATIENCE
            while not point.is_there(server, seen) and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(0.02)
            acted.append(time.monotonic())
            token.cancel() if how == "token" else os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=act)
        started = time.monotonic()
        if how != "deadline":
            thread.start()
        with pytest.raises(SYNC_ENDS[how]) as ended:
            runtime.call_function_sync(point.function, {"input": "x"}, context)
        now = time.monotonic()
        if how != "deadline":
            thread.join()
        assert ended.type is SYNC_ENDS[how]
        assert runtime.handles == 0
        assert not runtime.engine.active
        until = time.monotonic() + PATIENCE
        while any(hit.outcome == "answering" for hit in server.hits("F")):
            assert time.monotonic() < until, "the connection is still open"
            time.sleep(0.002)
        assert len(server.hits("F")) <= 1
    return now - (acted[0] if acted else started + DEADLINE)


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("how", SYNC_ENDS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_call_that_blocks(point: Point, how: str) -> None:
    end_sync_call(point, how)


def test_a_token_cancelled_in_a_plain_callback() -> None:
    token = bamlvm.CancelToken()
    seen: list[Any] = []

    def callback(value: Any) -> None:
        seen.append(value)
        token.cancel()

    with (
        ThreadedFaults(healthy(WIRE, stream=True)) as server,
        bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime,
    ):
        context = bamlvm.CallContext(on_partial=callback, cancel=token, env={"URL": server.url("F")})
        with pytest.raises(bamlvm.Cancelled):
            runtime.call_function_sync("F", {"input": "x"}, context)
        assert len(seen) == 1
        assert runtime.handles == 0


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------

EMBEDDED = """
import asyncio, sys
import bamlvm
runtime = bamlvm.Runtime.from_directory(sys.argv[1])
async def main():
    async with runtime:
        async for partial in runtime.stream(sys.argv[2], {"input": "x"}):
            print(partial, flush=True)
try:
    print("going", flush=True)
    asyncio.run(main())
except KeyboardInterrupt:
    assert runtime.handles == 0 and not runtime.engine.active
    print("interrupted")
"""
CTRL_C = ("connecting", "before the head", "in the body", "before a retry", "in a loop", "in baml.sys.sleep")


def _connecting(url: str) -> set[str]:
    """The near ends of the connections to an address that are not accepted yet (proc(5), ``/proc/net/tcp``)."""
    port = f":{httpx.URL(url).port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[1] for line in lines if line[2].endswith(port) and line[3] == "02"}


@pytest.mark.parametrize("host", ["cli", "embedded"])
@pytest.mark.parametrize("name", CTRL_C)
def test_ctrl_c_in_a_process(tmp_path: Any, name: str, host: str) -> None:
    point = POINTS[name]
    (tmp_path / "main.baml").write_text(PROGRAM)
    with ThreadedFaults(point.answer) as server, _url(point, server) as url:
        command = (
            [sys.executable, "-m", "bamlvm", "run", str(tmp_path), point.function, "-a", "input=x", "--stream"]
            if host == "cli"
            else [sys.executable, "-W", "error", "-c", EMBEDDED, str(tmp_path), point.function]
        )
        environment = {**os.environ, "URL": url}
        others = _connecting(url)
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            guard = threading.Timer(PATIENCE, process.kill)
            guard.start()
            if point.function != "F":  # it shows a partial value when it is there
                partial, shown = ("partial: 0\n", process.stderr) if host == "cli" else ("0\n", process.stdout)
                assert shown is not None and partial in iter(shown.readline, "")
            else:
                while not (server.hits("F") if point.place == "server" else _connecting(url) - others):
                    assert process.poll() is None
                    time.sleep(0.01)
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            guard.cancel()
            guard.join()
        assert "Traceback" not in err, err
        if host == "cli":
            assert process.returncode == 130, (process.returncode, out, err)
            assert err.endswith("interrupted\n")
        else:
            assert (process.returncode, out.splitlines()[-1], err) == (0, "interrupted", "")
        until = time.monotonic() + PATIENCE
        while any(hit.outcome == "answering" for hit in server.hits("F")):
            assert time.monotonic() < until, "the connection is still open"
            time.sleep(0.002)


_HANDED_OVER = ("run_blocking", "finish_blocking", "start", "result", "receive")
"""The functions through which a call goes from the calling thread to the background loop, and its value back."""


def test_ctrl_c_at_any_line_of_the_handover() -> None:
    """A signal may strike anywhere: a trace function strikes at the first line, then at the second, and so on."""
    strikes, line = 0, 2  # the two before it: a variable, and "try"
    with (
        ThreadedFaults(healthy(WIRE, stream=True)) as server,
        bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime,
    ):
        context = bamlvm.CallContext(on_partial=lambda value: None, env={"URL": server.url("F")})
        assert runtime.call_function_sync("F", {"input": "x"}, context), "everything is imported"
        while True:
            seen = 0
            line += 1

            def trace(frame: Any, event: str, argument: Any, line: int = line) -> Any:
                nonlocal seen
                code = frame.f_code
                if code.co_name not in _HANDED_OVER or not code.co_filename.endswith(("background.py", "driver.py")):
                    return None
                if event == "line":
                    seen += 1
                    if seen == line:
                        sys.settrace(None)
                        raise KeyboardInterrupt
                return trace

            before = sys.gettrace()
            sys.settrace(trace)
            try:
                runtime.call_function_sync("F", {"input": "x"}, context)
            except KeyboardInterrupt:
                strikes += 1
            else:
                break
            finally:
                sys.settrace(before)
            assert runtime.handles == 0, f"line {line}"
            assert not runtime.engine.active, f"line {line}"
    assert strikes > 20


# --- any sequence -----------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(list(POINTS)),
        st.sampled_from(("token", "cancel", "leave", "nobody")),
        st.integers(0, 60),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


async def _some_calls(server: FaultServer, steps: list[tuple[str, str, int, bool]]) -> None:
    """Calls ended after so many turns of the loop, side by side or one after the other; nothing is left of them."""
    before = asyncio.all_tasks()
    threads = threading.active_count()
    tasks = []
    with full_port() as port:
        async with bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
            for number, (name, how, turns, alone) in enumerate(steps):
                point = POINTS[name]
                key = f"{number}-{how}"
                server.play(key, point.answer)
                url = f"http://127.0.0.1:{port}" if point.place == "full" else server.url(key)
                token = bamlvm.CancelToken()
                seen = Seen()
                timeout = 0.05 if how == "nobody" else PATIENCE
                context = _context(point, seen, url, token, timeout)
                kind = "break" if how == "leave" else "call"
                task = asyncio.ensure_future(_call(runtime, kind, point.function, context, seen))
                tasks.append((task, seen))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if how == "token":
                    token.cancel()
                elif how in ("cancel", "leave"):
                    task.cancel()
                if alone:
                    await asyncio.wait({task}, timeout=PATIENCE)
            _, left = await asyncio.wait({task for task, _ in tasks}, timeout=PATIENCE)
            assert not left, "a call does not end"
            for task, seen in tasks:
                assert len(seen.ends) <= 1  # none for a task cancelled before its first turn
                assert task.cancelled() or task.exception() is None
            await _until(lambda: not runtime.engine.active)
            assert runtime.handles == 0
        await server.until(lambda: server.open_connections == 0)
    await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()
    assert threading.active_count() == threads


def test_no_sequence_of_calls_and_ends_leaves_anything() -> None:
    with asyncio.Runner() as runner:
        server = FaultServer()
        runner.run(server.__aenter__())

        @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
        @given(STEPS)
        def property_(steps: list[tuple[str, str, int, bool]]) -> None:
            runner.run(_some_calls(server, steps))

        property_()
        runner.run(server.__aexit__(None, None, None))
