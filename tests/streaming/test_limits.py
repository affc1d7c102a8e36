"""What neither a program nor a server can bring about: other schemes, unverified TLS, smuggled headers, big bodies."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import bamlvm

CERTIFICATES = Path(__file__).parents[1] / "unit/sysops/web/transport/certificates"
PROGRAM = """
client<llm> C { provider openai  options { model "m"  api_key env.KEY  base_url env.BASE  OPTIONS } }
function F(input: string) -> string { client C  prompt #"{{ input }}"# }
function get(url: string, key: string) -> string {
  let headers = {"x-secret": key, "authorization": key, "accept": "text/plain"};
  baml.http.send(baml.http.Request { method: "GET", url: url, headers: headers, body: "" }).text()
}
"""
Answer = Callable[[bytes], bytes]


@asynccontextmanager
async def serving(
    answer: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers each request with what ``answer`` makes of its head; its port, and the heads."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer(heads[-1]))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], heads
        await asyncio.sleep(0.05 if tls else 0)  # for a handshake that failed to be over on this side too


def body(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(content)}", "connection: close", *headers])
    return head.encode() + b"\r\n\r\n" + content


def program(options: str = "", **env: str) -> bamlvm.Runtime:
    given = {"KEY": "sk-some-secret-key", **env}
    return bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("OPTIONS", options)}, env=given)


async def failure(awaitable: Awaitable[Any]) -> Any:
    """The error of the only attempt of a call that fails, or the error itself."""
    with pytest.raises(bamlvm.ThrownError) as thrown:
        await awaitable
    value = thrown.value.value
    return value.attempts[0].error if thrown.value.class_name == "baml.errors.AllAttemptsFailed" else value


def name_of(error: Any) -> str:
    return type(error).__name__


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/", "localhost:8080/v1", "", "http://", "//host/v1", "http://[::1/v1"]
)
async def test_where_requests_go_is_http(url: str) -> None:
    with pytest.raises(bamlvm.CompileError) as refused:
        bamlvm.Runtime.from_files({"main.baml": PROGRAM.replace("env.BASE", f'"{url}"').replace("OPTIONS", "")})
    assert "`base_url` is not an http or https URL" in refused.value.render()
    async with program(BASE=url) as runtime:
        error = await failure(runtime.call_function("F", {"input": "x"}))
    if url:
        assert name_of(error) == "InvalidArgument"
        assert "base_url" in error.message


@pytest.mark.parametrize("text", ["a\r\nx-injected: 1", "a\nx-injected: 1", "a\rb", "a\0b"])
@pytest.mark.parametrize("where", ["KEY", "NAME"])
async def test_no_header_can_be_smuggled_in(text: str, where: str) -> None:
    async with serving(lambda head: body(b"{}")) as (port, heads):
        env = {"NAME": "plain", "BASE": f"http://127.0.0.1:{port}", where: text}
        async with program('headers { "x-name" env.NAME }', **env) as runtime:
            error = await failure(runtime.call_function("F", {"input": "x"}))
            assert name_of(error) == "InvalidArgument"
            error = await failure(runtime.call_function("get", {"url": env["BASE"], "key": text}))
            assert name_of(error) == "InvalidArgument"
    assert heads == []


@pytest.mark.parametrize("options", ["", "verify false", "ssl_verify false  insecure true", 'verify "none"'])
async def test_no_program_turns_verification_off(options: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    async with (
        serving(lambda head: body(b"{}"), tls=context) as (port, heads),
        program(options, BASE=f"https://localhost:{port}") as runtime,
    ):
        error = await failure(runtime.call_function("F", {"input": "x"}))
        assert name_of(error) == "Network"
        assert "certificate verify failed" in error.message
    assert heads == []


async def test_the_http_block_has_no_verify() -> None:
    async with program("http { verify false }", BASE="http://127.0.0.1:9") as runtime:
        assert "`http` has no `verify`" in runtime.diagnostics[0].message
        error = await failure(runtime.call_function("F", {"input": "x"}))
    assert name_of(error) in ("InvalidArgument", "Network")


@pytest.mark.parametrize("userinfo", ["", "someone:pass-word-1@"])
async def test_a_redirect_to_another_host_takes_no_credentials_along(userinfo: str) -> None:
    async with serving(lambda head: body(b"there")) as (there, followed):
        location = f"location: http://localhost:{there}/next"
        async with serving(lambda head: body(b"", location, status="302 Found")) as (here, heads), program() as runtime:
            url = f"http://{userinfo}127.0.0.1:{here}/?key=sk-in-the-url"
            assert await runtime.call_function("get", {"url": url, "key": "sk-some-secret"}) == "there"
    assert b"sk-some-secret" in heads[0]
    (last,) = followed
    assert b"sk-" not in last
    assert b"authorization" not in last.lower()
    assert f"host: localhost:{there}".encode() in last.lower()


async def test_userinfo_is_sent_as_basic_authentication() -> None:
    async with serving(lambda head: body(b"ok")) as (port, heads), program() as runtime:
        await runtime.call_function("get", {"url": f"http://some%20one:w%2Ford@127.0.0.1:{port}/", "key": ""})
        await failure(runtime.call_function("get", {"url": f"http://@127.0.0.1:{port + 1}/", "key": "\n"}))
    assert b"c29tZSBvbmU6dy9vcmQ=" not in heads[0], "the header that the program gives counts"


def bomb(megabytes: int) -> bytes:
    """Zeros, packed a thousand times smaller."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1024 * 1024)
    return b"".join([*(packer.compress(zeros) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize("kind", ["whole", "error", "stream"])
async def test_a_bomb_fills_no_memory(kind: str) -> None:
    packed = bomb(400)
    headers = ["content-encoding: gzip", *(["content-type: text/event-stream"] if kind == "stream" else [])]
    reply = body(packed, *headers, status="500 Busy" if kind == "error" else "200 OK")
    async with serving(lambda head: reply) as (port, _), program(BASE=f"http://127.0.0.1:{port}") as runtime:
        tracemalloc.start()
        try:
            if kind == "whole":
                url = f"http://127.0.0.1:{port}"
                error = await failure(runtime.call_function("get", {"url": url, "key": "k"}))
            else:
                error = await failure(runtime.stream("F", {"input": "x"}).final())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    expected = {"whole": "Network", "error": "HttpStatus", "stream": "LlmClient"}
    assert name_of(error) == expected[kind]
    assert peak < (200 if kind == "whole" else 80) * 1024 * 1024
    if kind == "error":
        assert len(error.body) <= 64 * 1024


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "gzip, br", "x-unknown"])
async def test_only_one_known_coding_is_taken(coding: str) -> None:
    twice = gzip.compress(gzip.compress(b"hello", mtime=0))
    async with serving(lambda head: body(twice, f"content-encoding: {coding}")) as (port, heads), program() as runtime:
        error = await failure(runtime.call_function("get", {"url": f"http://127.0.0.1:{port}", "key": "k"}))
    assert name_of(error) == "Network"
    assert "a content coding that was not requested" in error.message
    assert b"accept-encoding: gzip, deflate\r\n" in heads[0].lower()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("x-gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
        ("gzip", gzip.compress(b"hello", mtime=0) + b"\0\0"),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("identity", b"hello"),
        ("gzip", b""),
    ],
)
async def test_encoded_bodies(coding: str, packed: bytes) -> None:
    async with serving(lambda head: body(packed, f"content-encoding: {coding}")) as (port, _), program() as runtime:
        found = await runtime.call_function("get", {"url": f"http://127.0.0.1:{port}", "key": "k"})
    assert found == ("hello" if packed else "")


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        pytest.param(gzip.compress(b"hello" * 100, mtime=0)[:-10], "the connection ended inside the body", id="cut"),
        pytest.param(b"no gzip at all", "encoding is broken", id="garbage"),
    ],
)
async def test_encoded_bodies_that_are_broken(packed: bytes, reason: str) -> None:
    async with serving(lambda head: body(packed, "content-encoding: gzip")) as (port, _), program() as runtime:
        error = await failure(runtime.call_function("get", {"url": f"http://127.0.0.1:{port}", "key": "k"}))
    assert (name_of(error), reason in error.message) == ("Network", True)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n" + b"x-a: " + b"b" * 8_000_000, b"x" * 8_000_000])
async def test_heads_are_bounded(head: bytes) -> None:
    async with serving(lambda _: head) as (port, _), program() as runtime:
        error = await failure(runtime.call_function("get", {"url": f"http://127.0.0.1:{port}", "key": "k"}))
    assert name_of(error) == "Network"
    assert len(error.message) < 1000


async def test_a_call_may_have_other_keys() -> None:
    async with (
        serving(lambda head: body(b"", status="401 No")) as (port, heads),
        program(BASE=f"http://127.0.0.1:{port}") as runtime,
    ):
        for env in ({}, {"KEY": "sk-of-the-call-alone"}):
            collector = bamlvm.Collector()
            context = bamlvm.CallContext(env=env, collectors=[collector])
            await failure(runtime.call_function("F", {"input": "x"}, context))
            assert "sk-" not in repr(collector.calls) + repr(context) + str(bamlvm.to_builtins(collector.calls))
    assert [b"sk-some-secret-key" in heads[0], b"sk-of-the-call-alone" in heads[1]] == [True, True]
