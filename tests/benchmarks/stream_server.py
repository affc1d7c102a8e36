"""A server of canned event streams, in a process of its own: ``python stream_server.py`` prints its port.

``POST /<events>/<gap in ms>/…`` streams that many chat-completion chunks in OpenAI's format, an HTTP chunk each, one
every gap; with a gap of 0 they are written at once.  Every event's text begins with the monotonic second it was written
at, which is the same clock in every process of a machine.  ``GET /connections`` says how many were accepted.  Ends when
its standard input does.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = (
    b'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,'
    b'"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"%.6f "},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1741570283,'
    b'"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
END = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LAST), LAST)


def event() -> bytes:
    """One event, stamped, as an HTTP chunk."""
    data = CHUNK % time.monotonic()
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    accepted = 0

    def __init__(self) -> None:
        self._received = b""
        self._left = 0
        self._gap = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Connection.accepted += 1
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not found or (length is not None and len(rest) < int(length[1])):
            return
        self._received = b""
        target = head.split(b" ")[1]
        if target == b"/connections":
            answer = b"%d" % Connection.accepted
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))
            return
        _, events, gap, *_ = target.split(b"/")
        self._left, self._gap = int(events), int(gap) / 1000
        if not self._gap:
            self._transport.write(HEAD + b"".join(event() for _ in range(self._left)) + END)
            return
        self._transport.write(HEAD)
        self._due = self._loop.time()
        self._next()

    def _next(self) -> None:
        if not self._left:
            self._transport.write(END)
            return
        self._left -= 1
        self._transport.write(event())
        self._due += self._gap
        self._timer = self._loop.call_at(self._due, self._next)


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
