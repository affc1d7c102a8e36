"""The state of a scanner: the buffer, the containers that are open, and the string or bare value under way.

What was consumed is never looked at again; what waits is no longer than a lookahead. The states that read strings
(:mod:`.strings`), values without quotes (:mod:`.bare_values`) and containers (:mod:`.scanner`) work on this.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from bamlvm.sysops.parsing.base import SKIP, Plan, ValueBuilder
from bamlvm.sysops.parsing.evidence import WINDOW, Place

FENCE: Final = "```"
_ESCAPE: Final = re.compile(r"\\[nrt]?\Z")


class ScanState:
    """What the states of a scanner share.

    ``steps`` counts the work done, in characters and decisions, for the tests of linearity.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.taken = 0  # characters, all in all
        self._buffer = ""
        self._at = 0
        self._final = False
        self._in_fence = False  # whether the container stands in a code fence
        self._stack: list[ValueBuilder] = []
        self._objects = 0
        self._plan: Plan = SKIP
        self._begun = False  # whether the part under way has begun: a key alone is no value
        self._state: Callable[[Any], bool] = type(self).outside
        self._at_end = (
            False  # whether the last of the text is a bracket that ends a container unless more of it follows
        )
        self._fresh = True  # whether the object has no key yet
        self._comma = False  # whether a comma stands behind the last container
        self._equals = False  # whether the last colon was "="
        self._comment = ""
        self._is_key = False
        self._last_key = ""
        self._quoted_key = ""  # the last key that was in quotes; empty if a later one was not
        # a string or bare value under way:
        self._pieces: list[str] = []
        self._quote = ""
        self._quotations = 0  # quotations that are open inside the string
        self._curly = 0  # those of them in curly quotes
        self._opened = ""  # brackets that the bare value opened and did not close
        self._length = 0  # of the bare value
        self._inner_fence = False  # whether a code fence is open inside the value
        self._scanned = 0  # how far the string was looked through for declared keys
        self._suspect = -1  # a separator in it that one may follow
        self._solid = 0, 0  # how far it was looked through for its end without separators and brackets, and that end
        self._cut = -1, 0  # the same up to a place before which a key may begin
        self._may_end = -1  # where in the string the fence around the container may have closed

    # --- the states, and what they call of each other ---------------------------------------------------------------

    def outside(self) -> bool:
        """Read what is outside of any container: a state."""
        raise NotImplementedError

    def _string(self) -> bool:
        raise NotImplementedError

    def _bare(self) -> bool:
        raise NotImplementedError

    def _colon(self) -> bool:
        raise NotImplementedError

    def _begin_value(self, key: str) -> None:
        raise NotImplementedError

    def _end_scalar(self) -> None:
        raise NotImplementedError

    # --- shared by them ----------------------------------------------------------------------------------------------

    def _text_so_far(self) -> str:
        if len(self._pieces) != 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def _last_character(self) -> str:
        for piece in reversed(self._pieces):
            if piece:
                return piece[-1]
        return ""

    def _at_fence(self) -> bool | None:
        """Whether a code fence begins or ends here."""
        rest = self._buffer[self._at : self._at + 3]
        if len(rest) < 3 and not self._final and rest == "`" * len(rest):
            return None
        return rest == FENCE

    def _place(self) -> Place:
        self.steps += WINDOW
        builder = self._stack[-1]
        return Place(
            builder.is_object, self._objects, len(self._stack) - self._objects, builder.expected_names(), self._equals
        )

    def _skip(self, space: re.Pattern[str], any_hash: bool = False) -> bool:
        """Pass over space and comments; return False if there is nothing behind them yet."""
        while True:
            buffer = self._buffer
            if self._comment:
                end = buffer.find(self._comment, self._at)
                if end < 0:
                    keep = buffer.endswith("*") and self._comment == "*/" and not self._final
                    self._at = max(self._at, len(buffer) - keep)
                    return False
                self._at = end + len(self._comment)
                self._comment = ""
            begin = self._at
            self._at = space.match(buffer, begin).end()  # type: ignore[union-attr]  # it matches the empty string
            if self._at == len(buffer):
                if not self._final and (escape := _ESCAPE.search(buffer, max(begin, self._at - 2))):
                    self._at = escape.start()  # what follows decides whether it is the escape of a space
                return False
            character = buffer[self._at]
            if character not in "/#":
                return True
            following = buffer[self._at + 1 : self._at + 2]
            if not following and not self._final:
                return False
            if character == "#":
                if not any_hash and following.isalnum():
                    return True
                self._comment = "\n"
            elif following in ("/", "*"):
                self._comment = "\n" if following == "/" else "*/"
                self._at += 2
            else:
                return True

    def _begin_scalar(self) -> None:
        self._begun = not self._is_key
        self._pieces = [""]
        self._length = self._quotations = self._curly = 0
        self._opened = ""
        self._inner_fence = False
        self._may_end = self._suspect = -1
        self._solid = 0, 0
        self._cut = -1, 0
        self._scanned = 0
