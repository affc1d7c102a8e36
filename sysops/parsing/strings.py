"""Strings, as a scanner reads them: where one ends, what belongs to it, and what of a growing one is shown.

A string may turn out to end earlier than where it is read to: its own quote is missing, and what follows it shows
that. Partial values show no more of a string than will stay (:meth:`StringStates.growing`). Where a quote ends a string
is decided in :mod:`.lookahead`; here the question is put, and the quotations inside are counted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from bamlvm.sysops.parsing import escapes, evidence, lookahead
from bamlvm.sysops.parsing.evidence import PLAIN, WINDOW
from bamlvm.sysops.parsing.names import bare
from bamlvm.sysops.parsing.scan_state import FENCE, ScanState

CLOSING: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\u201c": "\u201d",
    "\u201d": "\u201d",
    "\u201e": "\u201c",
    "\u2018": "\u2019",
    "\u2019": "\u2019",
    "\u300c": "\u300d",
    "\u300e": "\u300f",
    "\uff02": "\uff02",
}
_DOUBLE: Final = '"\u201c\u201d\u201e'
_SINGLE: Final = "'\u2018\u2019"
_RIVALS: Final = {mark: kind for kind in (_DOUBLE, _SINGLE) for mark in kind}
"""The marks that may end a string, by the mark that should."""

_RUNS: Final = {
    mark: re.compile(rf"(?:[^{re.escape(_RIVALS.get(mark, mark))}`\n\\]+|\n(?![ \t]*(?:`|\Z)))*")
    for mark in "\"'\u201c\u201d\u2019\u300d\u300f\uff02"
} | {"`": re.compile(r"[^`\\]*"), FENCE: re.compile("[^`]*")}
"""What a string consists of without any question, by the mark that ends it."""

_MARKS: Final = {mark: re.compile(f"{mark}*") for mark in "\"'`"}
_SEPARATOR: Final = re.compile(r"[,;\n]")
_SEPARATORS: Final = " \t\r\n,;"
_CLOSERS: Final = " \t\r\n,;}]\uff5d\uff3d"
_BLANKS: Final = " \t\r\n"
_TAIL: Final = 120
"""How many characters at the end of a growing string are looked at for a key that may belong to the object."""

_NEXT_OBJECT: Final = re.compile(r"\}\s*,\s*\{\s*$")
_LOST_KEY: Final = re.compile(r"[,;\n]\s*([^,;\n\"':=]{1,60}?)\s*[:=]\s*$")
_SPACE_ON_LINE: Final = re.compile(r"[ \t]*")


class StringStates(ScanState):
    """The state inside quotes."""

    def growing(self) -> Any:
        """Return the value of the part under way, as far as it will stay; None where there is none yet.

        Of a string that is what cannot turn out to belong to the object around it: not the separators and brackets
        that it ends with now, not what may be a declared key, nothing from where the fence may have closed.
        """
        if self._state != type(self)._string or self._is_key or not self._plan.grows or len(self._quote) == 3:
            return None
        text = self._text_so_far()
        if self._last_key.startswith(text):  # it may be the key once more
            return None
        end = self._solid_end(text) if self._may_end < 0 else self._cut_end(text, self._may_end)
        names = self._stack[-1].names
        if names is not None:
            at = self._suspect if self._suspect >= 0 else self._scanned
            self._scanned = len(text)
            self._suspect = -1
            for separator in _SEPARATOR.finditer(text, at):
                if len(text) - separator.start() < WINDOW and _may_be_key(text[separator.start() + 1 :], names):
                    self._suspect = separator.start()
                    end = min(end, self._cut_end(text, self._suspect))
                    break
        if text[end - 1 : end] == "{" and (brackets := _NEXT_OBJECT.search(text, max(0, end - _TAIL), end)):
            end = brackets.start()
        return text[:end]

    def _solid_end(self, text: str) -> int:
        """Return where the separators and brackets begin that a growing string ends with."""
        known, end = self._solid
        added = len(text[known:].rstrip(_CLOSERS))
        self._solid = len(text), known + added if added else end
        return self._solid[1]

    def _cut_end(self, text: str, cut: int) -> int:
        """Return where the separators and brackets before ``cut`` begin, a place that stays the same for long."""
        if self._cut[0] != cut:
            self._cut = cut, len(text[:cut].rstrip(_CLOSERS))
        return self._cut[1]

    def _open_quote(self, is_key: bool) -> bool:
        character = self._buffer[self._at]
        rest = self._buffer[self._at : self._at + 3]
        if character in "\"'`":
            if len(rest) < 3 and not self._final and rest == character * len(rest):
                return False
            self._quote = rest if rest == character * 3 else character
        else:
            self._quote = CLOSING[character]
        self._at += len(self._quote)
        self._is_key = is_key
        self._begin_scalar()
        self._state = type(self)._string
        return True

    def _string(self) -> bool:
        """Inside quotes."""
        buffer = self._buffer
        quote = self._quote
        run = _RUNS[FENCE if quote == FENCE else quote[0]]
        end = run.match(buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end > self._at:
            self._pieces.append(buffer[self._at : end])
            self._at = end
        if end == len(buffer):
            return False
        mark = buffer[end]
        if mark == "\\":
            return self._escape()
        if mark == "\n" or (mark == "`" and quote[0] != "`"):
            return self._fence_in_string()
        if len(quote) == 3 and mark == quote[0]:
            return self._marks_in_block()
        closes: bool | None = False
        if self._is_key:
            if not "".join(self._pieces) and buffer[end + 1 : end + 2].isalnum():  # a quote too many
                self._at += 1
                return True
            closes = lookahead.closes_key(buffer, end + 1, self._final)
            if closes is False and self._lost_colon():
                return True
        elif len(quote) == 1:
            where = self._closes(mark, end + 1)
            if where in ("before", "behind"):
                return True
            closes = None if where is None else where == "here"
        if closes is None:
            return False
        self._at += 1
        if closes:
            self._end_scalar()
        else:
            self._pieces.append(mark)
        return True

    def _lost_colon(self) -> bool:
        """Whether the key under way has no second quote: its colon is in what was read, and its name is declared, or
        nothing is between the colon and this quote, which then begins the value."""
        text = self._text_so_far()
        found = evidence.LOST_COLON.match(text)
        if found is None:
            return False
        names = self._stack[-1].names
        if found.end() < len(text) and (names is None or bare(found[1]) not in names):
            return False
        self._buffer = text[found.end(1) :] + self._buffer[self._at :]
        self._at = 0
        self._begin_value(found[1])
        return True

    def _escape(self) -> bool:
        """At a backslash in a string."""
        found = escapes.decoded(self._buffer, self._at, self._final)
        if found is None:
            return False
        text, length = found
        self._pieces.append(text)
        self._at += length
        return True

    def _closes(self, mark: str, at: int) -> str | None:
        """Return where a string ends by the quote just before ``at``: "here", "before" it, "not", or "behind", as it
        goes on in other quotes; None to wait.

        If it ended before, the state is that behind the string; if it goes on, that inside it.
        """
        quote = self._quote
        if mark != quote and (quote == "`" or not self._is_rival(mark)):
            return "not"
        strictly = self._quotations > 0 or mark != quote
        if not strictly and lookahead.surely_closes_string(self._buffer, at, self._stack[-1].is_object):
            return "here"
        if not strictly and mark in "\"'":
            joined = lookahead.joins(self._buffer, at, self._final)
            if joined is None:
                return None
            if joined > at and not any(mark in piece for piece in self._pieces):
                self._at = joined
                return "behind"
        place = self._place()
        if place.in_object and self._is_echo(at):
            self._at = at
            self._begun = False
            self._state = type(self)._colon
            return "before"
        before = self._last_character()
        # The string may have lost its own end, and this quote begins the next key, or that key's value.
        begins: bool | None = False
        text = ""
        if before in _SEPARATORS:
            text = self._text_so_far()
            begins = lookahead.begins_key(self._buffer, at, text[-_TAIL:], place, self._final)
            if begins is None:
                return None
        if not begins:
            adjoins = before.isalnum() or before in (".", "!", "?", ")")
            closes = lookahead.closes_string(self._buffer, at, place, strictly, self._final, adjoins)
            if closes is None:
                return None
            if closes:
                return "here"
        if before == "{" and place.lists and self._stack[-1].names:
            text = text or self._text_so_far()
            brackets = _NEXT_OBJECT.search(text, max(0, len(text) - _TAIL))
            if brackets is not None:
                begins = lookahead.begins_object_after(self._buffer, at, self._stack[-1].names, self._final)
                if begins is None:
                    return None
                if begins:
                    self._pieces = [text[: brackets.start()]]
                    self._buffer = brackets[0] + self._buffer[at - 1 :]
                    self._at = 0
                    self._end_scalar()
                    return "before"
        if before in _SEPARATORS or before in ":=":
            text = text or self._text_so_far()
            if begins is False and not place.in_object and not self._quotations:
                begins = lookahead.begins_item(self._buffer, at, text[-_TAIL:], self._final)
                if begins is None:
                    return None
            if begins:
                self._pieces = [text.rstrip(_SEPARATORS)]
                self._end_scalar()
                return "before"
            if place.names is not None:
                lost = _LOST_KEY.search(text, max(0, len(text) - _TAIL))
                if lost is not None and bare(lost[1]) in place.names:
                    self._pieces = [text[: lost.start()].rstrip(_SEPARATORS)]
                    self._buffer = text[lost.start() :] + self._buffer[self._at :]
                    self._at = 0
                    self._end_scalar()
                    return "before"
        # It belongs to the string; as a pair with another it is a quotation.
        following = self._buffer[at : at + 1]
        if self._quotations and before not in _SEPARATORS:
            self._quotations -= 1
        elif mark == self._quote and (before in _SEPARATORS + "([{" or not before) and not following.isspace():
            self._quotations += 1
        return "not"

    def _is_echo(self, at: int) -> bool:
        """Whether the string is its own key once more, and its value follows: ``"notes": "notes": "…"``."""
        if sum(map(len, self._pieces)) != len(self._last_key) or self._text_so_far() != self._last_key:
            return False
        after = evidence.past(evidence.SPACE, self._buffer, at)
        return self._buffer[after : after + 1] in (":", "\uff1a")

    def _is_rival(self, mark: str) -> bool:
        """Whether a quote of the other kind may end the string: it does not end a quotation of its own kind in it."""
        if mark not in _RIVALS.get(self._quote, self._quote):
            return False
        if mark in "\u201c\u2018":
            self._curly += 1
        elif mark in "\u201d\u2019" and self._curly:
            self._curly -= 1
        else:
            return mark in "\"'\u201d\u2019"
        return False

    def _marks_in_block(self) -> bool:
        """At quotes inside triple quotes, or backticks inside a code fence."""
        buffer, quote = self._buffer, self._quote
        run = _MARKS[quote[0]].match(buffer, self._at).end() - self._at  # type: ignore[union-attr]  # one mark at least
        if run > WINDOW:  # whatever follows, all but its end is text, and is not looked at again with every piece
            self._pieces.append(quote[0] * (run - WINDOW))
            self._at += run - WINDOW
            run = WINDOW
        if self._at + run == len(buffer) and not self._final:
            return False
        before = self._last_line()
        if run > 3:
            self._pieces.append(quote[0] * (run - 3))
            self._at += run - 3
        closes: bool | None = run >= 3
        if closes and (quote != FENCE or before.strip()):
            closes = lookahead.closes_string(buffer, self._at + 3, self._place(), False, self._final)
            if closes is None:
                if run > 3:  # it is put again, and must find what it found before
                    self._pieces.pop()
                    self._at -= run - 3
                return False
        elif closes and (self._inner_fence or buffer[self._at + 3 : self._at + 4].isalnum()):
            self._inner_fence = not self._inner_fence
            closes = False
        length = min(run, 3)
        if closes:
            self._at += length
            self._end_scalar()
        else:
            self._pieces.append(quote[0] * length)
            self._at += length
        return True

    def _last_line(self) -> str:
        """Return the end of the string under way, back to its last line break."""
        line = ""
        for piece in reversed(self._pieces):
            _, broken, tail = piece.rpartition("\n")
            line = tail + line
            if broken or len(line) > WINDOW:
                break
        return line

    def _fence_in_string(self) -> bool:
        """A line break or a backtick in a string that neither ends: where a fence begins, or closes around it."""
        buffer, at = self._buffer, self._at
        if buffer[at] == "`":
            self._pieces.append("`")
            self._at += 1
            return True
        line = _SPACE_ON_LINE.match(buffer, at + 1).end()  # type: ignore[union-attr]  # it matches the empty string
        rest = buffer[line : line + 4]
        if len(rest) < 4 and not self._final and (rest[:3] == "`" * len(rest[:3])) and line - at < WINDOW:
            return False
        if rest[:3] == FENCE:
            if self._inner_fence:
                self._inner_fence = False
                if not self._in_fence:
                    self._may_end = -1
            elif rest[3:].isalnum():
                self._inner_fence = True
            else:
                self._inner_fence = not self._in_fence
                if self._may_end < 0:
                    self._may_end = len(self._text_so_far())
            line += 3
        self._pieces.append(buffer[at:line])
        self._at = line
        return True

    def _cut_string(self) -> None:
        """End a string whose quote never came, at the end of the text."""
        text = self._text_so_far()
        if self._may_end >= 0:
            text = text[: self._may_end]
        stripped = text.rstrip(_CLOSERS)
        self._pieces = [stripped if self._closes_stack(text[len(stripped) :]) else text.rstrip(_BLANKS)]

    def _closes_stack(self, brackets: str) -> bool:
        """Whether brackets close all containers that are open."""
        wanted = ["}" if builder.is_object else "]" for builder in self._stack]
        for bracket in brackets.translate(PLAIN):
            if bracket in wanted:  # it closes what is in it
                while wanted.pop() != bracket:
                    pass
        return not wanted


def _may_be_key(text: str, names: Collection[str]) -> bool:
    """Whether the end of a string, behind a separator, may be the beginning of a declared key and its colon."""
    text = text.strip().rstrip(":= ")
    if not text:
        return True
    if len(text) > WINDOW // 4 or '"' in text:
        return False
    key = bare(text)
    return any(name.startswith(key) for name in names)
