"""What a call shows while it runs, read back from a small terminal."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.cli.progress import Lines, Screen, printable, row_count
from bamlvm.events import Attempt


class Terminal(io.StringIO):
    """Rows of characters of width 1, a cursor, and the sequences that Screen uses; endless upwards."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0

    def write(self, text: str) -> int:
        rest = text
        while rest:
            if rest.startswith("\x1b["):
                end = next(i for i, char in enumerate(rest) if char.isalpha())
                self._control(rest[2:end], rest[end])
                rest = rest[end + 1 :]
            else:
                self._put(rest[0])
                rest = rest[1:]
        return len(text)

    def _put(self, char: str) -> None:
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self._down()
        else:
            if self.column == self.columns:
                self._down()
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows.append("")

    def _control(self, parameter: str, letter: str) -> None:
        if letter == "A":
            self.row -= int(parameter)
            assert self.row >= 0
        else:
            assert (parameter, letter, self.column) == ("", "J", 0)
            self.rows[self.row :] = [""]

    def shows(self) -> list[str]:
        return [row.rstrip() for row in self.rows]


def wrapped(text: str, columns: int) -> list[str]:
    """A text as a terminal of that width shows it, from an empty row on."""
    rows = []
    for line in text.split("\n"):
        rows += [line[start : start + columns].rstrip() for start in range(0, len(line), columns)] or [""]
    return rows


def record(ordinal: int, error: Any = None) -> Any:
    return SimpleNamespace(ordinal=ordinal, client="Primary", provider="openai", error=error)


def screen(columns: int = 20, lines: int = 10, takes_result: bool = True) -> tuple[Terminal, io.StringIO, Screen]:
    terminal, log = Terminal(columns), io.StringIO()
    return terminal, log, Screen(terminal, log, takes_result=takes_result, size=(columns, lines))


class TestScreen:
    def test_a_growing_text_is_only_appended_to(self) -> None:
        stream = io.StringIO()
        shown = Screen(stream, stream, takes_result=True, size=(80, 24))
        for text in ("Hello", "Hello, ", "Hello, world"):
            shown.partial(text, None)
        assert shown.finish("Hello, world") is True
        assert stream.getvalue() == "Hello, world\n"

    @given(st.lists(st.text("ab \n", max_size=60), min_size=1), st.integers(1, 12))
    def test_the_last_text_is_what_stands_there(self, texts: list[str], columns: int) -> None:
        terminal, _, shown = screen(columns, lines=1000)
        for text in texts:
            shown.partial(text, None)
        assert terminal.shows() == wrapped(texts[-1], columns)

    @given(st.text("ab", max_size=60), st.text("ab", max_size=60), st.integers(1, 12))
    def test_a_result_that_goes_on_takes_the_place_of_the_text(self, start: str, more: str, columns: int) -> None:
        terminal, _, shown = screen(columns, lines=1000)
        shown.partial(start, None)
        assert shown.finish(start + more) is True
        assert terminal.shows() == [*wrapped(start + more, columns), ""]

    def test_a_failed_attempt_takes_its_text_with_it(self) -> None:
        terminal, log, shown = screen()
        shown.partial("Good mor", record(1))
        shown.attempt(Attempt("failed", record(1, ValueError("cut short"))))
        assert terminal.shows() == [""]
        assert log.getvalue() == "attempt 1: Primary (openai) failed: ValueError: cut short\n"
        shown.partial("Hello", record(2))
        assert terminal.shows() == ["Hello"]

    def test_a_succeeded_attempt_leaves_its_text(self) -> None:
        terminal, _, shown = screen()
        shown.partial("one", record(1))
        shown.attempt(Attempt("succeeded", record(1)))
        shown.partial("two", record(2))
        shown.attempt(Attempt("succeeded", record(2)))
        assert shown.finish("6 letters") is True
        assert terminal.shows() == ["one", "two", "6 letters", ""]

    def test_text_that_has_scrolled_away_is_left(self) -> None:
        terminal, _, shown = screen(lines=2)
        shown.partial("a\nb\nc", None)
        shown.partial("d", None)
        assert terminal.shows() == ["a", "b", "c", "d"]

    def test_a_tall_value_that_is_no_text_shows_its_end(self) -> None:
        terminal, _, shown = screen(lines=4)
        shown.partial([1, 2, 3], None)
        shown.partial([1, 2, 3, 4], None)
        assert terminal.shows() == ["  3,", "  4", "]"]

    def test_the_result_goes_elsewhere_if_this_is_not_its_terminal(self) -> None:
        terminal, _, shown = screen(takes_result=False)
        shown.partial("Hello", None)
        assert shown.finish("Hello") is False
        assert terminal.shows() == ["Hello", ""]

    def test_an_interrupted_call_ends_its_line(self) -> None:
        terminal, _, shown = screen()
        shown.partial("Hel", None)
        shown.finish(None)
        assert terminal.shows() == ["Hel", ""]


class TestPrintable:
    @given(st.text())
    def test_no_control_character_comes_through(self, text: str) -> None:
        shown = printable(text)
        assert not [char for char in shown if (ord(char) < 0x20 and char != "\n") or 0x7F <= ord(char) < 0xA0]

    def test_what_it_makes_of_them(self) -> None:
        assert printable("a\tb\r\nc\x1b[2J\x7f\x9b") == "a       b\nc␛[2J␡�"

    @pytest.mark.parametrize(
        ("text", "rows"),
        [("", 1), ("abcd", 1), ("abcde", 2), ("a\nb", 2), ("日本", 1), ("a日本", 2), ("e\u0301" * 4, 1), ("a\n", 2)],
    )
    def test_rows_of_four_columns(self, text: str, rows: int) -> None:
        assert row_count(text, 4) == rows


class TestLines:
    def test_plain(self) -> None:
        stream = io.StringIO()
        lines = Lines(stream, as_json=False)
        lines.attempt(Attempt("started", record(1)))
        lines.partial("two\nlines", record(1))
        lines.attempt(Attempt("failed", record(1, ValueError("no\nway"))))
        lines.partial(3, None)
        assert lines.finish("x") is False
        assert stream.getvalue().splitlines() == [
            "attempt 1: Primary (openai) started",
            'partial 1: "two\\nlines"',
            "attempt 1: Primary (openai) failed: ValueError: no way",
            "partial: 3",
        ]

    def test_json(self) -> None:
        stream = io.StringIO()
        lines = Lines(stream, as_json=True)
        lines.partial("Hel", record(1))
        lines.attempt(Attempt("failed", record(1, ValueError("x"))))
        assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
            {"event": "partial", "attempt": 1, "value": "Hel"},
            {"event": "failed", "attempt": 1, "client": "Primary", "provider": "openai", "error": "ValueError: x"},
        ]
