"""Values without quotes, as a scanner reads them: they run to what ends them in their container.

What may end one is asked in :meth:`BareStates._ends_bare`, character by character; the evidence behind a comma, line
break or quote is weighed in :mod:`.lookahead`.
"""

from __future__ import annotations

import re
from typing import Final

from bamlvm.sysops.parsing import lookahead, reasoning
from bamlvm.sysops.parsing.evidence import PLAIN, WINDOW
from bamlvm.sysops.parsing.scan_state import ScanState

_MOST_OPEN: Final = 100
"""How many open brackets of a bare value are remembered."""

_BARE: Final = re.compile(r"[^,;}\])\n/#`\"<({\[\uff0c\uff5d\uff3d]*")


class BareStates(ScanState):
    """The state inside a value without quotes."""

    def _bare(self) -> bool:
        """Inside a value without quotes."""
        buffer = self._buffer
        end = _BARE.match(buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end > self._at:
            piece = buffer[self._at : end]
            self._pieces.append(piece)
            self._length += len(piece)
            self._at = end
        if end == len(buffer):
            return False
        mark = buffer[end]
        if mark == "<":
            thought = self._at_end_of_reasoning()
            if thought is not False:
                return bool(thought)
        ends = self._ends_bare(mark.translate(PLAIN))
        if ends is None:
            return False
        if ends:
            self._end_scalar()
            return True
        if mark in "([{":
            self._opened = self._opened[-_MOST_OPEN:] + mark
        elif mark in ")]}":
            self._opened = self._opened[:-1]
        self._pieces.append(mark)
        self._length += 1
        self._at += 1
        return True

    def _ends_bare(self, character: str) -> bool | None:
        """Whether a character ends the bare value before it; it is left where it is."""
        in_object = self._stack[-1].is_object
        if character in "([{)<" or (character == ";" and not in_object):
            return False
        if character == "}":
            return not self._opened and bool(in_object or self._objects)
        if character == "]":
            closes = not in_object or len(self._stack) > self._objects
            return not self._opened and (closes or lookahead.is_literal("".join(self._pieces[:8]).strip()))
        if character == "`":
            fence = self._at_fence()
            if not fence:
                return fence
            return self._fence_ends_bare()
        if character in "/#":
            last = self._last_character() or " "
            if not last.isspace():
                return False
            if character == "#":
                return bool(self._length)
            if self._at + 1 == len(self._buffer):
                return False if self._final else None
            return self._buffer[self._at + 1] in "/*"
        if self._inner_fence:
            return False
        if not in_object and character != '"':
            return not self._opened
        head = "".join(self._pieces) if self._length <= 40 else ""
        if character == ",":
            groups = lookahead.groups_digits(head, self._buffer, self._at + 1, self._final)
            if groups is not False:
                return None if groups is None else False
        if character == '"':
            return self._quote_ends_bare(head)
        if character == "\n" and lookahead.is_literal(head.strip()):
            return True
        self.steps += WINDOW
        return lookahead.ends_bare(self._buffer, self._at + 1, self._place(), self._opened[-1:], self._final)

    def _quote_ends_bare(self, head: str) -> bool | None:
        """Whether a quote ends the bare value before it: a comma is missing, or the quote's own beginning is."""
        if head[-1:].isspace() and lookahead.is_literal(head.strip()):
            return True
        if sum(piece.count('"') for piece in self._pieces) % 2 == 0 and not self._last_character().isspace():
            closes = lookahead.closes_string(self._buffer, self._at + 1, self._place(), False, self._final)
            if closes:
                self._at += 1
            return closes
        return False

    def _fence_ends_bare(self) -> bool | None:
        """Whether a code fence ends the bare value: it closes the fence around the container, not one in the value."""
        info = self._buffer[self._at + 3 : self._at + 4]
        if not info and not self._final:
            return None
        if self._inner_fence:
            self._inner_fence = False
        elif self._last_character() == "\n" and (info.isalnum() or not self._in_fence):
            self._inner_fence = True
        else:
            return True
        self._pieces.append("``")  # the third follows
        self._at += 2
        return False

    def _at_end_of_reasoning(self) -> bool | None:
        """Whether a tag that ends reasoning stands here: the container was a part of it.  None to wait."""
        found = reasoning.at_end_tag(self._buffer, self._at, self._final)
        if found:
            self._stack = []
            self._objects = 0
            self._state = type(self).outside
        return found
