"""Text, as it comes, to frames: a tolerant reader of JSON that can stop and go on at any character.

The scanner is always in one *state*, a method that consumes what it can of the buffer and says whether to go on (True)
or to wait for more text (False).  What was consumed is never looked at again; what waits is no longer than a lookahead
(:mod:`bamlvm.sysops.parsing.lookahead`).  So the work is linear in the text, however it is cut, and the pieces of a
long string are joined only when somebody looks.

Read besides JSON: missing, doubled and trailing commas; comments (``//``, ``/* */``, ``#``); keys and values without
quotes or in ``'``, `````, typographic or triple quotes; quotes and line breaks inside strings; ``=`` or ``=>`` for a
colon; doubled braces; brackets that nobody closed.  A code fence that ends inside an object ends the object.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bamlvm.sysops.parsing import lookahead
from bamlvm.sysops.parsing.base import SKIP, Frame, Plan
from bamlvm.sysops.parsing.lists import ListFrame
from bamlvm.sysops.parsing.lookahead import WINDOW, Place
from bamlvm.sysops.parsing.results import Coerced, Failure, Result

MAX_DEPTH: Final = 100
"""How deep objects and lists may be nested."""

_FENCE: Final = "```"
_SPACE: Final = re.compile(r"\s*")
_SPACE_AND_COMMAS: Final = re.compile(r"[\s,;]*")
_BARE_KEY: Final = re.compile(r"[^:=,{}\[\]\"'`\n\u201c]*\s*")
_BARE: Final = re.compile(r"[^,}\]\n/#`\"]*")
_COLON: Final = re.compile(r":|=>?")
_HEX4: Final = re.compile(r"[0-9a-fA-F]{4}")
_CLOSING: Final = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
_RUNS: Final = {quote: re.compile(rf"[^{quote}\\]*") for quote in "\"'`\u201d\u2019"}
_ESCAPES: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "\n": "\n",
}
_INFO_LINE: Final = re.compile(r"[\w+#.\-]*[ \t]*\r?\n")


class Scanner:
    """Reads containers.  A subclass says what stands around them: its state is the first, and :meth:`ended` is told
    of each container that is complete.

    ``steps`` counts the work done, in characters and decisions: what the tests of linearity look at.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._buffer = ""
        self._at = 0
        self._final = False
        self._stack: list[Frame] = []
        self._objects = 0
        self._plan: Plan = SKIP
        self._begun = False  # whether the part under way has begun: a key alone is no value
        self._state = self.outside
        self._comment = ""
        self._pieces: list[str] = []
        self._length = 0  # of a bare value, in characters
        self._bracketed = False
        self._quote = ""
        self._is_key = False

    # --- what subclasses say ------------------------------------------------------------------------------------------

    def outside(self) -> bool:
        """The state outside of any container."""
        raise NotImplementedError

    def ended(self, result: Result, frame: Frame) -> None:
        """A container that :meth:`begin` began is complete; the state is :meth:`outside` again."""
        raise NotImplementedError

    def gave_up(self, failure: Failure) -> None:
        """What was begun cannot be read to its end; the state is :meth:`outside` again."""
        raise NotImplementedError

    # --- text in, partial values out ----------------------------------------------------------------------------------

    def take(self, text: str) -> None:
        """Read the text that follows."""
        rest = self._buffer[self._at :]
        self.steps += len(rest) + len(text)
        self._buffer = rest + text
        self._at = 0
        while self._state():
            self.steps += 1

    def take_end(self) -> None:
        """There is no more text: whatever is open ends here."""
        self._final = True
        while self._state():
            self.steps += 1
        if self._stack:
            self._end_scalar()
            self._close_all()

    def begin(self, frame: Frame) -> None:
        """Read a container, from behind its bracket."""
        self._stack = [frame]
        self._objects = int(frame.is_object)
        self._next()

    def growing(self) -> Any:
        """The value of the part under way, as far as it is one; None where it is none yet."""
        if self._state != self._string or self._is_key or not self._plan.grows or self._quote == _FENCE:
            return None
        if len(self._pieces) != 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    # --- states -------------------------------------------------------------------------------------------------------

    def _key(self) -> bool:
        """Before a key, or the end of the object."""
        if not self._skip(_SPACE_AND_COMMAS, any_hash=True):
            return False
        character = self._buffer[self._at]
        if character == "}":
            self._at += 1
            self._close()
            return True
        if character == "]":
            if len(self._stack) > self._objects:
                self._close()
            else:
                self._at += 1
            return True
        if character == "`":
            fence = self._at_fence()
            if fence is None:
                return False
            if fence:
                self._close_all()
                return True
        if character in _CLOSING:
            return self._open_quote(is_key=True)
        if character in "{[:=()":
            self._at += 1
            return True
        end = _BARE_KEY.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end == len(self._buffer) and not self._final and end - self._at <= WINDOW:
            return False
        key = self._buffer[self._at : end].strip()
        self._at = max(end, self._at + 1)
        if end < len(self._buffer) and self._buffer[end] in ":=":
            self._at = end
            self._begin_value(key)
        return True

    def _colon(self) -> bool:
        """Behind a key."""
        if not self._skip(_SPACE):
            return False
        if self._buffer[self._at] == "=" and self._at + 1 == len(self._buffer) and not self._final:
            return False
        colon = _COLON.match(self._buffer, self._at)
        if colon is not None:
            self._at = colon.end()
        elif self._buffer[self._at] in ",}":
            self._state = self._key
            return True
        self._state = self._value
        return True

    def _value(self) -> bool:
        """Before a value, or the end of the list."""
        in_object = self._stack[-1].is_object
        if not self._skip(_SPACE if in_object else _SPACE_AND_COMMAS):
            return False
        character = self._buffer[self._at]
        if character in "{[":
            if len(self._stack) >= MAX_DEPTH:
                self._too_deep()
                return True
            self._begun = True
            frame = self._plan.open(character == "{")
            self._at += 1
            self._stack.append(frame)
            self._objects += frame.is_object
            self._next()
            return True
        if character == "`":
            fence = self._at_fence()
            if fence is None:
                return False
            if fence and not in_object:
                self._close_all()
                return True
        if character in _CLOSING:
            return self._open_quote(is_key=False)
        if in_object:
            if character in ",}]":
                self._state = self._key
                return True
        elif character == "]" or (character == "}" and self._objects):
            self._at += character == "]"
            self._close()
            return True
        if character in ":}":
            self._at += 1
            return True
        self._begun = True
        self._pieces = []
        self._length = 0
        self._bracketed = False
        self._state = self._bare
        return True

    def _string(self) -> bool:
        """Inside quotes."""
        buffer = self._buffer
        quote = self._quote
        mark = quote[0]
        end = _RUNS[mark].match(buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end > self._at:
            self._pieces.append(buffer[self._at : end])
            self._at = end
        if end == len(buffer):
            return False
        if buffer[end] == "\\":
            return self._escape()
        if len(quote) == 3:
            if buffer.startswith(quote, end):
                self._at += 3
                self._end_scalar()
                return True
            if len(buffer) - end < 3 and not self._final and buffer[end:] == mark * (len(buffer) - end):
                return False
        else:
            closes = self._is_key or lookahead.closes_string(buffer, end + 1, self._place(), self._final)
            if closes is None:
                return False
            if closes:
                self._at += 1
                self._end_scalar()
                return True
        self._pieces.append(mark)
        self._at += 1
        return True

    def _bare(self) -> bool:
        """Inside a value without quotes."""
        buffer = self._buffer
        end = _BARE.match(buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end > self._at:
            piece = buffer[self._at : end]
            self._pieces.append(piece)
            self._length += len(piece)
            self._bracketed = self._bracketed or "[" in piece
            self._at = end
        if end == len(buffer):
            return False
        ends = self._ends_bare(buffer[end])
        if ends is None:
            return False
        if ends:
            self._end_scalar()
            return True
        self._pieces.append(buffer[end])
        self._length += 1
        self._at += 1
        return True

    # --- decisions ----------------------------------------------------------------------------------------------------

    def _ends_bare(self, character: str) -> bool | None:
        """Whether a character ends the bare value before it; it is left where it is."""
        in_object = self._stack[-1].is_object
        if character == "}":
            return bool(in_object or self._objects)
        if character == "]":
            return not in_object or (len(self._stack) > self._objects and not self._bracketed)
        if character == "`":
            return self._at_fence()
        if character in "/#":
            last = self._pieces[-1][-1] if self._pieces else " "
            if not last.isspace():
                return False
            if character == "#":
                return bool(self._length)
            if self._at + 1 == len(self._buffer):
                return False if self._final else None
            return self._buffer[self._at + 1] in "/*"
        if not in_object and character != '"':
            return True
        head = "".join(self._pieces) if self._length <= 40 else ""
        if character == ",":
            groups = lookahead.groups_digits(head, self._buffer, self._at + 1, self._final)
            if groups is not False:
                return None if groups is None else False
        if character == '"':  # it belongs to the value, unless a comma is missing
            return head[-1:].isspace() and lookahead.is_literal(head.strip())
        if lookahead.is_literal(head.strip()):
            return True
        self.steps += WINDOW
        if character == ",":
            return lookahead.after_comma(self._buffer, self._at + 1, True, self._final)
        return lookahead.ends_line(self._buffer, self._at + 1, self._place(), self._final)

    def _at_fence(self) -> bool | None:
        """Whether a code fence begins or ends here."""
        rest = self._buffer[self._at : self._at + 3]
        if len(rest) < 3 and not self._final and rest == "`" * len(rest):
            return None
        return rest == _FENCE

    def _place(self) -> Place:
        self.steps += WINDOW
        return Place(self._stack[-1].is_object, self._objects, len(self._stack) - self._objects)

    # --- what states share --------------------------------------------------------------------------------------------

    def _skip(self, space: re.Pattern[str], any_hash: bool = False) -> bool:
        """Pass over space and comments; False if there is nothing behind them yet."""
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
            self._at = space.match(buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
            if self._at == len(buffer):
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

    def _open_quote(self, is_key: bool) -> bool:
        character = self._buffer[self._at]
        rest = self._buffer[self._at : self._at + 3]
        if character in "\"'`":
            if len(rest) < 3 and not self._final and rest == character * len(rest):
                return False
            self._quote = rest if rest == character * 3 else character
        else:
            self._quote = _CLOSING[character]
        self._at += len(self._quote)
        self._is_key = is_key
        self._pieces = [""]
        self._begun = not is_key
        self._state = self._string
        return True

    def _escape(self) -> bool:
        buffer = self._buffer
        at = self._at
        have = len(buffer) - at
        if have < 2:
            if self._final:
                self._pieces.append("\\")
                self._at += 1
            return self._final
        plain = _ESCAPES.get(buffer[at + 1])
        if plain is not None:
            self._pieces.append(plain)
            self._at += 2
            return True
        if buffer[at + 1] == "u":
            if have < 6 and not self._final:
                return False
            if _HEX4.match(buffer, at + 2):
                code = int(buffer[at + 2 : at + 6], 16)
                if not 0xD800 <= code < 0xE000:
                    self._pieces.append(chr(code))
                    self._at += 6
                    return True
                if have < 12 and not self._final and "\\u".startswith(buffer[at + 6 : at + 8]):
                    return False
                self._at += 6
                low = int(buffer[at + 8 : at + 12], 16) if _HEX4.match(buffer, at + 8) else 0
                if code < 0xDC00 and buffer.startswith("\\u", at + 6) and 0xDC00 <= low < 0xE000:
                    self._pieces.append(chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)))
                    self._at += 6
                else:
                    self._pieces.append("\ufffd")
                return True
        self._pieces.append("\\")
        self._at += 1
        return True

    def _begin_value(self, key: str) -> None:
        self._plan = self._stack[-1].child(key)
        self._begun = False
        self._state = self._colon

    def _end_scalar(self) -> None:
        """The key or scalar under way is complete."""
        if self._state == self._string:
            text = "".join(self._pieces)
            if self._is_key:
                self._begin_value(text)
                return
            if self._quote == _FENCE:
                info = _INFO_LINE.match(text)
                text = text[info.end() if info else 0 :].removesuffix("\n")
            self._put_scalar(text, True)
        elif self._state == self._bare:
            text = "".join(self._pieces).strip()
            if text:
                self._put_scalar(text, False)
            else:
                self._next()

    def _put_scalar(self, text: str, quoted: bool) -> None:
        result = self._plan.scalar(text, quoted)
        kind = result.__class__
        frame = self._stack[-1]
        if not quoted and frame.__class__ is ListFrame and not lookahead.is_literal(text):
            words = text.split()
            if kind is Failure and len(words) > 1 and all(map(lookahead.is_literal, words)):  # a list without commas
                for word in words:
                    self._put_scalar(word, False)
                return
            frame.doubtful += 1
        frame.put(result, None if kind is Failure else result.value if kind is Coerced else result)
        self._next()

    def _next(self) -> None:
        """After a bracket that opens."""
        frame = self._stack[-1]
        self._begun = False
        if frame.is_object:
            self._state = self._key
        else:
            self._plan = frame.child("")
            self._state = self._value

    def _close(self) -> None:
        frame = self._stack.pop()
        self._objects -= frame.is_object
        result = frame.close()
        if self._stack:
            self._stack[-1].put(result, frame.shown)
            self._next()
        else:
            self._state = self.outside
            self.ended(result, frame)

    def _close_all(self) -> None:
        while self._stack:
            self._close()

    def _too_deep(self) -> None:
        self._stack = []
        self._objects = 0
        self._state = self.outside
        self.gave_up(Failure("an answer", f"objects and lists nested deeper than {MAX_DEPTH}"))
