"""Text, as it comes, to values: a tolerant reader of JSON that can stop and go on at any character.

The scanner is always in one *state*, a method that consumes what it can of the buffer and returns whether to go on
(True) or to wait for more text (False).  What was consumed is never looked at again; what waits is no longer than a
lookahead (:mod:`.lookahead`, which decides where strings and bare values end).  So the work is linear in the text,
however it is cut, and the pieces of a long string are joined only when a partial value is built.

Read besides JSON: missing, doubled and trailing commas; comments (``//``, ``/* */``, ``#``); keys and values without
quotes or in other quotes; quotes and line breaks inside strings; ``=`` or ``=>`` for a colon; full-width punctuation;
doubled braces; brackets and quotes that are missing.  A code fence that ends inside an object ends the object.

Here are the states at and between keys and values; :mod:`.strings` and :mod:`.bare_values` have those inside them,
:mod:`.brackets` the questions about brackets that are one too many, or of the wrong kind.
"""

from __future__ import annotations

import re
import textwrap
from typing import Final

from bamlvm.sysops.parsing import escapes, evidence, lookahead, openings
from bamlvm.sysops.parsing.bare_values import BareStates
from bamlvm.sysops.parsing.base import ValueBuilder
from bamlvm.sysops.parsing.brackets import Brackets
from bamlvm.sysops.parsing.evidence import PLAIN, WINDOW
from bamlvm.sysops.parsing.results import ELLIPSES, Coerced, Mismatch, Result
from bamlvm.sysops.parsing.scan_state import FENCE
from bamlvm.sysops.parsing.strings import CLOSING, StringStates

MAX_DEPTH: Final = 100
"""How deep objects and lists may be nested."""

_SPACE: Final = evidence.SPACE
_SPACE_AND_COMMAS: Final = re.compile(rf"(?:[,;\uff0c\uff1b\u3001]|{evidence.BLANK})*")
_BARE_KEY: Final = re.compile(r"[^:=,{}\[\]\"'`\n<\u201c\uff1a\uff0c\uff5b\uff5d]*\s*")
_COLON: Final = re.compile(r":|=>?|\uff1a")
_ESCAPES: Final = re.compile(r"(?:\\[nrt]|\s)+\Z")
"""The escapes of space behind a value."""

_ELLIPSIS: Final = re.compile(r"\.{3,}|\u2026")
_BEFORE_ELLIPSIS: Final = re.compile(r"(\S+)\s+(?:\.{3,}|\u2026)")
_PREFIXES: Final = "rRbBuUfF"
"""What Python writes before the quote of a string."""


_PLAIN_TEXT: Final = r'[^"\\\n`\u201c\u201d\u201e]'
_PLAIN_KEY: Final = re.compile(rf'[\s,]*"([^\W_]{_PLAIN_TEXT}{{0,60}})"\s*:')
_PLAIN_END: Final = re.compile(r"\s{0,40}\}(?P<behind>\s{0,40}(?:,\s{0,40}\{|\]))?")
"""The end of an object, with what shows in a list that it does not come too early."""

_PLAIN_IN_OBJECT: Final = re.compile(
    rf"""(?:"({_PLAIN_TEXT}*)"|(true|false|null|-?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})?))(?={lookahead.SURE_IN_OBJECT})"""
)
_PLAIN_IN_LIST: Final = re.compile(
    rf"""(?:"({_PLAIN_TEXT}*)"|(true|false|null|-?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})?))(?={lookahead.SURE_IN_LIST})"""
)
"""Keys and scalars as JSON has them, with evidence behind them that nothing outweighs: most of most answers."""


