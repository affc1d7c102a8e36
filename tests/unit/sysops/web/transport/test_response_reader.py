"""Reading responses: any split of the bytes, framings, what breaks the protocol, and limits."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.errors import INCOMPLETE_BODY
from bamlvm.sysops.web.transport.response_reader import MAX_HEAD, Parser, ResponseReader


@dataclass(frozen=True)
class Read:
    """What was read of an answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    complete: bool
    reusable: bool
    failure: str | None


def read(*pieces: bytes, head_only: bool = False, end: bool = False) -> Read:
    reader = ResponseReader(head_only)
    body = b""
    for piece in pieces:
        if reader.complete or reader.failure is not None:
            break
        body += reader.feed(piece)
    if end:
        reader.end()
    return Read(reader.status, tuple(reader.headers), body, reader.complete, reader.reusable, reader.failure)


CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-empty:\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b'7;name="v"\r\ndata: a\r\n2\r\n\n\n\r\n17\r\ndata: \xe2\x82\xac and no more\n\n\r\n0\r\nx-trailer: 1\r\n\r\n'
)
LENGTH = b"HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\nconnection: keep-alive\r\n\r\nhello\r\nwor\n"
CLOSED = b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nas long as it lasts\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"


def cuts(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges) if start < stop]


@pytest.mark.parametrize("answer", [CHUNKED, LENGTH, CLOSED, EMPTY])
@given(places=st.lists(st.integers(0, 1000), max_size=12))
def test_any_split_reads_the_same(answer: bytes, places: list[int]) -> None:
    whole = read(answer, end=True)
    assert whole.complete
    assert whole.failure is None
    assert read(*cuts(answer, places), end=True) == whole


def test_byte_by_byte() -> None:
    found = read(*[bytes([byte]) for byte in CHUNKED])
    assert found.status == 200
    assert found.body == "data: a\n\ndata: € and no more\n\n".encode()
    assert (b"x-empty", b"") in found.headers
    assert all(name not in (b"link", b"x-trailer") for name, _ in found.headers)
    assert (found.complete, found.reusable) == (True, True)


@pytest.mark.parametrize("answer", [CHUNKED, LENGTH])
def test_every_truncation_is_a_failure(answer: bytes) -> None:
    for end in range(len(answer)):
        found = read(answer[:end], end=True)
        assert not found.complete
        assert found.failure is not None
        assert (found.failure == INCOMPLETE_BODY) == (found.status != 0)


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n", True),
    ],
)
def test_which_connections_can_be_used_again(head: bytes, reusable: bool) -> None:
    assert read(head + b"content-length: 2\r\n\r\nhi").reusable is reusable


@pytest.mark.parametrize("status", [b"204 None", b"304 Same"])
def test_answers_without_a_body(status: bytes) -> None:
    found = read(b"HTTP/1.1 " + status + b"\r\ncontent-length: 5\r\n\r\n")
    assert (found.complete, found.reusable, found.body) == (True, True, b"")


@pytest.mark.parametrize("framing", [b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b""])
def test_an_answer_to_head_has_no_body(framing: bytes) -> None:
    found = read(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", head_only=True)
    assert (found.status, found.complete, found.failure) == (200, True, None)


@pytest.mark.parametrize("extra", [b"HTTP/1.1 200 OK\r\n", b"x", b"\x00"])
def test_bytes_after_the_answer_make_the_connection_unusable(extra: bytes) -> None:
    found = read(LENGTH + extra)
    assert (found.complete, found.reusable, found.body, found.failure) == (True, False, b"hello\r\nwor\n", None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"220 mail.example ESMTP\r\n", "not HTTP/1.1: it begins with '2"),
        (b"HTTP/1.1 2x0 OK\r\n", "status code"),
        (b"HTTP/9.9 200 OK\r\n", "version"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nx : 1\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nx: 1\r\n folded\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\nx: a\x00b\r\n\r\n", "header"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "'gzip, chunked'"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", "'gzip'"),
        (b"HTTP/1.1 101 Go\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "another protocol"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n", "overflow"),
    ],
)
def test_what_breaks_the_protocol(answer: bytes, said: str) -> None:
    for pieces in ([answer], [answer[at : at + 1] for at in range(len(answer))]):
        found = read(*pieces)
        assert found.failure is not None
        assert said.lower() in found.failure.lower()
        assert not found.complete


def test_the_body_before_the_breach_is_read() -> None:
    found = read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n")
    assert found.body == b"hi"
    assert found.failure is not None


FLOODS = {
    "headers": (b"HTTP/1.1 200 OK\r\n", b"x-header: %b\r\n" % (b"v" * 1000)),
    "one header": (b"HTTP/1.1 200 OK\r\nx: ", b"v" * 1000),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: %b\r\n\r\n" % (b"v" * 1000)),
    "a chunk's extension": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;", b"x=1;" * 250),
    "trailers": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-trailer: %b\r\n" % (b"v" * 1000)),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_framing_is_bounded(flood: str) -> None:
    start, more = FLOODS[flood]
    reader = ResponseReader()
    if start:
        reader.feed(start)
    fed = 0
    while reader.failure is None:
        reader.feed(more)
        fed += len(more)
        assert fed <= MAX_HEAD + 2000
    assert str(MAX_HEAD) in reader.failure


def test_a_reader_is_gone_when_nobody_holds_it() -> None:
    class Watched(ResponseReader):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        for answer in (LENGTH, b"nonsense"):
            reader = Watched()
            reader.feed(answer)
            seen = weakref.ref(reader)
            del reader
            assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x46", "the server speaks TLS: is https meant?"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the server speaks HTTP/2"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", "the server speaks HTTP/2"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", r"not HTTP/1.1: it begins with 'SSH-2.0-OpenSSH_9.6\r\n'"),
        (b"<html>\xff\x1b[31m", r"not HTTP/1.1: it begins with '<html>\xff\x1b[31m'"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "the response is HTTP/2.0"),
        (b"HTTP/1.1 2OO OK\r\n\r\n", "Invalid status code"),
    ],
)
def test_what_is_no_response_of_http_1(opening: bytes, said: str) -> None:
    failure = read(opening).failure
    assert failure is not None
    assert said in failure


@given(
    st.lists(
        st.tuples(st.sampled_from([CHUNKED, LENGTH, EMPTY]), st.lists(st.integers(0, 1000), max_size=4)), min_size=1
    )
)
def test_one_parser_reads_one_response_after_another(answers: list[tuple[bytes, list[int]]]) -> None:
    parser = Parser()
    for answer, places in answers:
        reader = ResponseReader(parser=parser)
        body = b"".join([reader.feed(piece) for piece in cuts(answer, places)])
        found = Read(reader.status, tuple(reader.headers), body, reader.complete, reader.reusable, reader.failure)
        assert found == read(answer)
        assert found.reusable
    parser.let_go()


def test_a_parser_refers_to_no_reader_that_is_done() -> None:
    class Watched(Parser):
        """A parser that can be watched."""

    parser = Watched()
    reader = ResponseReader(parser=parser)
    reader.feed(LENGTH)
    gone = weakref.ref(parser)
    gc.disable()
    try:
        assert parser.reader is None
        parser.let_go()
        del parser, reader
        assert gone() is None
    finally:
        gc.enable()
