"""``baml.http`` against a real server: requests, answers, redirects, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from bamlvm.sysops.grants import CAPABILITIES, grants_of
from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.web.unread_body import MAX_ERROR_BODY, UnreadBody
from bamlvm.vm.handles import HandleTable

pytestmark = pytest.mark.virtual_time

KEY = "sk-very-secret-key"


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def always(*parts: bytes) -> Any:
    async def handler(exchange: Any) -> None:
        await exchange.send(*parts)

    return handler


async def text(call: Any, response: Any) -> str:
    return await call("baml.http.Response.text", response)


async def test_fetch(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("200 OK", "häuser".encode(), "X-Thing: a", "content-type: text/plain")))
    response = await closed_call("baml.http.fetch", server.url("/path?q=1"))
    assert response.get("status_code") == 200
    assert response.get("headers")["x-thing"] == "a"
    assert response.get("url") == server.url("/path?q=1")
    assert await text(closed_call, response) == "häuser"
    assert (server.requests[0].method, server.requests[0].target) == ("GET", "/path?q=1")
    assert (await closed_call.fails("baml.http.Response.text", response))[0] == "InvalidArgument"


async def test_send(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("404 Not Found", b"nothing")))
    request = closed_call.request(server.url(), "post", "häuser", authorization=f"Bearer {KEY}\n", x_thing="1")
    response = await closed_call("baml.http.send", request)
    assert response.get("status_code") == 404
    assert await text(closed_call, response) == "nothing"
    seen = server.requests[0]
    assert (seen.method, seen.body, seen.headers["x-thing"]) == ("POST", "häuser".encode(), "1")
    assert seen.headers["authorization"] == f"Bearer {KEY}", "the line break of a key read from a file is dropped"


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ("ä".encode("latin-1"), ["content-type: text/plain; charset=latin-1"], "ä"),
        (b"\xff!", [], "\ufffd!"),
        (b"ok", ["content-type: text/plain; charset=nonsense"], "ok"),
        (gzip.compress(b"packed", mtime=0), ["content-encoding: gzip"], "packed"),
    ],
)
async def test_a_body_as_text(serve: Any, closed_call: Any, body: bytes, headers: list[str], expected: str) -> None:
    server = await serve(always(answer("200 OK", body, *headers)))
    assert await text(closed_call, await closed_call("baml.http.fetch", server.url())) == expected


async def test_a_body_left_unread_is_closed_with_the_call(serve: Any, call: Any) -> None:
    server = await serve(always(answer("200 OK", b"x" * 100)[:-10]))
    await call("baml.http.fetch", server.url())
    assert await call.end() == 1


async def test_a_body_has_a_limit(serve: Any, closed_call: Any) -> None:
    async def endless(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.send(b"x" * 10_000)

    server = await serve(endless)
    handles = closed_call.scope.services.handles
    response = await closed_call("baml.http.fetch", server.url())
    body = handles.get(response.get("_handle"), "response_body", closed_call.scope.owner)
    small = UnreadBody(body._response, body._exchange, limit=1_000_000)
    handles.close(response.get("_handle"), "response_body", closed_call.scope.owner)
    response.set("_handle", handles.open("response_body", closed_call.scope.owner, small, small.aclose))
    kind, fields = await closed_call.fails("baml.http.Response.text", response)
    assert (kind, "longer than 1000000 bytes" in fields["message"]) == ("Network", True)
    await asyncio.sleep(0)  # httpx's nested generators are closed by the loop


async def test_a_body_cut_short_is_no_text(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("200 OK", b"x" * 100)[:-10]))
    response = await closed_call("baml.http.fetch", server.url())
    assert (await closed_call.fails("baml.http.Response.text", response))[0] == "Network"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("ftp://host/x", "only http and https"),
        ("127.0.0.1:80", "only http and https"),
        ("", "only http and https"),
        ("http://", "without a host"),
        ("http:///path", "without a host"),
        ("http://host:port/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://a b/", "not a host"),
        ("http://a%20b/", "not a host"),
    ],
)
async def test_what_is_no_url_is_refused(call: Any, url: str, said: str) -> None:
    for path, argument in (("fetch", url), ("send", call.request(url)), ("fetch_sse", call.request(url))):
        kind, fields = await call.fails(f"baml.http.{path}", argument)
        assert kind == "InvalidArgument"
        assert said in fields["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}\r\nx: y"},
        {"x-api-key": KEY + "\0"},
        {"x-key": KEY + "é"},
        {"a b": KEY},
        {"": KEY},
    ],
)
async def test_bad_headers_are_refused_without_showing_them(call: Any, headers: dict[str, str]) -> None:
    request = call.request("http://127.0.0.1:1/")
    request.set("headers", headers)
    kind, fields = await call.fails("baml.http.send", request)
    assert kind == "InvalidArgument"
    assert KEY not in fields["message"]


async def test_a_bad_method_is_refused(serve: Any, call: Any) -> None:
    server = await serve(always(answer()))
    kind, _ = await call.fails("baml.http.send", call.request(server.url(), "GE T"))
    assert kind == "InvalidArgument"


@pytest.mark.parametrize("path", ["fetch", "send", "fetch_sse"])
async def test_a_denied_capability(call: Any, path: str) -> None:
    call.scope.services.grants = grants_of(CAPABILITIES, ["http"])
    url = "http://127.0.0.1:1/"
    kind, fields = await call.fails(f"baml.http.{path}", url if path == "fetch" else call.request(url))
    assert kind == "InvalidArgument"
    assert f"baml.http.{path}" in fields["message"]
    assert "'http'" in fields["message"]


async def test_nobody_listens(call: Any, unused_tcp_port: int) -> None:
    url = f"http://user:{KEY}@127.0.0.1:{unused_tcp_port}/v1?key={KEY}&alt=sse"
    kind, fields = await call.fails("baml.http.fetch", url)
    assert kind == "Network"
    assert fields["url"] == f"http://127.0.0.1:{unused_tcp_port}/v1?key=***&alt=sse"
    assert f"GET http://127.0.0.1:{unused_tcp_port}/v1" in fields["message"]
    assert KEY not in str(fields)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", "Network"),
        (b"HTTP/1.1 20", "Network"),
        (b"nonsense\r\n\r\n", "Network"),
        (b"HTTP/1.1 200 OK\r\na\r\n\r\n", "Network"),
    ],
)
async def test_an_answer_that_is_no_http(serve: Any, call: Any, sent: bytes, expected: str) -> None:
    server = await serve(always(sent))
    assert (await call.fails("baml.http.fetch", server.url()))[0] == expected


async def test_a_reset_before_the_head(serve: Any, call: Any) -> None:
    async def reset(exchange: Any) -> None:
        exchange.reset()

    server = await serve(reset)
    assert (await call.fails("baml.http.fetch", server.url()))[0] == "Network"


async def test_get_follows_redirects_and_keeps_secrets_at_home(serve: Any, closed_call: Any) -> None:
    there = await serve(always(answer("200 OK", b"there")))

    async def redirect(exchange: Any) -> None:
        target = "/second" if exchange.target == "/first" else there.url("/third")
        await exchange.send(answer("302 Found", b"", f"location: {target}"))

    here = await serve(redirect)
    request = closed_call.request(here.url("/first"), authorization=f"Bearer {KEY}", x_api_key=KEY, accept="text/x")
    response = await closed_call("baml.http.send", request)
    assert response.get("url") == there.url("/third")
    assert await text(closed_call, response) == "there"
    assert [each.headers.get("x-api-key") for each in here.requests] == [KEY, KEY]
    (last,) = there.requests
    assert KEY not in str(last.headers)
    assert (last.headers["accept"], last.headers["host"]) == ("text/x", f"127.0.0.1:{there.port}")


async def test_post_does_not_follow_redirects(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("307 Temporary Redirect", b"", "location: /elsewhere")))
    response = await closed_call("baml.http.send", closed_call.request(server.url(), "POST", "{}"))
    assert response.get("status_code") == 307
    await text(closed_call, response)
    kind, fields = await closed_call.fails("baml.http.fetch_sse", closed_call.request(server.url(), "POST", "{}"))
    assert (kind, fields["status_code"]) == ("HttpStatus", 307)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("location", "expected"), [("/", "Network"), ("file:///etc/passwd", "InvalidArgument"), ("http://[", "Network")]
)
async def test_redirects_that_lead_nowhere(serve: Any, call: Any, location: str, expected: str) -> None:
    server = await serve(always(answer("302 Found", b"", f"location: {location}")))
    assert (await call.fails("baml.http.fetch", server.url()))[0] == expected
    assert len(server.requests) <= 10


async def test_cookies_are_not_kept(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("200 OK", b"", "set-cookie: session=1; path=/")))
    for _ in range(2):
        await text(closed_call, await closed_call("baml.http.fetch", server.url()))
    assert all("cookie" not in each.headers for each in server.requests)


async def test_a_connection_is_used_again(serve: Any, closed_call: Any) -> None:
    server = await serve(always(answer("200 OK", b"a")))
    for _ in range(3):
        response = await closed_call("baml.http.send", closed_call.request(server.url(), x_keep="1"))
        await text(closed_call, response)
    assert server.connections == 1
    await closed_call.scope.services.http_client().aclose()


async def test_one_handle_too_many_closes_what_it_was_for(serve: Any, call: Any) -> None:
    async def hang(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\n")
        await exchange.until_closed()

    server = await serve(hang)
    call.scope.services.handles = HandleTable(limit_per_call=0)
    for path in ("send", "fetch_sse"):
        kind, fields = await call.fails(f"baml.http.{path}", call.request(server.url()))
        assert (kind, "limit is 0" in fields["message"]) == ("InvalidArgument", True)
    await server.idle()


@pytest.mark.parametrize("path", ["send", "fetch_sse"])
async def test_cancelling_before_the_head_closes_the_connection(serve: Any, call: Any, path: str) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def hang(exchange: Any) -> None:
        asked.set()
        await exchange.until_closed()
        closed.set()

    server = await serve(hang)
    task = asyncio.create_task(call(f"baml.http.{path}", call.request(server.url())))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        await closed.wait()


async def test_the_attempt_learns_status_and_first_byte(serve: Any, call: Any) -> None:
    server = await serve(always(answer("503 Busy", b"")))
    attempt = AttemptRecord("F", "C", "openai", 1, 1, time.time())
    call.scope.attempt = attempt
    call.scope.attempt_clock = time.monotonic()
    await call.fails("baml.http.fetch_sse", call.request(server.url(), "POST"))
    assert attempt.status == 503
    assert attempt.first_byte is not None
    assert attempt.connect is not None
    assert 0 <= attempt.connect <= attempt.first_byte < 60


async def test_an_attempt_over_a_kept_connection_opens_none(serve: Any, call: Any) -> None:
    server = await serve(always(answer("200 OK", b"{}")))
    attempts = [AttemptRecord("F", "C", "openai", number, number, time.time()) for number in (1, 2)]
    for call.scope.attempt in attempts:
        call.scope.attempt_clock = time.monotonic()
        response = await call("baml.http.send", call.request(server.url(), "POST", x_keep="1"))
        await call("baml.http.Response.text", response)
    assert attempts[0].connect is not None
    assert attempts[1].connect is None


async def test_the_client_verifies_tls_and_follows_nothing_by_itself(call: Any) -> None:
    certificate = (
        Path(__file__).parent / "web/transport/certificates" / "server.pem"
    )  # of an authority that nobody knows
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        kind, fields = await call.fails("baml.http.fetch", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await asyncio.sleep(0.05)  # for the server's side, which learns of it by itself
    assert (kind, "certificate verify failed" in fields["message"]) == ("Network", True)
    assert not call.scope.services.http_client().follow_redirects


async def test_an_excerpt_is_the_beginning_of_the_body(serve: Any, closed_call: Any) -> None:
    async def endless(exchange: Any) -> None:
        await exchange.send(b"HTTP/1.1 500 Internal Server Error\r\n\r\n", b"boom")
        while True:
            await exchange.send(b"x" * 10_000)

    response = await closed_call("baml.http.fetch", (await serve(endless)).url())
    excerpt = await closed_call("baml.http.Response.excerpt", response)
    assert (excerpt[:4], len(excerpt)) == ("boom", MAX_ERROR_BODY)
    assert (await closed_call.fails("baml.http.Response.text", response))[0] == "InvalidArgument"
