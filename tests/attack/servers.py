"""Hostile servers: every fault under every limit."""

from __future__ import annotations

import gzip
import os
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import bamlvm
from tests.attack.case import Attack, at_most, ending

_PROGRAM: Final = """
class Item { name string  tags string[] }
client<llm> C { provider PROVIDER  options { model "m"  api_key "k"  base_url env.URL  STREAMS } }
function F(x: string) -> RESULT { client C  prompt #"{{ x }}"# }
"""
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def _serve(answer: Callable[[socket.socket], None]) -> str:
    """Start a server on loopback that answers each connection in a thread; return its URL."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                answer(connection)
            except OSError:  # the client has had enough
                pass

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _asked(
    answer: Callable[[socket.socket], None],
    provider: str = "openai-generic",
    result: str = "string",
    streams: bool = False,
    text: str = "hi",
    **options: Any,
) -> str:
    source = _PROGRAM.replace("PROVIDER", provider).replace("RESULT", result)
    source = source.replace("STREAMS", f"supports_streaming {str(streams).lower()}")
    with (
        bamlvm.Runtime.from_files({"main.baml": source}, env={"URL": _serve(answer)}, **options) as runtime,
        at_most(10),
    ):
        context = bamlvm.CallContext(timeout=8, on_partial=(lambda _: None) if streams else None)
        return ending(lambda: runtime.call_function_sync("F", {"x": text}, context))


def _says(*parts: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: [connection.sendall(part) for part in parts][:0] and None


def _body(body: bytes, *headers: str) -> Callable[[socket.socket], None]:
    lines = "".join(f"{line}\r\n" for line in (*headers, f"content-length: {len(body)}"))
    return _says(_HEAD, lines.encode(), b"\r\n", body)


def _answer(content: str, usage: str = "{}") -> bytes:
    return (
        f'{{"choices": [{{"message": {{"content": {content}}}, "finish_reason": "stop"}}], "usage": {usage}}}'.encode()
    )


def _without_end(piece: bytes, head: bytes = b"\r\n") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(_HEAD + head)
        while True:
            connection.sendall(piece)

    return answer


def many_headers() -> str:
    return _asked(_body(_answer('"hi"'), *(f"x{n}: 1" for n in range(12_000))))


def body_without_end() -> str:
    return _asked(_without_end(b" " * 65536))


def stream_without_end() -> str:
    head = b"content-type: text/event-stream\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
        while True:
            connection.sendall(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n' * 1000)

    return _asked(answer, streams=True, max_bytes=4_000_000)


def bomb() -> str:
    packed = gzip.compress(b" " * (1 << 28), 1)
    return _asked(_body(packed, "content-encoding: gzip"))


def charsets() -> str:
    found = set()
    for name in (
        "idna",
        "punycode",
        "unicode_escape",
        "utf-7",
        "undefined",
        "zlib",
        "rot13",
        "\x00",
        "a" * 1000,
        "utf-16",
    ):
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset={name}\r\n".encode("latin-1")
        body = b"\xff\xd8" * 200_000
        found.add(_asked(_says(head, f"content-length: {len(body)}\r\n\r\n".encode(), body)))
    (only,) = found
    return only


def usages() -> str:
    values = (
        "1",
        '"many"',
        "[]",
        "null",
        '{"prompt_tokens": "x"}',
        '{"prompt_tokens": -1}',
        '{"prompt_tokens": 1e300}',
    )
    (only,) = {_asked(_body(_answer('"hi"', usage))) for usage in values}
    return only


def answers_of_any_type() -> str:
    bodies = (b"null", b"[]", b"1", b"{}", b'{"choices": 1}', b'{"choices": [1]}', b'{"choices": [{"message": []}]}')
    bodies += (b"[" * 1_000_000, b"\xff\xfe\x00", b'{"choices": [{"message": {"content": {}}}]}', b"")
    found = set()
    for provider in ("openai-generic", "openai-responses", "anthropic", "google-ai"):
        found |= {_asked(_body(body), provider) for body in bodies}
    (only,) = found
    return only


def redirects() -> str:
    found = set()
    for place in (
        "http://[",
        "//",
        "http://\xff/",
        "file:///etc/passwd",
        "http://a\x00b/",
        "ftp://x",
        "http://127.0.0.1:99999/",
    ):
        url = _serve(_says(f"HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n".encode("latin-1")))
        source = f'function main() -> int {{ baml.http.fetch("{url}").status_code }}'
        with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
            context = bamlvm.CallContext(timeout=5)
            found.add(ending(lambda r=runtime, c=context: r.call_function_sync("main", {}, c)))  # type: ignore[misc]  # bound as defaults
    assert found <= {"Network", "InvalidArgument"}, found
    return "an error of baml.errors"


def proxies() -> str:
    found = set()
    for proxy in ("foo://x:1", "socks5://127.0.0.1:1", "http://", "http://[", "127.0.0.1:1"):
        os.environ["http_proxy"] = proxy
        found.add(_asked(_body(_answer('"hi"'))))
    (only,) = found
    return only


def half_a_character() -> str:
    return _asked(_body(_answer('"hi"')), text="cut \ud83d")


def long_answers() -> str:
    items = '{"name": "x", "tags": ["a", "b"]},' * 30_000
    content = bamlvm.to_builtins("[" + items.rstrip(",") + "]")
    import json

    return _asked(_body(_answer(json.dumps(content))), result="Item[]")


ATTACKS: Final[Sequence[Attack]] = (
    Attack("12,000 headers", "a value", many_headers),
    Attack("a body without end", "AllAttemptsFailed", body_without_end),
    Attack("a stream without end", "AllAttemptsFailed", stream_without_end),
    Attack("256 MB in a small gzip", "AllAttemptsFailed", bomb),
    Attack("character sets that are none, or slow", "AllAttemptsFailed", charsets, seconds=40),
    Attack("counts of tokens of every wrong type", "a value", usages),
    Attack(
        "answers of every wrong shape, to every format",
        "AllAttemptsFailed",
        answers_of_any_type,
        seconds=60,
        megabytes=4096,
    ),
    Attack("redirects to where nothing can be", "an error of baml.errors", redirects),
    Attack("proxies that are none", "AllAttemptsFailed", proxies),
    Attack("an argument with half of a character", "HostError", half_a_character),
    Attack("a list of 30,000 objects", "a value", long_answers, seconds=40, short=False),
)
