"""A connection within its bounds: raw bytes in, raw bytes out."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from bamlvm.tools.server import protocol
from tests.unit.tools.server.conftest import Service, raw_request, until

Start = Callable[..., Service]


def exchange(service: Service, *pieces: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            while piece := connection.recv(1 << 16):
                received += piece
        except ConnectionError:  # the server has closed it while bytes were under way
            pass
        return received


def body_of(received: bytes) -> dict[str, str]:
    value: dict[str, str] = json.loads(received.partition(b"\r\n\r\n")[2])
    return value


CLOSE = "connection: close"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", b"400"),
        (b"POST /call/Echo HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", b"400"),
        (b"POST /call/Echo HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: h\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"x: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 500_000, b"431"),
    ],
)
def test_what_is_no_request_is_answered_with_json(service: Start, sent: bytes, status: bytes) -> None:
    received = exchange(service(), sent)
    assert received.startswith(b"HTTP/1.1 " + status), received[:200]
    assert body_of(received)["place"] == "request"


def test_requests_that_come_one_behind_the_other(service: Start) -> None:
    running = service()
    several = (
        raw_request("Echo", b'{"text": "one"}')
        + raw_request("Greet", b'{"name": "x"}')
        + raw_request("Nope", b"{}", CLOSE)
    )
    received = exchange(running, several)
    assert received.count(b"HTTP/1.1 ") == 3
    assert received.index(b'"one"') < received.index(b'"Hello, you"') < received.index(b"not_found")


@pytest.mark.parametrize("route", ["call", "stream"])
def test_what_follows_a_request_and_is_none_is_answered_behind_it(service: Start, route: str) -> None:
    running = service({"text": "late", "first_delay_ms": 200})
    received = exchange(running, raw_request("Greet", b'{"name": "x"}', route=route) + b"\0\0\0\r\n\r\n" * 9)
    first, _, second = received.partition(b"HTTP/1.1 400")
    assert first.startswith(b"HTTP/1.1 200") and b'"late"' in first
    assert body_of(second)["error"] == "bad_request"


def test_a_body_whose_chunks_cannot_be_read(service: Start) -> None:
    head = (
        b"POST /call/Echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    assert exchange(service(), head + b"zz").startswith(b"HTTP/1.1 400")


def test_a_client_that_leaves_ends_every_call_that_it_has_asked_for(service: Start) -> None:
    running = service({"text": "late", "first_delay_ms": 60_000})
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(raw_request("Greet", b'{"name": "x"}') * 2)
        until(lambda: running.endpoints.admission.running == 1 and len(running.mock.requests) == 1)
    until(lambda: not running.endpoints.admission.running)


def test_a_request_in_single_bytes(service: Start) -> None:
    whole = raw_request("Echo", b'{"text": "slow"}', CLOSE)
    received = exchange(service(), *(whole[place : place + 1] for place in range(len(whole))))
    assert received.endswith(b'\r\n\r\n"slow"')


def test_a_chunked_body(service: Start) -> None:
    head = b"POST /call/Echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    received = exchange(
        service(), head + b"connection: close\r\n\r\n", b'8\r\n{"text":\r\n', b'5\r\n"ab"}\r\n', b"0\r\n\r\n"
    )
    assert received.endswith(b'"ab"')


def test_a_body_that_is_too_large(service: Start) -> None:
    running = service(max_body=1000)
    stated = exchange(running, raw_request("Echo", b" " * 1001)[:200])
    assert stated.startswith(b"HTTP/1.1 413") and b"connection: close" in stated
    chunks = b"".join(b"64\r\n" + b" " * 100 + b"\r\n" for _ in range(11))
    head = (
        b"POST /call/Echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    counted = exchange(running, head, chunks)
    assert counted.startswith(b"HTTP/1.1 413") and body_of(counted)["error"] == "payload_too_large"


def test_a_body_that_does_not_come(service: Start) -> None:
    received = exchange(service(body_timeout=0.1), raw_request("Echo", b'{"text": "late"}')[:-3])
    assert received.startswith(b"HTTP/1.1 408") and body_of(received)["error"] == "request_timeout"


def test_a_head_that_does_not_come(service: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    running = service()
    assert exchange(running, b"POST /call/Echo HTTP/1.1\r\nho").startswith(b"HTTP/1.1 408")
    assert exchange(running) == b""


def test_http_1_0(service: Start) -> None:
    running = service()
    received = exchange(running, raw_request("Echo", b'{"text": "old"}', version="1.0"))
    assert received.endswith(b'\r\n\r\n"old"')
    streamed = exchange(running, raw_request("Greet", b'{"name": "x"}', version="1.0", route="stream"))
    head, _, events = streamed.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert events.startswith(b"event: attempt\nid: 1\ndata: ") and events.endswith(b'data: "Hello, you"\n\n')


def test_a_reader_that_takes_nothing_is_cut_off(service: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.3)
    running = service({"pieces": ["x" * 1000] * 4000})
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", running.port))
        stuck.sendall(raw_request("Greet", b'{"name": "x"}', route="stream"))
        until(lambda: bool(running.mock.requests) and not running.endpoints.admission.running)
    page = running.client.get("/metrics").text
    assert 'bamlvm_requests_total{function="Greet",route="stream",status="499"} 1.0' in page


def test_a_connection_that_wants_to_become_another(service: Start) -> None:
    offers = ("connection: upgrade, close, http2-settings", "Upgrade: h2c", "http2-settings: AAMAAABkAAQ")
    assert exchange(service(), raw_request("Echo", b'{"text": "here"}', *offers)).endswith(b'"here"')
