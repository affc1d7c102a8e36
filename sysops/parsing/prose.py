"""The prose around the objects and lists of an answer: where one may begin, and what its place says of it.

Prose is passed over to the next bracket, fence, or tag of reasoning.  A subclass says whether a bracket begins a
*candidate* (:mod:`.completion`); the place of one is its *rank*:

    FENCED   it begins a code fence without a language, or with one of data
    FIRST    the answer begins with it
    LINE     it begins a line
    NAMED    it stands in a line of prose behind a colon
    INLINE   it stands anywhere else

Reasoning in tags is passed over, and all before an end tag alone is reasoning (:mod:`.reasoning`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from bamlvm.sysops.parsing import openings, reasoning
from bamlvm.sysops.parsing.evidence import PLAIN, WINDOW
from bamlvm.sysops.parsing.scanner import Scanner

INLINE: Final = 0
NAMED: Final = 1
LINE: Final = 2
FIRST: Final = 3
FENCED: Final = 4
RANKS: Final = ("in a line", "behind a colon", "at a line's beginning", "at the beginning", "in a fence")

_START: Final = re.compile(r"[{\[<\u25c1\uff5b\uff3b]|`{3,}|~{3,}|`{1,2}\Z|~{1,2}\Z")
_INFO: Final = re.compile(r"[^\n`{\[]*")
_LONGEST_MARK: Final = 20
_DATA: Final = frozenset(
    {"", "json", "jsonc", "json5", "jsonl", "ndjson", "baml", "text", "txt", "plaintext", "output"}
)
_MARKUP: Final = " \t\r>*-#`+"
"""What may stand before a candidate that begins a line."""

_DOUBLED: Final = re.compile(r"[\s{]*\{")


class ProseReader(Scanner):
    """Reads what is outside of objects and lists."""

    def __init__(self) -> None:
        super().__init__()
        self._given_up = False
        self._fence = ""  # the mark that closes the fence under way
        self._opens_fence = False  # whether nothing but the fence's first line was read of it
        self._is_data = False
        self._line = ""  # what was read of the line, its end only
        self._is_first = True  # whether nothing but spaces was read
        self._between = True  # whether something was read since the last candidate
        self._thought: re.Pattern[str] | None = None  # the tag that ends the reasoning under way
        self._reasoning: list[str] = []
        self.forgotten = 0  # how far the text was reasoning whose end tag came alone

    # --- for subclasses -----------------------------------------------------------------------------------------------

    def begins(self, is_object: bool, at: int) -> bool | None:
        """Whether a candidate begins with the bracket before ``at``; None to wait."""
        raise NotImplementedError

    def begin_candidate(self, is_object: bool) -> None:
        """Begin to read a candidate, from behind its bracket."""
        raise NotImplementedError

    def first_names(self) -> Collection[str] | None:
        """Return the names, bare, with which an object without its bracket may begin."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget all candidates: what was read so far was reasoning."""
        raise NotImplementedError

    def reasoning(self) -> str:
        """Return the text that was passed over as reasoning, behind what was ``forgotten``."""
        return "".join(self._reasoning)

    # --- the state ----------------------------------------------------------------------------------------------------

    def outside(self) -> bool:
        buffer = self._buffer
        if self._given_up:
            self._at = len(buffer)
            return False
        if self._thought is not None:
            return self._think(self._thought)
        if (self._is_first or self._opens_fence) and (names := self.first_names()) is not None:
            begins = self._begins_without_bracket(names)
            if begins is None:
                return False
            if begins:
                self.begin_candidate(True)
                return True
        found = _START.search(buffer, self._at)
        if found is None:
            self._pass(len(buffer))
            return False
        at = found.start()
        self._pass(at)
        character = buffer[at].translate(PLAIN)
        if character in "`~":
            return self._at_mark(found)
        if character in reasoning.FIRST:
            tag = reasoning.START.match(buffer, at)
            if tag is not None:
                self._thought = reasoning.end_of(tag[0])
                self._at = tag.end()
                return True
            end = reasoning.END.match(buffer, at)
            if end is not None:
                self._forget_prose()
                self.forget()
                self._at = end.end()
                self.forgotten = self.taken - len(buffer) + end.end()
                return True
            if not self._final and reasoning.may_be_tag(buffer, at):
                return False
        if character in "{[":
            begins = self.begins(character == "{", at + 1)
            if begins is None:
                return False
            if begins:
                self._at += 1
                self.begin_candidate(character == "{")
                return True
        self._pass(at + 1)
        return True

    def _begins_without_bracket(self, names: Collection[str]) -> bool | None:
        """Whether the answer, or a fence, begins with the first pair of an object whose bracket is missing."""
        at = len(self._buffer) - len(self._buffer[self._at :].lstrip())
        if at == len(self._buffer):
            return False
        begins = openings.begins_pair(self._buffer, at, names, self._final)
        if begins:
            self._pass(at)
        return begins

    def _pass(self, end: int) -> None:
        """Pass over prose."""
        text = self._buffer[self._at : end]
        self._at = end
        if text:
            _, broken, line = text.rpartition("\n")
            self._line = (line if broken else self._line + line)[-WINDOW:]
            self._between = self._between or bool(text.strip(" \t\r\n,;"))
            if not text.isspace():
                self._is_first = self._opens_fence = False

    def _at_mark(self, found: re.Match[str]) -> bool:
        """At the mark of a code fence: it opens one with the rest of the line, or closes the one that is open."""
        buffer, mark = self._buffer, found[0]
        if found.end() == len(buffer) and not self._final and len(mark) < _LONGEST_MARK:
            return False
        if not 3 <= len(mark) < _LONGEST_MARK:
            self._pass(found.end())
            return True
        self._in_fence = False
        if self._fence:
            if mark.startswith(self._fence):
                self._fence = ""
            self._pass(found.end())
            return True
        info = _INFO.match(buffer, found.end())
        assert info is not None, "it matches the empty string"
        if info.end() == len(buffer) and not self._final and len(info[0]) < WINDOW:
            return False
        opens = info.end() < len(buffer) and buffer[info.end()] in "\n{["
        self._pass(info.end() if opens else found.end())
        if opens:
            self._fence = mark
            self._in_fence = self._opens_fence = True
            self._is_data = info[0].strip().lower().partition(" ")[0] in _DATA
        return True

    def _think(self, end_tag: re.Pattern[str]) -> bool:
        """Inside reasoning."""
        buffer = self._buffer
        end = end_tag.search(buffer, self._at)
        if end is not None:
            self._reasoning.append(buffer[self._at : end.start()])
            self._at = end.end()
            self._thought = None
            self._line = ""
            return True
        keep = 0 if self._final else reasoning.LONGEST_END - 1
        at = max(self._at, len(buffer) - keep)
        self._reasoning.append(buffer[self._at : at])
        self._at = at
        return False

    def _forget_prose(self) -> None:
        self._reasoning = []
        self._fence = self._line = ""
        self._in_fence = False
        self._is_first = True

    def leave(self, is_object: bool) -> int:
        """Leave the prose for a candidate that begins here; return its rank."""
        begins_line = not self._line.strip(_MARKUP)
        if not begins_line and is_object and (doubled := _DOUBLED.match(self._buffer, self._at)):
            begins_line = "\n" in doubled[0]  # `Let me see: {` and the object on the next line
        if self._fence and self._opens_fence and self._is_data:
            rank = FENCED
        elif self._is_first:
            rank = FIRST
        else:
            rank = LINE if begins_line else NAMED if self._line.rstrip(" *_")[-1:] in (":", "\uff1a") else INLINE
        self._is_first = self._opens_fence = self._between = False
        self._line = "."
        return rank
