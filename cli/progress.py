"""Display of a call while it runs: :class:`Screen` grows text in place on a terminal, :class:`Lines` writes one line an
event.

On a screen a text that continues the one shown is appended; any other replaces it.  An attempt that fails takes its
text with it; one that succeeds leaves it, and the next text begins on a new line.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

import msgspec

import bamlvm
from bamlvm.cli.output import error_line, value_text
from bamlvm.grammar.printable import printable as visible

if TYPE_CHECKING:
    from bamlvm import Attempt, AttemptRecord

_TAB = 8


class Lines:
    """One line an event, for pipes and files."""

    def __init__(self, stream: TextIO, *, as_json: bool) -> None:
        self._stream = stream
        self._as_json = as_json

    def partial(self, value: Any, record: AttemptRecord | None) -> None:
        """Write a partial value, with the number of its attempt."""
        number = None if record is None else record.ordinal
        plain = bamlvm.to_builtins(value)
        if self._as_json:
            self._write_json({"event": "partial", "attempt": number, "value": plain})
        else:
            text = msgspec.json.encode(plain).decode()
            self._write(f"partial: {text}" if number is None else f"partial {number}: {text}")

    def attempt(self, event: Attempt) -> None:
        """Write that an attempt started, failed or succeeded."""
        record = event.record
        failed = event.kind == "failed"
        if self._as_json:
            about = {"attempt": record.ordinal, "client": record.client, "provider": record.provider}
            error = {"error": error_line(record.error)} if failed else {}
            self._write_json({"event": event.kind, **about, **error})
        else:
            why = f": {error_line(record.error)}" if failed else ""
            self._write(f"attempt {record.ordinal}: {record.client} ({record.provider}) {event.kind}{why}")

    def finish(self, text: str | None) -> bool:
        """End the display; return whether the result is shown, which it never is here."""
        return False

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

    def _write_json(self, value: Any) -> None:
        self._write(msgspec.json.encode(value).decode())


class Screen:
    """Text that grows in place on ``stream``, a terminal; failed attempts are lines on ``log``.

    With ``takes_result`` the result goes to this terminal too: the text that streamed becomes it.  ``size`` is columns
    and lines; by default the terminal's own, asked each time since the window may be resized.
    """

    def __init__(self, stream: TextIO, log: TextIO, *, takes_result: bool, size: tuple[int, int] | None = None) -> None:
        self._stream = stream
        self._log = log
        self._takes_result = takes_result
        self._size = size
        self._shown = ""
        self._settled = False

    def partial(self, value: Any, record: AttemptRecord | None) -> None:
        """Show a partial value."""
        if self._settled:
            self._leave()
        text = printable(value_text(value) or "")
        if not isinstance(value, str):
            text = self._tail(text)
        if text.startswith(self._shown):
            self._stream.write(text[len(self._shown) :])
        else:
            self._erase()
            self._stream.write(text)
        self._shown = text
        self._stream.flush()

    def attempt(self, event: Attempt) -> None:
        """Erase the text of an attempt that failed, and log it."""
        if event.kind == "succeeded":
            self._settled = True
        elif event.kind == "failed":
            self._erase()
            record = event.record
            line = f"attempt {record.ordinal}: {record.client} ({record.provider}) failed: {error_line(record.error)}"
            self._stream.flush()
            self._log.write(printable(line) + "\n")
            self._log.flush()

    def finish(self, text: str | None) -> bool:
        """End the display with a result (None: there is none); return whether it is shown now.

        The last text shown becomes the result where one is a prefix of the other.
        """
        if text is None or not self._takes_result:
            self._leave()
            return False
        shown, final = self._shown, printable(text)
        if shown and (final.startswith(shown.rstrip()) or shown.startswith(final.rstrip())):
            if final.startswith(shown):
                self._stream.write(final[len(shown) :])
            else:
                self._erase()
                self._stream.write(final)
            self._shown = final
        else:
            self._leave()
            self._stream.write(final)
        self._stream.write("\n")
        self._stream.flush()
        return True

    def _leave(self) -> None:
        """Leave the text where it is and go to a new line below it."""
        if self._shown and not self._shown.endswith("\n"):
            self._stream.write("\n")
            self._stream.flush()
        self._shown = ""
        self._settled = False

    def _erase(self) -> None:
        """Erase the text, or leave it if a part has scrolled off the screen."""
        if not self._shown:
            return
        columns, lines = self._terminal_size()
        rows = row_count(self._shown, columns)
        if rows > lines:
            self._leave()
            return
        up = f"\x1b[{rows - 1}A" if rows > 1 else ""
        self._stream.write(f"{up}\r\x1b[J")
        self._shown = ""
        self._settled = False

    def _tail(self, text: str) -> str:
        """Return as many last lines as can be erased again; what is not a string is redrawn at each change."""
        return "\n".join(text.split("\n")[-max(1, self._terminal_size()[1] - 1) :])

    def _terminal_size(self) -> tuple[int, int]:
        if self._size is not None:
            return self._size
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            columns, lines = 0, 0
        return columns or 80, lines or 24


Display: TypeAlias = Lines | Screen


def printable(text: str) -> str:
    """Make a text safe for a terminal: tabs expanded, line ends as LF, other control characters made visible.

    A model's answer must not move the cursor or set the window's title (ECMA-48).
    """
    return visible(text.replace("\r\n", "\n").expandtabs(_TAB))


def row_count(text: str, columns: int) -> int:
    """Return the rows that a text takes on a screen from the first column on; a character that does not fit wraps."""
    from unicodedata import category, east_asian_width  # only erasing needs it

    rows, column = 1, 0
    for char in text:
        if char == "\n":
            rows, column = rows + 1, 0
            continue
        if category(char) in ("Cf", "Me", "Mn"):  # format characters and marks take no column
            continue
        width = 2 if east_asian_width(char) in ("F", "W") else 1
        if column + width > columns:
            rows, column = rows + 1, 0
        column += width
    return rows
