"""Columns in every encoding, line ends of every kind, edits by range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.tools.language_server.positions import Encoding, Place, Text, clean

UNITS: dict[str, tuple[str, int]] = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
texts = st.text(st.sampled_from("ab \n\ré你😀\u2028\x0b\ufeff"), max_size=40)


def units(text: str, encoding: str) -> int:
    codec, size = UNITS[encoding]
    return len(text.encode(codec)) // size


@given(texts, st.sampled_from(ENCODINGS))
def test_every_offset_has_a_place_and_comes_back(text: str, encoding: Encoding) -> None:
    mapped = Text(text, encoding)
    for offset in range(len(text) + 1):
        place = mapped.place(offset)
        inside_line_end = text[offset - 1 : offset + 1] == "\r\n"
        assert mapped.offset(*place) == offset - inside_line_end
        start = mapped.line_start(place.line)
        assert place.column == units(text[start : offset - inside_line_end], encoding)


@given(texts, st.sampled_from(ENCODINGS), st.integers(0, 50), st.integers(0, 50))
def test_a_place_outside_is_moved_inside(text: str, encoding: Encoding, line: int, column: int) -> None:
    mapped = Text(text, encoding)
    offset = mapped.offset(line, column)
    assert 0 <= offset <= len(text)
    assert mapped.place(offset) <= Place(line, column)


@given(texts, texts, st.integers(0, 40), st.integers(0, 40), st.sampled_from(ENCODINGS))
def test_edits_by_place_are_edits_by_offset(
    text: str, replacement: str, one: int, other: int, encoding: Encoding
) -> None:
    mapped = Text(text, encoding)
    start, end = sorted(mapped.offset(*mapped.place(min(each, len(text)))) for each in (one, other))
    edited = mapped.edited(mapped.place(start), mapped.place(end), replacement)
    assert edited.text == text[:start] + replacement + text[end:]


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\nb\rc\nd", "\u2028\n"])
def test_lines_end_as_the_protocol_says(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    mapped = Text(text, "utf-16")
    assert mapped.line_count == len(expected)
    found = [text[mapped.line_start(line) : mapped.line_end(line)] for line in range(mapped.line_count)]
    assert found == expected


def test_a_column_inside_a_character_is_before_it() -> None:
    assert Text("a😀b", "utf-16").offset(0, 2) == 1
    assert Text("aéb", "utf-8").offset(0, 2) == 1


def test_half_a_character_is_replaced_by_one_as_long() -> None:
    assert clean("a\ud83db") == "a\ufffdb"
    assert clean("a😀b") == "a😀b"
