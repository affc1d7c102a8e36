"""What is done to an answer, and what comes of it: the shapes of the fault table."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from tests.streaming.faults.server import CLOSE, Answer, Step
from tests.streaming.faults.wires import PIECES, SECOND, TEXT, StreamEvent, Wire, encoded

Lack: TypeAlias = Literal["provider", "key", "variable"]
"""What a client lacks that can never work: a provider that is supported, a key, a variable of its options."""

Clock: TypeAlias = Literal["connect", "time_to_first_token", "idle", "request"]
CLOCK_MS: Final[Mapping[Clock, int]] = {"connect": 80, "time_to_first_token": 400, "idle": 150, "request": 400}
"""The limits of the clients whose clocks are to run out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of one attempt.

    ``error`` is the class without its namespace, None for an answer; ``retried`` whether a retry policy tries again;
    ``text`` what of the answer was received.  ``facts`` are fields of the error.
    """

    error: str | None = None
    retried: bool = False
    text: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


WHOLE: Final = Outcome(text=TEXT)
HALF: Final = "".join(PIECES[:2])


def fails(error: str, text: str = "", *, retried: bool = True, **facts: object) -> Outcome:
    """An attempt that fails."""
    return Outcome(error, retried, text, facts)


def overdue(clock: Clock, text: str = "") -> Outcome:
    """An attempt that a clock ends."""
    return fails("Timeout", text, clock=clock, limit_ms=CLOCK_MS[clock])


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    ``answer(wire)`` is what the server does; ``outcome`` what comes of the attempt, by wire format where they differ;
    ``where`` says that it is not an answer of the server but an address: ``closed``, ``full`` or ``resets``; ``lack``,
    that it is the client, which sends no request.  ``clock`` has a short limit; the others have their defaults.
    ``sse`` says that it is about the bytes of server-sent events, which not every wire format has.
    """

    title: str
    outcome: Outcome | Mapping[str, Outcome]
    answer: Callable[[Wire], Answer] = lambda wire: ()
    where: Literal["answer", "closed", "full", "resets"] = "answer"
    clock: Clock | None = None
    lack: Lack | None = None
    sse: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer of the server, which is as it should be the second time."""
        return self.where == "answer" and self.lack is None

    def concerns(self, wire: Wire) -> bool:
        """Whether it can happen with a wire format."""
        return not self.sse or wire.media_type == SSE

    def of(self, wire: Wire) -> Outcome:
        """What comes of it with a wire format."""
        if isinstance(self.outcome, Outcome):
            return self.outcome
        return self.outcome.get(wire.name, self.outcome["*"])


# --- HTTP -------------------------------------------------------------------------------------------------------------

OK: Final = "HTTP/1.1 200 OK"
SSE: Final = "text/event-stream"
EVENTS: Final = f"content-type: {SSE}"
JSON: Final = "content-type: application/json"
CHUNKED: Final = "transfer-encoding: chunked"
LAST: Final = b"0\r\n\r\n"
CLOSE_HEADER: Final = "connection: close"


def head(*lines: str) -> bytes:
    """A response's head."""
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


STREAM_HEAD: Final = head(OK, EVENTS, CHUNKED)


def chunk(data: bytes) -> bytes:
    """An HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunks(pieces: Sequence[bytes]) -> list[bytes]:
    """A chunk a piece."""
    return [chunk(piece) for piece in pieces]


def streamed(events: Sequence[StreamEvent], *ending: Step) -> list[Step]:
    """A chunked stream of these events, an event a chunk; without an ``ending`` it ends as it should."""
    return [STREAM_HEAD, *chunks(encoded(events)), *(ending or (LAST,))]


def body_of(wire: Wire) -> bytes:
    """The recorded stream's bytes."""
    return b"".join(encoded(wire.stream()))


def served(answer: Answer, wire: Wire) -> Answer:
    """An answer with the content type that a wire format's streams have."""
    claimed = f"content-type: {wire.media_type}".encode()
    return [step.replace(EVENTS.encode(), claimed) if isinstance(step, bytes) else step for step in answer]


def healthy(wire: Wire, stream: bool, text: str = SECOND) -> list[Step]:
    """An answer that nothing is wrong with, and that is not the recorded one."""
    return streamed(wire.events((text[:3], text[3:]))) if stream else whole(wire, text)


def whole(wire: Wire, text: str = TEXT, *lines: str) -> list[Step]:
    """An answer that is not streamed."""
    return sized(encoded_whole(wire, text), OK, JSON, *lines)


def encoded_whole(wire: Wire, text: str = TEXT) -> bytes:
    """The body of an answer that is not streamed."""
    import json

    return json.dumps(wire.whole(text), ensure_ascii=False).encode()


def sized(body: bytes, *lines: str) -> list[Step]:
    """A response with a length."""
    return [head(*lines, f"content-length: {len(body)}") + body]


def unsized(body: bytes, *lines: str) -> list[Step]:
    """A response that ends with its connection."""
    return [head(*lines, CLOSE_HEADER), body, CLOSE]


def status(code: int, *lines: str, body: bytes = b'{"error": {"message": "no"}}') -> Callable[[Wire], Answer]:
    """An answer with another status."""
    return lambda wire: sized(body, f"HTTP/1.1 {code} Status", JSON, *lines)


def gzipped(body: bytes) -> bytes:
    """A body compressed."""
    return gzip.compress(body, mtime=0)
