"""AWS's binary event streams: any split, what each kind of message becomes, and bytes that are no message."""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from itertools import pairwise

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.web.aws_events import AwsEventParser, BrokenMessageError
from bamlvm.sysops.web.sse import Event, EventTooLargeError
from bamlvm.tools.mock.aws_events import encode, encode_message
from bamlvm.tools.mock.wire import StreamEvent

EVENTS = [("messageStart", '{"role":"assistant"}'), ("contentBlockDelta", '{"delta":{"text":"wörld 🙂"}}'), ("x", "")]
STREAM = b"".join(encode_message(StreamEvent("other", data, name, framing="aws")) for name, data in EVENTS)
EXPECTED = [Event(name, data, "") for name, data in EVENTS]


def one(headers: dict[str, str], payload: bytes) -> Event:
    (event,) = AwsEventParser().feed(encode(headers, payload))
    return event


def test_the_mock_writes_what_the_library_reads() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)
    assert [message.headers[":event-type"] for message in buffer] == [name for name, _ in EVENTS]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parser = AwsEventParser()
    found = [event for start, end in pairwise(places) for event in parser.feed(STREAM[start:end])]
    assert (found, parser.close()) == (EXPECTED, [])


def test_one_byte_at_a_time() -> None:
    parser = AwsEventParser()
    assert [event for place in range(len(STREAM)) for event in parser.feed(STREAM[place : place + 1])] == EXPECTED


@pytest.mark.parametrize("cut", [1, 11, 12, 40, len(STREAM) - 1])
def test_a_message_that_is_not_complete_is_dropped(cut: int) -> None:
    parser = AwsEventParser()
    assert parser.feed(STREAM[:cut]) == EXPECTED[: 2 if cut == len(STREAM) - 1 else 0]
    assert parser.close() == []


@pytest.mark.parametrize("place", range(len(encode_message(StreamEvent("other", "{}", "x", framing="aws")))))
def test_every_byte_is_checked(place: int) -> None:
    first, second = (encode_message(StreamEvent("other", "{}", "x", framing="aws")) for _ in range(2))
    broken = bytearray(first + second)
    broken[len(first) + place] ^= 1
    parser = AwsEventParser()
    assert parser.feed(bytes(broken)) == [Event("x", "{}", "")], "what came before counts"
    with pytest.raises(BrokenMessageError):
        parser.feed(b"")
    with pytest.raises(BrokenMessageError):
        parser.close()


def test_what_is_no_such_stream_is_not_waited_for() -> None:
    """The first four bytes of a page would be the length of a gigabyte."""
    with pytest.raises(BrokenMessageError, match="checksum"):
        AwsEventParser().feed(b"<!doctype html><html>")


def test_a_message_larger_than_the_limit_is_refused_by_its_length() -> None:
    lengths = struct.pack(">II", 1000, 0)
    with pytest.raises(EventTooLargeError, match="larger than 999 bytes"):
        AwsEventParser(limit=999).feed(lengths + struct.pack(">I", zlib.crc32(lengths)))
    lengths = struct.pack(">II", 20, 90)
    with pytest.raises(BrokenMessageError, match="shorter than its headers"):
        AwsEventParser().feed(lengths + struct.pack(">I", zlib.crc32(lengths)))


def test_exceptions_and_errors() -> None:
    throttled = {":message-type": "exception", ":exception-type": "throttlingException"}
    for payload, said in ((b'{"message": "slow"}', "slow"), (b'{"Message": "S"}', "S"), (b"<p>", "<p>"), (b"[]", "[]")):
        event = one(throttled, payload)
        assert (event.event, json.loads(event.data)) == ("error", {"type": "throttlingException", "message": said})
    event = one({":message-type": "error", ":error-code": "InternalError", ":error-message": "oops"}, b"")
    assert (event.event, json.loads(event.data)) == ("error", {"type": "InternalError", "message": "oops"})
    assert json.loads(one({":message-type": "exception"}, b"{}").data) == {"type": None, "message": "{}"}
    assert one({}, b"{}") == Event("message", "{}", "")


def test_headers_that_cannot_be_read() -> None:
    packed = b"\x05:kind\x63"  # a type of value that does not exist
    lengths = struct.pack(">II", 16 + len(packed), len(packed))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + packed
    with pytest.raises(BrokenMessageError, match="cannot be read"):
        AwsEventParser().feed(message + struct.pack(">I", zlib.crc32(message)))


@given(st.binary(max_size=60), st.integers(0, 60))
def test_sound_checksums_around_anything(content: bytes, headers: int) -> None:
    prelude = struct.pack(">II", 16 + len(content), min(headers, len(content)))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    message = prelude + content
    with contextlib.suppress(BrokenMessageError):
        AwsEventParser().feed(message + struct.pack(">I", zlib.crc32(message)))
