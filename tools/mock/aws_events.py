"""AWS's binary event streams: an event as bytes ("Event stream encoding", Amazon Transcribe developer guide).

An event whose name begins with ``!`` is an exception of that type.
"""

from __future__ import annotations

import struct
import zlib

from bamlvm.tools.mock.wire import StreamEvent

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def encode_message(event: StreamEvent) -> bytes:
    """Return an event as one message."""
    headers = {":content-type": "application/json", ":message-type": "event"}
    if event.name is not None and event.name.startswith("!"):
        headers |= {":message-type": "exception", ":exception-type": event.name[1:]}
    elif event.name is not None:
        headers[":event-type"] = event.name
    return encode(headers, event.data.encode())


def encode(headers: dict[str, str], payload: bytes) -> bytes:
    """Return a message of headers, all of them strings, and a payload."""
    packed = b"".join(map(_header, headers, headers.values()))
    lengths = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + packed + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return struct.pack(f">B{len(key)}sBH", len(key), key, _STRING, len(data)) + data
