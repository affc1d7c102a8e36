"""``Collector`` with the logs of ``baml_py``: views of :class:`bamlvm.CallRecord` and its attempts.

Tokens are None where no provider reported them.  Headers and bodies have their secrets hidden.  The body of a streamed
response is in ``sse_responses()``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from bamlvm.calls.dry_run import HttpRequest
from bamlvm.collector import CallRecord
from bamlvm.sysops.records import AttemptEvent, AttemptRecord


class Usage(NamedTuple):
    """Tokens."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None


class Timing(NamedTuple):
    """Times in milliseconds; the start is Unix time."""

    start_time_utc_ms: int
    duration_ms: int | None
    time_to_first_token_ms: int | None = None


class StreamTiming(Timing):
    """Times of a stream."""


class HTTPBody(NamedTuple):
    """The body of a request or the data of an event."""

    data: Any

    def json(self) -> Any:
        """Return the body as data.  Raises :class:`ValueError` for text that is not JSON."""
        return json.loads(self.data) if isinstance(self.data, str) else self.data

    def text(self) -> str:
        """Return the body as text."""
        return self.data if isinstance(self.data, str) else json.dumps(self.data, ensure_ascii=False)

    def raw(self) -> bytes:
        """Return the body as UTF-8."""
        return self.text().encode()


class HTTPRequest(NamedTuple):
    """A request: of a log one that was sent, with its secrets hidden, or one of a call that was not sent, with the keys
    that would be."""

    id: str
    url: str
    method: str
    headers: Mapping[str, str]
    body: HTTPBody

    def __repr__(self) -> str:
        return f"HTTPRequest({HttpRequest(self.method, self.url, dict(self.headers), self.body.text())!r})"


