"""Hostile servers below the answer: how a response is framed, coded, cut, and followed by the next one."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import ssl
import struct
import subprocess
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import httpx

import bamlvm
from tests.attack.case import Attack
from tests.attack.hostile import (
    ANYHOW,
    BOTH,
    GOOD_EVENTS,
    LATE_CALL,
    VALUE,
    WITHIN,
    Request,
    Script,
    Way,
    byte_by_byte,
    good,
    meet,
    outcome,
    sends,
    serve,
    then_endlessly,
    ways,
)

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_FAILS: Final = "Network"
_EITHER: Final = f"{VALUE}|Network"
_SLOW: Final = f"Network|{LATE_CALL}"


def _framed(lines: bytes, body: Callable[[Request], bytes], end: bool = True) -> Script:
    """Return a script that frames a body by header lines of its own, and then closes its side."""

    def script(connection: socket.socket, request: Request) -> None:
        connection.sendall(request.head + lines + b"\r\n" + body(request))
        if end:
            connection.shutdown(socket.SHUT_WR)
        connection.recv(1)

    return script


def _good(request: Request) -> bytes:
    return request.body


def _chunked(request: Request) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(request.body), request.body)


def _sized(size: bytes) -> Callable[[Request], bytes]:
    return lambda request: size + b"\r\n" + request.body + b"\r\n0\r\n\r\n"


_CHUNKS: Final = b"transfer-encoding: chunked\r\n"


# --- what does not end ------------------------------------------------------------------------------------------------


def endless_heads() -> str:
    scripts = {
        "by-bytes": byte_by_byte(b"x: 1\r\n", _OK),
        "silent": _silence,
        "name": then_endlessly(b"x" * 65536, _OK),
        "value": then_endlessly(b"x" * 65536, _OK, b"x: "),
        "reason": then_endlessly(b"x" * 65536, b"HTTP/1.1 200 "),
        "headers": then_endlessly(b"a:\r\n" * 10_000, _OK),
        "continue": then_endlessly(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
        "hints": then_endlessly(b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" * 2000),
        "blank": then_endlessly(b"\r\n" * 20_000),
    }
    meet(scripts, dict.fromkeys(scripts, _SLOW), WITHIN)
    return "a failed attempt, or the deadline"


def _silence(connection: socket.socket, request: Request) -> None:
    connection.recv(1)


def slow_bodies() -> str:
    scripts = {
        "blanks": byte_by_byte(b"\n", lambda request: request.head + b"\r\n"),
        "words": byte_by_byte(GOOD_EVENTS[:40], lambda request: request.head + b"\r\n"),
        "stops": _framed(b"content-length: 1000\r\n", _good, end=False),
        "chunks": byte_by_byte(b"1\r\n \r\n", lambda request: request.head + _CHUNKS + b"\r\n"),
    }
    slow = dict.fromkeys(scripts, LATE_CALL)
    slow["stops"] = f"{VALUE}|{LATE_CALL}"  # a stream is whole after [DONE]
    meet(scripts, slow, WITHIN)
    clock = dict.fromkeys(scripts, "Timeout")
    clock["stops"] = f"{VALUE}|Timeout"
    meet(scripts, clock, ANYHOW, more="http { request_timeout_ms 700 }")
    return "the deadline, or the client's clock"


def endless_framing() -> str:
    def before(request: Request) -> bytes:
        return request.head + _CHUNKS + b"\r\n" + b"%x\r\n%b\r\n0\r\n" % (len(request.body), request.body)

    def padded(connection: socket.socket, request: Request) -> bool:
        connection.sendall(request.head + _CHUNKS + b"\r\n")
        for byte in request.body:
            connection.sendall(b"1;" + b"x" * 60_000 + b"\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        return True

    scripts: dict[str, Script] = {
        "trailers": then_endlessly(b"a: b\r\n" * 8000, before),
        "trailer": then_endlessly(b"b" * 65536, before, b"x: "),
        "extension": then_endlessly(b"x" * 65536, lambda request: request.head + _CHUNKS + b"\r\n5;"),
        "padded": padded,
        "trailing": sends(before, b"status: 500\r\nset-cookie: a=b\r\n\r\n"),
    }
    meet(scripts, {**dict.fromkeys(scripts, _EITHER), "extension": _FAILS, "trailing": VALUE, "padded": VALUE}, BOTH)
    return "a value, or a failed attempt"


# --- framing that lies ------------------------------------------------------------------------------------------------


def wrong_lengths() -> str:
    bad: dict[str, Script] = {
        name: _framed(_CHUNKS, _sized(size))
        for name, size in {
            "chunk-negative": b"-5",
            "chunk-huger": b"f" * 400,
            "chunk-hex": b"0x10",
            "chunk-blank": b"",
            "chunk-short": b"3",
            "chunk-plus": b"+5",
            "chunk-grouped": b"1_0",
        }.items()
    }
    bad |= {
        f"length-{name}": _framed(b"content-length: " + value + b"\r\n", _good)
        for name, value in {
            "negative": b"-5",
            "huger": b"9" * 400,
            "plus": b"+5",
            "blank": b"",
            "hex": b"0x10",
            "two": b"1 0",
            "different": b"5\r\ncontent-length: 6",
        }.items()
    }
    meet(bad, dict.fromkeys(bad, _FAILS), BOTH)
    whole = ways(1.0)
    too_long: dict[str, Script] = {
        "chunk-huge": _framed(_CHUNKS, _sized(b"f" * 15), end=False),
        "chunk-long": _framed(_CHUNKS, _sized(b"fff"), end=False),
        "length-huge": _framed(b"content-length: " + b"9" * 18 + b"\r\n", _good),
        "length-long": _framed(b"content-length: 999\r\n", _good),
    }
    # A stream says itself where it ends; any other body must come whole.
    meet(too_long, dict.fromkeys(too_long, VALUE), [way for way in whole if way.streams])
    meet(too_long, dict.fromkeys(too_long, _SLOW), [way for way in whole if not way.streams])
    short = {"length-short": _framed(b"content-length: 30\r\n", _good)}
    meet(short, {"length-short": "StreamTruncated|LlmClient"}, BOTH)
    return "a failed attempt, never a part of an answer"


def conflicting_framing() -> str:
    scripts: dict[str, Script] = {
        "length-and-chunks": _framed(b"content-length: 3\r\n" + _CHUNKS, _chunked),
        "chunks-and-length": _framed(_CHUNKS + b"content-length: 3\r\n", _chunked),
        "two-lengths": _framed(b"content-length: 5\r\ncontent-length: 50\r\n", _good),
        "two-codings": _framed(_CHUNKS * 2, _chunked),
        "gzip-chunked": _framed(b"transfer-encoding: gzip, chunked\r\n", _chunked),
        "unknown": _framed(b"transfer-encoding: xchunked\r\n", _chunked),
        "identity": _framed(b"transfer-encoding: identity\r\n", _chunked),
        "folded": _framed(b"transfer-encoding:\r\n chunked\r\n", _chunked),
        "spaced": _framed(b"transfer-encoding : chunked\r\n", _chunked),
        "nul": _framed(b"x: a\x00b\r\n" + _CHUNKS, _chunked),
        "nameless": _framed(b": x\r\n" + _CHUNKS, _chunked),
    }
    meet(scripts, dict.fromkeys(scripts, _EITHER), BOTH)
    refused = ("two-lengths", "gzip-chunked", "unknown", "identity", "spaced", "nul", "nameless")
    meet({name: scripts[name] for name in refused}, dict.fromkeys(refused, _FAILS))
    return "a value, or a failed attempt"


def _coded(coding: bytes, body: bytes | Callable[[Request], bytes]) -> Script:
    def head(request: Request) -> bytes:
        data = body(request) if callable(body) else body
        return request.head + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(data)) + data

    return sends(head)


def bombs() -> str:
    blanks = gzip.compress(b" " * (1 << 28), 9)
    comments, empty = gzip.compress(b": \n" * (1 << 25), 9), gzip.compress(b"data\n\n" * (1 << 24), 9)
    words = gzip.compress(b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' * (1 << 20), 9)

    def single_bytes(connection: socket.socket, request: Request) -> None:
        connection.sendall(request.head + b"content-encoding: gzip\r\n" + _CHUNKS + b"\r\n")
        for place in range(len(blanks)):
            connection.sendall(b"1\r\n" + blanks[place : place + 1] + b"\r\n")

    # Within a deadline, since a machine may take long to count to 64 MiB; the loop goes on all the while.
    long: dict[str, Script] = {
        "comments": _coded(b"gzip", lambda request: comments if request.streams else blanks),
        "empty-events": _coded(b"gzip", lambda request: empty if request.streams else blanks),
        "words": _coded(b"gzip", lambda request: words if request.streams else blanks),
        "deflate": _coded(b"deflate", zlib.compress(b" " * (1 << 28), 9)),
        "single-bytes": single_bytes,
        "members": _coded(b"gzip", gzip.compress(b"") * 100_000),
    }
    late = f"{LATE_CALL}|Network|LlmClient|StreamTruncated"
    meet(long, dict.fromkeys(long, late), WITHIN)
    broken: dict[str, Script] = {
        "nested": _coded(b"gzip, gzip", gzip.compress(blanks)),
        "nested-unsaid": _coded(b"gzip", gzip.compress(blanks)),
        "ten-thousand-codings": _coded(b"gzip," * 10_000 + b"gzip", b"x"),
        "br": _coded(b"br", b"\x8b\x03\x80abc\x03"),
        "zstd": _coded(b"zstd", b"\x28\xb5\x2f\xfd"),
        "not-gzip": _coded(b"gzip", _good),
        "wrong-sum": _coded(b"gzip", lambda request: gzip.compress(request.body)[:-8] + bytes(8)),
        "another-member": _coded(b"gzip", lambda request: gzip.compress(request.body) + gzip.compress(b"evil")),
    }
    failed = dict.fromkeys(broken, "Network|LlmClient|StreamTruncated")
    meet(broken, {**failed, "another-member": f"{VALUE}|LlmClient"})
    return "a failed attempt, or the deadline"


# --- one response after another ---------------------------------------------------------------------------------------


def _evil(request: Request) -> bytes:
    return request.whole(request.body.replace(b"there", b"EVIL"))


def followed_answers() -> str:
    chunks = sends(lambda request: request.head + _CHUNKS + b"\r\n" + _chunked(request) + _evil(request))

    def closes(connection: socket.socket, request: Request) -> None:
        connection.sendall(request.whole())

    def resets(connection: socket.socket, request: Request) -> None:
        connection.sendall(request.whole())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    scripts: dict[str, Script] = {
        "another-answer": sends(lambda request: request.whole() + _evil(request)),
        "another-after-chunks": chunks,
        "line-breaks": sends(lambda request: request.whole() + b"\r\n\r\n"),
        "junk": sends(lambda request: request.whole() + b"junk"),
        "closes": closes,
        "resets": resets,
        "no-content": sends(lambda request: request.whole().replace(b"200 OK", b"204 No Content")),
        "not-modified": sends(lambda request: request.whole().replace(b"200 OK", b"304 Not Modified")),
    }
    expected = dict.fromkeys(scripts, VALUE)
    expected |= {"no-content": "StreamTruncated|LlmClient", "not-modified": "HttpStatus"}
    meet(scripts, expected, BOTH)
    return "the next call gets its own answer"


def cut_anywhere() -> str:
    """Every beginning of a good answer, framed in every way: the whole value or an error, never less of it."""
    framings: dict[str, Callable[[Request], bytes]] = {
        "length": Request.whole,
        "chunks": lambda request: request.head + _CHUNKS + b"\r\n" + _chunked(request),
        "close": lambda request: request.head + b"\r\n" + request.body,
    }
    source = (
        'client<llm> C { provider openai-generic  options { model "m"  api_key "k"  base_url env.URL } }\n'
        'function F(x: string) -> string { client C  prompt #"{{ x }}"# }\n'
    )

    async def run(url: str, transport: str, step: int) -> None:
        outer = httpx.AsyncHTTPTransport() if transport == "httpx" else None
        runtime = bamlvm.Runtime.from_files({"main.baml": source}, transport=outer)
        for name, whole in framings.items():
            for streams in (True, False):
                size = len(whole(Request(b'"stream":true' if streams else b"")))
                for place in range(0, size + 1, step):
                    listens = (lambda _: None) if streams else None
                    env = {"URL": f"{url}/{name}/{place}"}
                    context = bamlvm.CallContext(env=env, timeout=10, on_partial=listens)
                    try:
                        found = await runtime.call_function("F", {"x": "hi"}, context)
                    except bamlvm.ThrownError:
                        assert place < size, (transport, name, streams)
                    else:
                        assert found == "hi there", (transport, name, streams, place, found)
        await runtime.aclose()

    def cutting(whole: Callable[[Request], bytes]) -> Script:
        def script(connection: socket.socket, request: Request) -> None:
            connection.sendall(whole(request)[: int(request.raw.split(b"/")[2])])

        return script

    with serve({name: cutting(whole) for name, whole in framings.items()}) as url:
        asyncio.run(run(url, "own", 1))
        asyncio.run(run(url, "httpx", 11))
    return "the whole value, or a failed attempt"


def answers_before_requests() -> str:
    found = set()
    for early in (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"HTTP/1.1 100 Continue\r\n\r\n", b"hello\r\n"):
        for transport in ("own", "httpx"):
            with serve({"early": _silence}, at_once=early) as url:
                source = (
                    'client<llm> C { provider openai-generic  options { model "m"  api_key "k"  base_url env.URL } }\n'
                )
                source += 'function F(x: string) -> string { client C  prompt #"{{ x }}"# }\n'

                async def run(url: str = url, transport: str = transport, source: str = source) -> set[str]:
                    outer = httpx.AsyncHTTPTransport() if transport == "httpx" else None
                    async with bamlvm.Runtime.from_files({"main.baml": source}, transport=outer) as runtime:
                        return {await outcome(runtime, "F", f"{url}/early", streams, 1) for streams in (True, False)}

                found |= asyncio.run(run())
    assert found <= {"Network", "LlmClient", "HttpStatus", "StreamTruncated", LATE_CALL}, found
    return "a failed attempt, or the deadline"


# --- other protocols --------------------------------------------------------------------------------------------------


def other_protocols() -> str:
    openings = {
        "switching": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "settings": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x04\x00\x10\x00\x00",
        "alert": b"\x15\x03\x01\x00\x02\x02\x46",
        "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
        "smtp": b"220 mail.example.com ESMTP\r\n",
        "icy": b"ICY 200 OK\r\n\r\n",
        "version": b"HTTP/2 200 OK\r\n\r\n",
        "status": b"HTTP/1.1 2OO OK\r\n\r\n",
        "carriage-returns": b"HTTP/1.1 200 OK\rcontent-length: 2\r\r{}",
    }
    scripts: dict[str, Script] = {name: sends(opening, keep=False) for name, opening in openings.items()}
    scripts["old"] = sends(_good, keep=False)
    scripts["echo"] = sends(lambda request: request.raw, keep=False)
    meet(scripts, dict.fromkeys(scripts, _FAILS), BOTH)
    return "a failed attempt"


def tls_and_plain() -> str:
    """TLS where plain text is expected, the other way round, and a certificate that nobody vouches for."""
    folder = os.environ["TMPDIR"]
    files = [f"{folder}/key.pem", f"{folder}/cert.pem"]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-keyout", files[0], "-out", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files[1], files[0])

    program = "function get(url: string) -> string { baml.http.fetch(url).text() }"
    found: dict[str, str] = {}
    with (
        serve({"good": good}, at_once=b"HTTP/1.1 400 Bad Request\r\n\r\n") as plain,
        serve({"good": good}, tls=context) as secure,
        bamlvm.Runtime.from_files({"main.baml": program}) as runtime,
    ):
        places = {
            "plain": plain.replace("http:", "https:"),
            "tls": secure,
            "unknown": secure.replace("http:", "https:"),
        }
        for name, place in places.items():
            try:
                runtime.call_function_sync("get", {"url": f"{place}/good"}, bamlvm.CallContext(timeout=5))
            except bamlvm.ThrownError as error:
                found[name] = f"{error.class_name}: {error.value.message}"
    assert all(said.startswith("baml.errors.Network") for said in found.values()), found
    assert "is http meant?" in found["plain"], found
    assert "is https meant?" in found["tls"] or "the connection" in found["tls"], found
    assert "certificate" in found["unknown"], found
    return "a failed attempt"


# --- errors and redirects ---------------------------------------------------------------------------------------------


def endless_errors() -> str:
    def status(line: bytes, more: bytes = b"") -> bytes:
        return b"HTTP/1.1 " + line + b"\r\ncontent-type: text/plain\r\n" + more + b"content-length: 1073741824\r\n\r\n"

    scripts = {
        "server": then_endlessly(b"boom " * 13107, status(b"500 Internal Server Error")),
        "key": then_endlessly(b"boom " * 13107, status(b"401 Unauthorized")),
        "busy": then_endlessly(b"boom " * 13107, status(b"429 Too Many Requests", b"retry-after: 31536000\r\n")),
        "bomb": sends(
            b"HTTP/1.1 500 Oh\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n",
            gzip.compress(b" " * (1 << 28), 9),
            keep=False,
        ),
    }
    scripts["cut"] = sends(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n", keep=False)
    scripts["broken"] = sends(b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", keep=False)
    scripts["coded"] = sends(b"HTTP/1.1 400 Bad Request\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\nxx")
    meet(scripts, dict.fromkeys(scripts, "HttpStatus"), BOTH, growth=60)
    slow = {"slow": byte_by_byte(b"x", b"HTTP/1.1 503 Busy\r\ncontent-length: 1000\r\n\r\n", pause=0.5)}
    meet(slow, {"slow": "HttpStatus"}, [Way("own", streams, 8.0) for streams in (True, False)])
    return "the status that the server answered"


def endless_redirects() -> str:
    def to(place: bytes | Callable[[Request], bytes], status: bytes = b"302 Found") -> Script:
        def head(request: Request) -> bytes:
            where = place(request) if callable(place) else place
            return (
                b"HTTP/1.1 " + status + b"\r\nlocation: " + where + b"\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n"
            )

        return sends(head)

    def tells(connection: socket.socket, request: Request) -> bool:
        kept = b"secret" in request.raw.lower()
        body = b"leaked" if kept else b"clean"
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        return True

    with serve({"tells": tells}) as other:
        scripts: dict[str, Script] = {
            "loop": to(b"/loop"),
            "long": to(b"/" + b"x" * 60_000),
            "file": to(b"file:///etc/passwd"),
            "data": to(b"data:,x"),
            "bracket": to(b"http://["),
            "nobody": to(b"http://127.0.0.1:1/"),
            "user": to(b"http://user:secret@127.0.0.1:1/"),
            "else": to(other.encode() + b"/tells"),
            "permanent": to(other.encode() + b"/tells", b"308 Permanent Redirect"),
            "same": to(b"/tells"),
            "tells": tells,
        }
        program = """
            function get(url: string) -> string {
                let headers = { "authorization": "Bearer secret", "cookie": "x=secret", "x-api-key": "secret" };
                let request = baml.http.Request { method: "GET", url: url, headers: headers, body: "", timeouts: null };
                baml.http.send(request).text()
            }
        """
        with serve(scripts) as url:
            for transport in ("own", "httpx"):
                outer = httpx.AsyncHTTPTransport() if transport == "httpx" else None
                with bamlvm.Runtime.from_files({"main.baml": program}, transport=outer) as runtime:
                    for name in scripts:
                        try:
                            found = runtime.call_function_sync(
                                "get", {"url": f"{url}/{name}"}, bamlvm.CallContext(timeout=10)
                            )
                        except bamlvm.ThrownError as error:
                            found = error.class_name.rpartition(".")[2]
                            assert "secret" not in error.value.message, error.value.message
                        expected = {"else": "clean", "permanent": "clean", "same": "leaked", "tells": "leaked"}
                        wanted = expected.get(name, "Network|InvalidArgument").split("|")
                        assert found in wanted, (transport, name, found)
            meet(
                {"post": to(other.encode() + b"/tells", b"307 Temporary Redirect")},
                {"post": "HttpStatus"},
                BOTH,
            )
    return "an error, and no credential at another origin"


ATTACKS: Final[Sequence[Attack]] = (
    Attack("heads that do not end", "a failed attempt, or the deadline", endless_heads, seconds=90, short=False),
    Attack("bodies byte by byte", "the deadline, or the client's clock", slow_bodies, seconds=90, short=False),
    Attack(
        "trailers and chunk extensions that are huge, or do not end",
        "a value, or a failed attempt",
        endless_framing,
        seconds=60,
    ),
    Attack(
        "lengths and chunk sizes that are wrong, negative or huge",
        "a failed attempt, never a part of an answer",
        wrong_lengths,
        seconds=60,
        short=False,
    ),
    Attack(
        "framing that contradicts itself", "a value, or a failed attempt", conflicting_framing, seconds=60, short=False
    ),
    Attack(
        "bombs of blanks, comments, events and single bytes, and codings over codings",
        "a failed attempt, or the deadline",
        bombs,
        seconds=240,
        short=False,
    ),
    Attack("bytes after an answer", "the next call gets its own answer", followed_answers, seconds=60),
    Attack(
        "a good answer that ends at each byte",
        "the whole value, or a failed attempt",
        cut_anywhere,
        seconds=180,
        short=False,
    ),
    Attack(
        "an answer before the request",
        "a failed attempt, or the deadline",
        answers_before_requests,
        seconds=60,
        short=False,
    ),
    Attack("protocols that are not HTTP/1.1", "a failed attempt", other_protocols, seconds=60),
    Attack("TLS instead of plain text, and the reverse", "a failed attempt", tls_and_plain, seconds=60),
    Attack("errors of a gigabyte", "the status that the server answered", endless_errors, seconds=90, short=False),
    Attack(
        "redirects in a circle, to other hosts and schemes",
        "an error, and no credential at another origin",
        endless_redirects,
        seconds=60,
    ),
)
