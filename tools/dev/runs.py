"""A call as the events that the page shows, in the order in which they happened.

    attempt    an attempt started, failed or succeeded: its record; at its end also its request and its text
    tick       raw events as the provider sent them
    partial    a partial value: how many characters of the last one's text stay, and what follows them
    final      the value, and the tokens of all attempts
    cancelled  the call was cancelled; the tokens as well
    error      what ended the call, as bamlvm.tools.server.replies has it

A value is text (values.py).

Each has ``at``, seconds since the call began.  Partial values come at most as often as a page can show them
(:data:`PARTIAL_SECONDS`), the newest one each time, and cost the page what they add.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.collector import Collector
from bamlvm.context import CallContext
from bamlvm.errors import BamlError, Cancelled, DeadlineExceeded, ThrownError
from bamlvm.events import Attempt, Partial, Tick
from bamlvm.tools.dev.values import value_text
from bamlvm.tools.server.replies import refusal

if TYPE_CHECKING:
    from bamlvm.calls.streams import Stream
    from bamlvm.runtime import Runtime

PARTIAL_SECONDS: Final = 0.05
_MOST_OF_THE_TIME: Final = 5  # an encoding that takes long is made less often: this many times its own time apart
_LONGEST_TICK: Final = 20_000  # characters of a raw event that are sent
_LONGEST_TEXT: Final = 200_000  # and of the text of an attempt, or the body of its request

_SHOWN: Final = (
    "ordinal",
    "client",
    "provider",
    "model",
    "function",
    "status",
    "finish_reason",
    "connect",
    "first_byte",
    "first_partial",
    "duration",
    "input_tokens",
    "output_tokens",
    "cached",
)
"""What is shown of the record of an attempt."""

Event = tuple[str, dict[str, Any]]


def run(runtime: Runtime, function: str, args: Mapping[str, Any], context: CallContext) -> AsyncGenerator[Event, None]:
    """Call a function and return what happens, to its end; leaving the iteration cancels the call.

    Raises :class:`bamlvm.HostError` for arguments that do not fit.
    """
    collector = Collector()
    context = msgspec.structs.replace(context, collectors=(*context.collectors, collector))
    return _events(runtime.stream(function, args, context), collector)


async def _events(stream: Stream, collector: Collector) -> AsyncGenerator[Event, None]:
    began = time.monotonic()
    partials = _Partials()
    events = aiter(stream.events())
    following: asyncio.Future[Any] | None = None
    try:
        while True:
            if following is None:
                following = asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait([following], timeout=partials.seconds_left())
            at = round(time.monotonic() - began, 6)
            if not done:  # nothing new: the newest partial value is due
                yield "partial", {**partials.take(), "at": at}
                continue
            happened = following.result()
            following = None
            if isinstance(happened, Partial) and happened.thread == 0:
                partials.put(happened)
                if partials.seconds_left() == 0:
                    yield "partial", {**partials.take(), "at": at}
                continue
            if partials.waiting:
                yield "partial", {**partials.take(), "at": at}
            if isinstance(happened, Attempt):
                yield "attempt", {**_attempt(happened), "at": at}
            elif isinstance(happened, Tick):
                yield "tick", {"events": [_raw(each) for each in happened.events], "at": at}
            elif happened is None:
                break
        value = await stream.final()
        yield "final", {"value": value_text(value), **_end(collector, began)}
    except Cancelled as error:
        if isinstance(error, DeadlineExceeded):
            yield "error", {**refusal(error)[1], **_end(collector, began)}
        else:
            yield "cancelled", _end(collector, began)
    except BamlError as error:
        _, body, _ = refusal(error)
        if isinstance(error, ThrownError):
            if "value" in body:
                body["value"] = value_text(error.value)
            body["trace"] = error.trace_lines()
        yield "error", {**body, **_end(collector, began)}
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await stream.aclose()


def _end(collector: Collector, began: float) -> dict[str, Any]:
    return {"usage": _usage(collector), "at": round(time.monotonic() - began, 6)}


def _usage(collector: Collector) -> dict[str, Any] | None:
    if collector.last is None:
        return None
    usage = collector.last.usage
    cost = None if usage.cost is None else f"{usage.cost.normalize():f}"
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost": cost,
        "currency": usage.currency,
    }


async def _next(events: AsyncIterator[Any]) -> Any:
    """Return the next event, None at the end: a task cannot raise StopAsyncIteration's like."""
    return await anext(events, None)


class _Partials:
    """The newest partial value, and what the page has of the one before."""

    def __init__(self) -> None:
        self.waiting: Partial | None = None
        self._shown = ""
        self._due = 0.0

    def put(self, partial: Partial) -> None:
        self.waiting = partial

    def seconds_left(self) -> float | None:
        """Return how long the newest one has to wait; None if there is none."""
        return None if self.waiting is None else max(0.0, self._due - time.monotonic())

    def take(self) -> dict[str, Any]:
        assert self.waiting is not None
        began = time.monotonic()
        text = value_text(self.waiting.value)
        keep = common_start(self._shown, text)
        shown = {"keep": keep, "add": text[keep:], "attempt": getattr(self.waiting.attempt, "ordinal", None)}
        self._shown = text
        self.waiting = None
        now = time.monotonic()
        self._due = now + max(PARTIAL_SECONDS, _MOST_OF_THE_TIME * (now - began))
        return shown


def common_start(before: str, after: str) -> int:
    """Return how many characters two texts have in common at their beginning, by halving: comparing is fast."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _attempt(event: Attempt) -> dict[str, Any]:
    record = event.record
    shown: dict[str, Any] = {name: getattr(record, name) for name in _SHOWN}
    shown["kind"] = event.kind
    shown["error"] = None if record.error is None else {"type": record.error.type, "message": record.error.message}
    if event.kind != "started":
        shown["request"] = _shown_request(record.request)
        shown["text"] = _shortened(record.text or "", _LONGEST_TEXT)
        shown["reasoning"] = _shortened(record.reasoning or "", _LONGEST_TEXT)
    return shown


def _shown_request(request: dict[str, Any] | None) -> str | None:
    if request is None:
        return None
    head = [f"{request.get('method')} {request.get('url')}"]
    head += [f"{name}: {value}" for name, value in (request.get("headers") or {}).items()]
    body = request.get("body")
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False, default=str)
    return "\n".join([*head, "", _shortened(text, _LONGEST_TEXT)])


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def _raw(event: Any) -> Any:
    """Return a raw event, shortened if it is very long."""
    data = event.get("data") if isinstance(event, dict) else None
    if isinstance(data, str) and len(data) > _LONGEST_TICK:
        return {**event, "data": _shortened(data, _LONGEST_TICK)}
    return event
