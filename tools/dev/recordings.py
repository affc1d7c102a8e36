"""A recording, opened: what was asked and answered, and when; and the call that made it, to be run again from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bamlvm.replay import ReplayTransport, read_recording
from bamlvm.sysops.web.recording import RecordedExchange, bytes_of

_LONGEST: Final = 200_000  # characters of a body that are sent


def opened(path: str) -> dict[str, Any]:
    """Return the recorded call, if there is one, and the exchanges.

    Raises :class:`bamlvm.HostError` for a file that is no recording.
    """
    return {
        "path": path,
        "calls": [{"function": call.call, "args": call.arguments} for call in ReplayTransport(path).calls],
        "exchanges": [_exchange(each) for each in read_recording(Path(path))],
    }


def _exchange(exchange: RecordedExchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    return {
        "method": request.method,
        "url": request.url,
        "request": _text(bytes_of(request.body)),
        "status": None if response is None else response.status,
        "headers": [] if response is None else response.headers,
        "chunks": [{"at": at, "text": _text(bytes_of(body))} for at, body in exchange.chunks],
        "end": exchange.end,
        "error": None if exchange.error is None else f"{exchange.error.type}: {exchange.error.message}",
        "seconds": exchange.seconds,
    }


def _text(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
