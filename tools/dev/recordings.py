"""A recording, opened: what was asked and answered, and when; and the call that made it, to be run again from it.

A recording may be large.  The page gets a list of the exchanges, and the content of one when it is opened: its text up
to :data:`_LONGEST` characters, in at most :data:`_MOST_PIECES` pieces, neighbours joined.
"""

from __future__ import annotations

import codecs
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bamlvm.errors import HostError
from bamlvm.replay import ReplayTransport, ReplayWarning, read_recording
from bamlvm.sysops.web.decoding import decoded_whole
from bamlvm.sysops.web.recording import RecordedExchange, bytes_of
from bamlvm.tools.dev.project import stamp_of
from bamlvm.tools.dev.values import value_text

_LONGEST: Final = 4_000_000
_MOST_PIECES: Final = 5_000
_MOST_OF_THE_TIME: Final = 20  # a reading that takes long comes less often: this many times its own time apart
_MOST_CALLS: Final = 1_000
_LONGEST_ARGUMENTS: Final = 100_000


class Recording:
    """The recording at a path, as it is now: it may still be written.

    Raises :class:`bamlvm.HostError` for a file that is no recording.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp = stamp_of(path)
        self._due = 0.0
        self._read()

    def _read(self) -> None:
        began = time.monotonic()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ReplayWarning)
            exchanges = read_recording(Path(self.path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReplayWarning)
            self.calls = ReplayTransport(self.path).calls
        self._exchanges = exchanges
        self._notes = [str(each.message) for each in caught]
        now = time.monotonic()
        self._due = now + _MOST_OF_THE_TIME * (now - began)

    def refresh(self) -> bool:
        """Read it again if the file has changed; return whether it had."""
        stamp = stamp_of(self.path)
        if stamp == self._stamp or time.monotonic() < self._due:
            return False
        self._stamp = stamp
        try:
            self._read()
        except HostError as error:  # what was read before is still there to be looked at
            self._notes = [f"as it was before: {error}"]
        return True

    def summary(self) -> dict[str, Any]:
        """Return the recorded calls, and the exchanges without their content."""
        return {
            "path": self.path,
            "notes": self._notes,
            "calls": [
                {"function": call.call, "arguments": _arguments(call.arguments)} for call in self.calls[:_MOST_CALLS]
            ],
            "exchanges": [_head(each) for each in self._exchanges],
        }

    def exchange(self, number: int) -> dict[str, Any]:
        """Return the content of an exchange.  Raises :class:`bamlvm.HostError` if there is none of this number."""
        if not 0 <= number < len(self._exchanges):
            raise HostError(f"the recording has no exchange {number}")
        exchange = self._exchanges[number]
        response = exchange.response
        body = _text(bytes_of(exchange.request.body))
        return {
            "request": body,
            "request_headers": exchange.request.headers,
            "headers": [] if response is None else response.headers,
            "pieces": [*_pieces(exchange)],
        }


def replaying(path: str) -> ReplayTransport:
    """Return a transport that answers from the recording at a path.  Raises :class:`bamlvm.HostError`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ReplayWarning)  # the page has said so
        return ReplayTransport(path)


def _arguments(arguments: Any) -> str | None:
    """Return the arguments of a call as the text of JSON; None if they are not recorded."""
    if arguments is None:
        return None
    text = value_text(arguments)
    return text if len(text) <= _LONGEST_ARGUMENTS else json.dumps(f"({len(text):,} characters of JSON)")


def _head(exchange: RecordedExchange) -> dict[str, Any]:
    error = exchange.error
    return {
        "method": exchange.request.method,
        "url": exchange.request.url,
        "status": None if exchange.response is None else exchange.response.status,
        "end": exchange.end,
        "error": None if error is None else ": ".join(filter(None, (error.type, error.message))),
        "seconds": exchange.seconds,
        "pieces": len(exchange.chunks),
    }


def _pieces(exchange: RecordedExchange) -> Iterator[dict[str, Any]]:
    """Yield pieces: how many chunks there have been with each, when the last of them came, and their text."""
    chunks = [(at, bytes_of(body)) for at, body in exchange.chunks]
    headers = [] if exchange.response is None else exchange.response.headers
    if any(name.lower() == "content-encoding" for name, _ in headers):  # a part of a compressed body is no text
        whole = decoded_whole(headers, b"".join(body for _, body in chunks))
        chunks = [(at, b"") for at, _ in chunks[:-1]] + [(at, whole) for at, _ in chunks[-1:]]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may be spread over two chunks
    together = -(-len(chunks) // _MOST_PIECES) or 1
    left = _LONGEST
    for begin in range(0, len(chunks), together):
        group = chunks[begin : begin + together]
        end = begin + len(group)
        text = decoder.decode(b"".join(body for _, body in group), end == len(chunks))
        if len(text) > left:
            text = f"{text[:left]}… (the rest of the answer is left out)" if left else ""
            left = 0
        else:
            left -= len(text)
        yield {"chunks": end, "at": group[-1][0], "text": text}


def _text(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