class LoggedResponse(NamedTuple):
    """A response that was received; the body of one that was streamed is in its events."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: HTTPBody | None = None


class SSEResponse(NamedTuple):
    """One event of a stream."""

    data: Any

    @property
    def text(self) -> str:
        """The data of the event as text."""
        return HTTPBody(self.data).text()

    def json(self) -> Any:
        """Return the data of the event, None if it is not JSON."""
        if not isinstance(self.data, str):
            return self.data
        try:
            return json.loads(self.data)
        except ValueError:
            return None


class LLMCall:
    """One attempt at one client."""

    def __init__(self, record: AttemptRecord) -> None:
        self._record = record

    client_name = property(lambda self: self._record.client, doc="The name of the client.")
    provider = property(lambda self: self._record.provider, doc="Its provider.")

    @property
    def selected(self) -> bool:
        """Whether this attempt gave the answer."""
        return self._record.error is None and self._record.duration is not None

    @property
    def usage(self) -> Usage:
        """The tokens of the attempt."""
        return _usage([self._record])

    @property
    def timing(self) -> Timing:
        """The times of the attempt."""
        record = self._record
        kind = StreamTiming if record.streamed else Timing
        return kind(int(record.started * 1000), _ms(record.duration), _ms(record.first_partial))

    @property
    def http_request(self) -> HTTPRequest | None:
        """The request, None if none was made."""
        sent = self._record.request
        if sent is None:
            return None
        return HTTPRequest(str(id(self._record)), sent["url"], sent["method"], sent["headers"], HTTPBody(sent["body"]))

    @property
    def http_response(self) -> LoggedResponse | None:
        """The response, None if there was none."""
        status, kept = self._record.status, self._record.response or {}
        if status is None:
            return None
        text = kept.get("body")
        return LoggedResponse(status, kept.get("headers", {}), None if text is None else HTTPBody(text))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._record!r}>"


class LLMStreamCall(LLMCall):
    """One attempt at one client whose answer was streamed."""

    def sse_responses(self) -> list[SSEResponse]:
        """Return the events of the stream."""
        return [SSEResponse(event["data"]) for event in self._record.raw_events or ()]


class FunctionLog:
    """One call of a function."""

    def __init__(
        self,
        name: str,
        tags: Mapping[str, str],
        attempts: Sequence[AttemptRecord],
        started: float,
        duration: float | None,
    ) -> None:
        self.id = str(uuid4())
        self.function_name = name
        self.tags = dict(tags)
        self.metadata: dict[str, Any] = {}
        self._attempts = attempts
        self.timing = Timing(int(started * 1000), _ms(duration))

    @property
    def log_type(self) -> Literal["call", "stream"]:
        """Whether answers were streamed."""
        return "stream" if any(attempt.streamed for attempt in self._attempts) else "call"

    @property
    def calls(self) -> list[LLMCall]:
        """The attempts, in the order in which they began."""
        return [LLMStreamCall(each) if each.streamed else LLMCall(each) for each in self._attempts]

    @property
    def selected_call(self) -> LLMCall | None:
        """The attempt that gave the answer."""
        return next((call for call in reversed(self.calls) if call.selected), None)

    @property
    def raw_llm_response(self) -> str | None:
        """The text of the answer; None if no attempt gave one."""
        return next((each.text for each in reversed(self._attempts) if each.error is None), None)

    @property
    def usage(self) -> Usage:
        """The tokens of all attempts."""
        return _usage(self._attempts)

    def __repr__(self) -> str:
        return f"<FunctionLog {self.function_name}, {len(self._attempts)} calls>"


class Collector:
    """The logs of the calls that carried it; safe to share between calls and threads."""

    keep_raw_events = True

    def __init__(self, name: str | None = None) -> None:
        self.name = name
        self._logs: list[FunctionLog] = []

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`bamlvm.Observer`."""
        return self._add

    def _add(self, record: CallRecord) -> None:
        self._logs.append(FunctionLog(record.function, record.tags, record.attempts, record.started, record.duration))

    @property
    def logs(self) -> list[FunctionLog]:
        """The calls that have ended, in the order of ending."""
        return list(self._logs)

    @property
    def last(self) -> FunctionLog | None:
        """The call that ended last."""
        logs = self._logs[-1:]
        return logs[0] if logs else None

    @property
    def usage(self) -> Usage:
        """The tokens of all calls."""
        return _usage(attempt for log in self._logs for attempt in log._attempts)

    def id(self, function_log_id: str) -> FunctionLog | None:
        """Return a log by its ``id``."""
        return next((log for log in self._logs if log.id == function_log_id), None)

    def clear(self) -> None:
        """Remove every log."""
        self._logs.clear()

    def __repr__(self) -> str:
        return f"Collector({self.name!r}, {len(self._logs)} logs)"


class LiveLog:
    """The log of a call that still runs, for ``on_tick``; an observer, so that raw events are kept."""

    keep_raw_events = True

    def __init__(self, name: str, tags: Mapping[str, str], on_tick: Callable[[str, FunctionLog], Any]) -> None:
        self._on_tick = on_tick
        self._attempts: list[AttemptRecord] = []
        self._name = name
        self._tags = tags

    def begin(self, function: str, tags: Mapping[str, str]) -> Callable[[CallRecord], None]:
        """See :class:`bamlvm.Observer`."""
        return lambda record: None

    def attempt(self, event: AttemptEvent) -> None:
        """Take an attempt that begins."""
        if event.kind == "started":
            self._attempts.append(event.record)

    def tick(self, events: list[Any]) -> Any:
        """Call the host's callback with a reason (as there, always ``Unknown``) and the log so far."""
        started = self._attempts[0].started if self._attempts else 0.0
        return self._on_tick("Unknown", FunctionLog(self._name, self._tags, self._attempts, started, None))


def _usage(attempts: Iterable[AttemptRecord]) -> Usage:
    attempts = [attempt for attempt in attempts if not attempt.cached]
    totals: list[int | None] = [None, None, None]
    for attempt in attempts:
        for place, name in enumerate(Usage._fields):
            tokens = getattr(attempt, name)
            if tokens is not None:
                totals[place] = (totals[place] or 0) + tokens
    return Usage(*totals)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
