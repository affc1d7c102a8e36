"""The SSE parser: the standard's rules case by case, and what a slow reference finds, however the bytes are split."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.web.sse import LONGEST_ID, Event, EventTooLargeError, SseParser
from tests.fuzz.sse_reference import read as reference

Found = tuple[list[Event], str]
"""The events, and the error that ended them."""


def parse(chunks: Iterable[bytes], *, limit: int = 1 << 24, keep_unterminated: bool = False) -> list[Event]:
    parser = SseParser(limit, keep_unterminated)
    events = []
    for chunk in chunks:
        events += parser.feed(chunk)
    return events + parser.close()


def outcome(chunks: Iterable[bytes], limit: int, keep_unterminated: bool = False) -> Found:
    """What comes out, up to the error if there is one."""
    parser = SseParser(limit, keep_unterminated)
    events: list[Event] = []
    try:
        for chunk in chunks:
            events += parser.feed(chunk)
        events += parser.close()
    except EventTooLargeError as error:
        return events, str(error)
    return events, ""


def message(data: str, id: str = "") -> Event:
    return Event("message", data, id)


CASES = {
    "one event": (b"data: a\n\n", [message("a")]),
    "no space after the colon": (b"data:a\n\n", [message("a")]),
    "only one space goes": (b"data:  a\n\n", [message(" a")]),
    "a tab stays": (b"data:\ta\n\n", [message("\ta")]),
    "lines join with LF": (b"data: a\ndata: b\n\n", [message("a\nb")]),
    "the standard's example of empty data": (b"data\n\ndata\ndata\n\ndata:", [message(""), message("\n")]),
    "named": (b"event: ping\ndata: {}\n\n", [Event("ping", "{}", "")]),
    "the type is cleared by each blank line": (b"event: a\n\ndata: x\n\n", [message("x")]),
    "an empty type is the default": (b"event: \ndata: x\n\n", [message("x")]),
    "the last type counts": (b"event: a\nevent: b\ndata: x\n\n", [Event("b", "x", "")]),
    "the type may follow the data": (b"data: x\nevent: b\n\n", [Event("b", "x", "")]),
    "ids persist": (b"id: 1\ndata: a\n\ndata: b\n\n", [message("a", "1"), message("b", "1")]),
    "an id without value clears it": (b"id: 1\ndata: a\n\nid\ndata: c\n\n", [message("a", "1"), message("c")]),
    "an id without data persists": (b"id: 7\n\ndata: a\n\n", [message("a", "7")]),
    "an id with NUL is ignored": (b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [message("a", "1"), message("b", "1")]),
    "comments": (b": hello\n\n:\ndata: a\n: between\ndata: b\n\n", [message("a\nb")]),
    "unknown fields": (b"foo: bar\nDATA: no\ndata: a\n data: no\n\n", [message("a")]),
    "a BOM is dropped once": (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [message("a")]),
    "CR": (b"data: a\r\rdata: b\r\r", [message("a"), message("b")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]),
    "mixed line ends": (b"data: a\rdata: b\r\ndata: c\n\r", [message("a\nb\nc")]),
    "LF CR is two line ends": (b"data: a\n\rdata: b\n\n", [message("a"), message("b")]),
    "many blank lines": (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [message("a"), message("b")]),
    "other separators are data": ("data: a\u2028b\x0b\x0c\x85\n\n".encode(), [message("a\u2028b\x0b\x0c\x85")]),
    "undecodable bytes": (b"data: \xff\xe2\x82\n\n", [message("\ufffd\ufffd")]),
    "a colon in the value": (b"data: a: b\n\n", [message("a: b")]),
    "an unterminated event is dropped": (b"data: a\n\ndata: b\n", [message("a")]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "expected"), CASES.values(), ids=CASES.keys())
def test_rules(stream: bytes, expected: list[Event]) -> None:
    assert parse([stream]) == expected
    assert reference(stream).events == expected, "the reference itself"
    assert parse(stream[at : at + 1] for at in range(len(stream))) == expected
    for at in range(len(stream) + 1):
        assert parse([stream[:at], stream[at:]]) == expected, at


FIELDS = (b"data: ", b"data:", b"data", b"event: ", b"event:x", b"id: 1", b"id", b"retry: 10", b"retry: \xc2\xb2", b":")
OTHERS = (
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"x",
    b"\xef\xbb\xbf",
    b"\xe2\x82\xac",
    b"\xff",
    b"\0",
    b": c",
)
FRAGMENTS = st.sampled_from(FIELDS + OTHERS)
STREAMS = st.lists(FRAGMENTS, max_size=40).map(b"".join) | st.binary(max_size=60)


@st.composite
def splits(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    stream = draw(STREAMS)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return stream, [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(splits(), st.booleans())
def test_any_bytes_in_any_split_give_what_the_reference_gives(case: tuple[bytes, list[bytes]], keep: bool) -> None:
    stream, chunks = case
    events, comments, retry, _ = reference(stream, keep)
    for pieces in (chunks, [stream], [stream[at : at + 1] for at in range(len(stream))]):
        parser = SseParser(keep_unterminated=keep)
        found = [event for piece in pieces for event in parser.feed(piece)] + parser.close()
        assert (found, parser.comments, parser.retry) == (events, comments, retry)


@given(splits(), st.integers(1, 30), st.booleans())
def test_the_limit_strikes_at_the_same_place_in_any_split(
    case: tuple[bytes, list[bytes]], limit: int, keep: bool
) -> None:
    stream, chunks = case
    expected = reference(stream, keep, limit)
    whole = outcome([stream], limit, keep)
    assert (whole[0], whole[1] != "") == (expected.events, expected.too_large)
    assert outcome(chunks, limit, keep) == whole
    assert outcome((stream[at : at + 1] for at in range(len(stream))), limit, keep) == whole


def test_an_event_ends_with_its_blank_line_not_with_the_chunk_after_it() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\r\r") == [message("a")]
    assert parser.feed(b"\ndata: b\r\n\r") == [message("b")], "the LF belonged to the CR before it"
    assert parser.feed(b"\n") == []
    assert parser.feed(b"data: c\n\n") == [message("c")]


def test_an_empty_chunk_does_not_forget_the_cr_before_it() -> None:
    assert parse([b"data: a\r", b"", b"\ndata: b\r\n\r\n"]) == [message("a\nb")]


def test_the_unterminated_event_can_be_kept() -> None:
    assert parse([b"data: a\n\ndata: b"], keep_unterminated=True) == [message("a"), message("b")]
    assert parse([b"\xef\xbb\xbfdata: b"], keep_unterminated=True) == [message("b")]
    assert parse([b"data: a\n\n: c"], keep_unterminated=True) == [message("a")]


def test_comments_are_counted_and_retry_is_kept() -> None:
    parser = SseParser()
    assert parser.feed(b": OPENROUTER PROCESSING\n\n:\nretry: 1500\nretry: 2s\nretry: -1\nretry:\n") == []
    assert (parser.comments, parser.retry) == (2, 1500)


@pytest.mark.parametrize(
    ("value", "retry"),
    [("\N{SUPERSCRIPT TWO}", None), ("\N{ARABIC-INDIC DIGIT TWO}", None), ("007", 7), ("0", 0), ("9" * 5000, 10**18)],
)
def test_retry_takes_ascii_digits_only(value: str, retry: int | None) -> None:
    parser = SseParser()
    parser.feed(f"retry: {value}\n".encode())
    assert parser.retry == retry


def test_what_is_too_large_is_an_error_after_the_events_before_it() -> None:
    parser = SseParser(limit=20)
    assert parser.feed(b"data: ok\n\ndata: " + b"x" * 20 + b"\n\ndata: after\n\n") == [message("ok")]
    for _ in range(2):
        with pytest.raises(EventTooLargeError, match="larger than 20 bytes"):
            parser.feed(b"data: more\n\n")
    with pytest.raises(EventTooLargeError):
        parser.close()


def test_the_limit_counts_an_event_not_the_stream() -> None:
    assert len(parse([b"data: 0123456789\n\n" * 100], limit=16)) == 100
    assert len(parse([b": " + b"c" * 14 + b"\n"] * 100 + [b"data: a\n\n"], limit=16)) == 1
    with pytest.raises(EventTooLargeError):
        parse([b"data: 012\n"] * 2 + [b"\n"], limit=16)


@pytest.mark.parametrize("stream", [b"data: 78901234567", b"\xef\xbb\xbfdata: 78901234567"])
def test_a_first_line_without_end_has_no_more_room_than_others(stream: bytes) -> None:
    for limit, error in ((17, ""), (16, "an event is larger than 16 bytes")):
        assert outcome([stream], limit) == outcome((stream[at : at + 1] for at in range(len(stream))), limit)
        assert outcome([stream], limit) == ([], error)


def test_a_line_without_end_is_an_error_not_memory() -> None:
    parser = SseParser(limit=1000)
    with pytest.raises(EventTooLargeError):
        for _ in range(1000):
            parser.feed(b"data: xxx")


def test_a_large_event_in_many_pieces_arrives_whole() -> None:
    body = "é€x" * 50_000
    stream = f"data: {body}\n\n".encode()
    assert parse(stream[at : at + 7] for at in range(0, len(stream), 7)) == [message(body)]


def test_a_closed_parser_takes_nothing() -> None:
    parser = SseParser()
    assert parser.close() == []
    assert parser.close() == []
    with pytest.raises(RuntimeError, match="closed"):
        parser.feed(b"data: a\n\n")


def test_a_long_id_is_refused_since_every_event_has_it() -> None:
    longest = "x" * LONGEST_ID
    assert [event.id for event in parse([f"id: {longest}\ndata: a\n\ndata: b\n\n".encode()])] == [longest] * 2
    parser = SseParser()
    assert parser.feed(b"data: ok\n\nid: " + b"x" * (LONGEST_ID + 1) + b"\ndata: a\n\n") == [message("ok")]
    with pytest.raises(EventTooLargeError, match="the id of an event is longer than 1024 bytes"):
        parser.feed(b"data: more\n\n")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_blank_lines_end_one_event_and_nothing_more(end: str) -> None:
    stream = f"event: a{end}data: 1{end}{end * 9}data: 2{end}{end}{end}event: b{end * 5}data: 3{end}{end}".encode()
    expected = [Event("a", "1", ""), message("2"), message("3")]
    for size in (1, 2, 3, len(stream)):
        assert parse(stream[at : at + size] for at in range(0, len(stream), size)) == expected
