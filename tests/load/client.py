"""Many streams at once, read by a process of its own: ``python client.py PORT STREAMS`` prints figures as JSON.

It is as light as it can be, so that it does not slow what it measures: one protocol, which looks for the first
``event: partial`` and for the end.  The first partial is timed from the request's last byte.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

BODY = b'{"text": "something"}'
REQUEST = (
    b"POST /stream/Say HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(BODY), BODY)
)
PARTIAL = b"event: partial\n"
FINAL = b"event: final\n"


class Reader(asyncio.Protocol):
    """One stream."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done
        self._kept = b""
        self.first = 0.0
        self.partials = 0
        self.is_whole = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._sent = time.monotonic()
        transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        data = self._kept + data
        found = data.count(PARTIAL)
        if found and not self.first:
            self.first = time.monotonic() - self._sent
        self.partials += found
        self.is_whole = self.is_whole or FINAL in data
        self._kept = data[-len(PARTIAL) + 1 :]

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def main(port: int, streams: int) -> None:
    loop = asyncio.get_running_loop()
    readers = []

    async def read() -> None:
        done = loop.create_future()
        _, reader = await loop.create_connection(lambda: Reader(done), "127.0.0.1", port)
        readers.append(reader)
        await done

    started = time.monotonic()
    await asyncio.gather(*(read() for _ in range(streams)))
    first = sorted(reader.first for reader in readers)
    figures = {
        "wall": time.monotonic() - started,
        "whole": sum(reader.is_whole for reader in readers),
        "partials": sum(reader.partials for reader in readers),
        "first_p50": first[len(first) // 2],
        "first_p99": first[int(len(first) * 0.99)],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