class Scanner(StringStates, BareStates, Brackets):
    """Reads containers.  A subclass says what stands around them: its state is the first, and :meth:`ended` takes
    each container that is complete.
    """

    # --- for subclasses -----------------------------------------------------------------------------------------------

    def ended(self, result: Result, builder: ValueBuilder) -> None:
        """Take a complete container that :meth:`begin` began; the state is :meth:`outside` again."""
        raise NotImplementedError

    def gave_up(self, mismatch: Mismatch) -> None:
        """Take the reason why a container cannot be read to its end; the state is :meth:`outside` again."""
        raise NotImplementedError

    # --- text in, partial values out ----------------------------------------------------------------------------------

    def take(self, text: str) -> None:
        """Read the text that follows."""
        rest = self._buffer[self._at :]
        self.steps += len(rest) + len(text)
        self.taken += len(text)
        self._buffer = rest + text
        self._at = 0
        while self._state(self):
            self.steps += 1

    def take_end(self) -> None:
        """Read on as the text has ended: whatever is open ends here."""
        self._final = True
        while self._state(self) or (
            self._stack and self._state == type(self)._string and self._is_key and self._lost_colon()
        ):
            self.steps += 1
        if self._stack:
            if self._state == type(self)._string and not self._is_key:
                self._cut_string()
            self._end_scalar()
            self._close_all()

    def begin(self, builder: ValueBuilder) -> None:
        """Read a container, from behind its bracket."""
        self._stack = [builder]
        self._objects = int(builder.is_object)
        self._fresh = True
        self._next()

    def drop_inside(self, depth: int) -> None:
        """Drop what is under way inside the container at ``depth``."""
        del self._stack[depth + 1 :]
        self._objects = sum(builder.is_object for builder in self._stack)
        self._buffer = ""
        self._at = 0
        self._comment = ""
        self._next()

    # --- states -------------------------------------------------------------------------------------------------------

    def _key(self) -> bool:
        """Before a key, or the end of the object."""
        if not self._comment:
            plain = _PLAIN_KEY.match(self._buffer, self._at)
            if plain is not None:
                self._at = plain.end()
                self._begin_value(plain[1])
                self._equals = False
                self._state = type(self)._value
                return True
            stack = self._stack
            closed = _PLAIN_END.match(self._buffer, self._at)
            if closed is not None and (closed["behind"] or (len(stack) > 1 and stack[-2].is_object)):
                self._at = closed.end() - len(closed["behind"] or "")
                self._at_end = False
                self._close()
                return True
        before, buffer = self._at, self._buffer
        has_more = self._skip(_SPACE_AND_COMMAS, any_hash=True)
        self._comma = self._comma or "," in buffer[before : self._at]
        if not has_more:
            return False
        character = self._buffer[self._at].translate(PLAIN)
        if character == "}":
            goes_on = self._goes_on()
            self._at_end = goes_on is None
            if goes_on is None:
                return False
            self._at += 1
            if not goes_on:
                self._close()
            return True
        if character == "]":
            stray = self._is_stray()
            if stray is None:
                return False
            if len(self._stack) > self._objects and not stray:
                self._stack[-1].cut_short()
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
        if character == "<":
            thought = self._at_end_of_reasoning()
            if thought is not False:
                return bool(thought)
        if character in ".\u2026":
            left_out = _ELLIPSIS.match(self._buffer, self._at)
            if left_out is None and len(self._buffer) - self._at < 3 and not self._final:
                return False
            if left_out is not None:
                self._at = left_out.end()
                self._stack[-1].left_out()
                return True
        if character in CLOSING:
            return self._open_quote(is_key=True)
        if character == "{" and not self._fresh and len(self._stack) > 1 and not self._stack[-2].is_object:
            self._stack[-1].cut_short()  # the next item of the list, and this one was not closed
            self._close()
            return True
        if character in "{[" and not self._fresh:
            goes_on = character == "{" or self._begins_items()
            if goes_on is None:
                return False
            builder = self._stack[-1].reopened() if goes_on else None
            if builder is not None:
                self._at += character == "["
                self._stack.append(builder)
                self._next()
                return True
        if character in "{[:=()<":
            self._at += 1
            return True
        end = _BARE_KEY.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches the empty string
        if end == len(self._buffer) and not self._final and end - self._at <= WINDOW:
            return False
        key = self._buffer[self._at : end].strip()
        begin = self._at
        self._at = max(end, self._at + 1)
        if end < len(self._buffer) and self._buffer[end] in ":=\uff1a":
            self._at = end
            self._begin_value(key)
            self._quoted_key = ""
        elif end < len(self._buffer) and key and self._buffer[end] in evidence.QUOTES:
            return self._end_half_quoted(key, begin, end)
        return True

    def _end_half_quoted(self, key: str, begin: int, end: int) -> bool:
        """Behind a word where a key is expected, before a quote: it ends the key if a colon follows."""
        colon = _SPACE.match(self._buffer, end + 1).end()  # type: ignore[union-attr]  # it matches the empty string
        if colon == len(self._buffer) and not self._final and colon - end < WINDOW:
            self._at = begin
            return False
        if self._buffer[colon : colon + 1] in (":", "\uff1a") and not self._buffer[end - 1].isspace():
            self._at = colon
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
            self._equals = colon[0][0] == "="
        elif self._buffer[self._at].translate(PLAIN) in ",}":
            self._end_lone()
            return True
        self._state = type(self)._value
        return True

    def _end_lone(self) -> None:
        """Behind a text in quotes that no colon follows: an item, if the part before it is a list of such."""
        text = self._quoted_key
        builder = self._stack[-1].reopened() if text else None
        if builder is None:
            self._state = type(self)._key
            return
        self._stack.append(builder)
        self._plan = builder.child("")
        self._put_scalar(text, True)

    def _value(self) -> bool:
        """Before a value, or the end of the list."""
        in_object = self._stack[-1].is_object
        if not self._skip(_SPACE if in_object else _SPACE_AND_COMMAS):
            return False
        plain = (_PLAIN_IN_OBJECT if in_object else _PLAIN_IN_LIST).match(self._buffer, self._at)
        if plain is not None:
            self._at = plain.end()
            self._put_scalar(plain[plain.lastindex or 0], plain.lastindex == 1)
            return True
        character = self._buffer[self._at].translate(PLAIN)
        if character == "[" and in_object and self._plan.takes_list and self._plan.takes_scalar:
            is_mark = openings.begins_mark(self._buffer, self._at, self._final)
            if is_mark is None:
                return False
            if is_mark:
                self._begin_scalar()
                self._state = type(self)._bare
                return True
        if character in "{[":
            if len(self._stack) >= MAX_DEPTH:
                self._too_deep()
                return True
            self._at += 1
            self._open(character == "{")
            return True
        if character == "`":
            fence = self._at_fence()
            if fence is None:
                return False
            if fence and not in_object:
                self._close_all()
                return True
        if in_object and self._plan.keeps_raw and character in CLOSING:  # `also: "stops": […]`
            names = self._stack[-1].expected_names()
            lacks = openings.begins_key_around(self._buffer, self._at, names, self._final) if names else False
            if lacks is None:
                return False
            if lacks:
                self._state = type(self)._key
                return True
        if not in_object and not self._fresh and len(self._stack) > 1 and (character in CLOSING or character.isalpha()):
            around = self._stack[-2].expected_names() if self._stack[-2].is_object else None
            if around:
                lacks = openings.begins_key_around(self._buffer, self._at, around, self._final)
                if lacks is None:
                    return False
                if lacks:
                    self._stack[-1].cut_short()
                    self._close()
                    return True
        if character in CLOSING:
            if not in_object and self._plan.takes_object and not self._plan.takes_scalar:
                begins = openings.begins_pair(self._buffer, self._at, self._plan.names or (), self._final)
                if begins is None:
                    return False
                if begins:
                    self._open(True)
                    return True
            return self._open_quote(is_key=False)
        if in_object:
            if character == "]":
                behind = _SPACE.match(self._buffer, self._at + 1).end()  # type: ignore[union-attr]  # it matches the empty string
                if behind == len(self._buffer) and not self._final and behind - self._at < WINDOW:
                    return False
                if self._buffer[behind : behind + 1].translate(PLAIN) not in ("", ",", "}", "]"):  # one too many
                    self._at += 1
                    return True
            if character == ",":
                ends = lookahead.after_comma(self._buffer, self._at + 1, self._place(), False, self._final)
                if ends is None:
                    return False
                if not ends:
                    self._at += 1
                    return True
            if character in ",}]":
                self._state = type(self)._key
                return True
        elif character == "]" or (character == "}" and self._objects):
            stray = self._is_stray() if character == "}" else self._is_misnested()
            if stray is None:
                return False
            self._at += character == "]" or stray
            if not stray:
                self._close()
            return True
        if character in ":}":
            self._at += 1
            return True
        if character in _PREFIXES:
            following = self._buffer[self._at + 1 : self._at + 3]
            if len(following) < 2 and not self._final and following in ("", '"', "'"):
                return False
            if following[:1] in ('"', "'") and following[1:].strip(" \t\r\n,;:]}"):
                self._at += 1
                return True
        self._begin_scalar()
        self._state = type(self)._bare
        return True

    # --- shared by the states -----------------------------------------------------------------------------------------

    def _open(self, is_object: bool) -> None:
        """Begin a container inside the one that is open."""
        self._begun = True
        builder = self._plan.open(is_object)
        self._stack.append(builder)
        self._objects += builder.is_object
        self._fresh = True
        self._next()

    def _begin_value(self, key: str) -> None:
        self._plan = self._stack[-1].child(key)
        self._last_key = key
        self._begun = self._is_key = self._fresh = False
        self._state = type(self)._colon

    def _end_scalar(self) -> None:
        """End the key or scalar under way."""
        if self._state == type(self)._string:
            text = "".join(self._pieces)
            if self._is_key:
                self._begin_value(text)
                self._quoted_key = text
                return
            if len(self._quote) == 3:
                text = escapes.block(text, self._quote == FENCE)
            self._put_scalar(text, True)
        elif self._state == type(self)._bare:
            text = "".join(self._pieces).strip()
            escape = _ESCAPES.search(text)
            if escape is not None and lookahead.is_literal(text[: escape.start()]):
                text = text[: escape.start()]
            if text[:2] in ("|\n", ">\n"):  # a block of YAML
                text = textwrap.dedent(text[2:])
            left_out = _BEFORE_ELLIPSIS.fullmatch(text)
            if left_out is not None and lookahead.is_literal(left_out[1]):  # `"a": 1 ...`
                self._put_scalar(left_out[1], False)
                self._stack[-1].left_out()
            elif text:
                self._put_scalar(text, False)
            else:
                self._next()

    def _put_scalar(self, text: str, quoted: bool) -> None:
        self._fresh = False
        if not quoted and not self._stack[-1].is_object and text in ELLIPSES:
            self._stack[-1].left_out()
            self._next()
            return
        result = self._plan.scalar(text, quoted)
        kind = result.__class__
        builder = self._stack[-1]
        if not quoted and not builder.is_object and not lookahead.is_literal(text):
            words = text.split()
            if kind is Mismatch and len(words) > 1 and all(map(lookahead.is_literal, words)):  # a list without commas
                for word in words:
                    self._put_scalar(word, False)
                return
            builder.doubtful = getattr(builder, "doubtful", 0) + 1
        builder.put(result, None if kind is Mismatch else result.value if kind is Coerced else result)
        self._next()

    def _next(self) -> None:
        """Go on behind a part, or a bracket that opens."""
        builder = self._stack[-1]
        self._begun = False
        self._is_key = False
        if builder.is_object:
            self._state = type(self)._key
        else:
            self._plan = builder.child("")
            self._state = type(self)._value

    def _close(self) -> None:
        builder = self._stack.pop()
        self._objects -= builder.is_object
        result = builder.close()
        if self._stack:
            around = self._stack[-1]
            around.put(result, builder.shown)
            orphans = builder.orphans()
            if orphans:
                around.adopt(orphans)
            self._fresh = self._comma = False
            self._next()
        else:
            self._state = type(self).outside
            self.ended(result, builder)

    def _close_all(self) -> None:
        while self._stack:
            self._stack[-1].cut_short()
            self._close()

    def _too_deep(self) -> None:
        self._stack = []
        self._objects = 0
        self._state = type(self).outside
        self.gave_up(Mismatch("an answer", f"objects and lists nested deeper than {MAX_DEPTH}"))
