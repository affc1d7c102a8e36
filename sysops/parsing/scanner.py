"""Text, as it comes, to values: a tolerant reader of JSON that can stop and go on at any character.

The scanner is always in one *state*, a method that consumes what it can of the buffer and returns whether to go on
(True) or to wait for more text (False).  What was consumed is never looked at again; what waits is no longer than a
lookahead (:mod:`.lookahead`, which decides where strings and bare values end).  So the work is linear in the text,
however it is cut, and the pieces of a long string are joined only when a partial value is built.

Read besides JSON: missing, doubled and trailing commas; comments (``//``, ``/* */``, ``#``); keys and values without
quotes or in other quotes; quotes and line breaks inside strings; ``=`` or ``=>`` for a colon; full-width punctuation;
doubled braces; brackets and quotes that are missing.  A code fence that ends inside an object ends the object.

A string may turn out to end earlier than where it is read to: its own quote is missing, and what follows it shows
that.  Partial values show no more of a string than will stay (:meth:`Scanner.growing`).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from typing import Any, Final

from bamlvm.sysops.parsing import escapes, lookahead, reasoning
from bamlvm.sysops.parsing.base import SKIP, Plan, ValueBuilder
from bamlvm.sysops.parsing.lookahead import PLAIN, WINDOW, Place
from bamlvm.sysops.parsing.names import bare
from bamlvm.sysops.parsing.results import Coerced, Mismatch, Result

MAX_DEPTH: Final = 100
"""How deep objects and lists may be nested."""

_FENCE: Final = "```"
_SPACE: Final = re.compile(r"[\s\\]*")  # a backslash outside of strings means nothing
_SPACE_AND_COMMAS: Final = re.compile(r"[\s\\,;\uff0c\uff1b\u3001]*")
_BARE_KEY: Final = re.compile(r"[^:=,{}\[\]\"'`\n<\u201c\uff1a\uff0c\uff5b\uff5d]*\s*")
_BARE: Final = re.compile(r"[^,;}\])\n/#`\"<({\[\uff0c\uff5d\uff3d]*")
_COLON: Final = re.compile(r":|=>?|\uff1a")
_CLOSING: Final = {
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
} | {"`": re.compile(r"[^`\\]*"), _FENCE: re.compile("[^`]*")}
"""What a string consists of without any question, by the mark that ends it."""

_PLAIN_TEXT: Final = r'[^"\\\n`\u201c\u201d\u201e]'
_PLAIN_KEY: Final = re.compile(rf'[\s,]*"([^\W_]{_PLAIN_TEXT}{{0,60}})"\s*:')
_PLAIN_IN_OBJECT: Final = re.compile(
    rf"""(?:"({_PLAIN_TEXT}*)"|(true|false|null|-?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})?))(?={lookahead.SURE_IN_OBJECT})"""
)
_PLAIN_IN_LIST: Final = re.compile(
    rf"""(?:"({_PLAIN_TEXT}*)"|(true|false|null|-?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})?))(?={lookahead.SURE_IN_LIST})"""
)
"""Keys and scalars as JSON has them, with evidence behind them that nothing outweighs: most of most answers."""

_MARKS: Final = {mark: re.compile(f"{mark}*") for mark in "\"'`"}
_OPENS_INNER_FENCE: Final = re.compile(r"\n[ \t]*```[ \t]*\w")
_SEPARATOR: Final = re.compile(r"[,;\n]")
_SEPARATORS: Final = " \t\r\n,;"
_CLOSERS: Final = " \t\r\n,;}]\uff5d\uff3d"
_TAIL: Final = 120
"""How many characters at the end of a growing string are looked at for a key that may belong to the object."""

_LOST_KEY: Final = re.compile(r"[,;\n]\s*([^,;\n\"':=]{1,60}?)\s*[:=]\s*$")


class Scanner:
    """Reads containers.  A subclass says what stands around them: its state is the first, and :meth:`ended` takes
    each container that is complete.

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
        self._state = self.outside
        self._fresh = True  # whether the object has no key yet
        self._equals = False  # whether the last colon was "="
        self._comment = ""
        self._is_key = False
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
        self._may_end = -1  # where in the string the fence around the container may have closed

    # --- for subclasses -----------------------------------------------------------------------------------------------

    def outside(self) -> bool:
        """Read what is outside of any container: a state."""
        raise NotImplementedError

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
        while self._state():
            self.steps += 1

    def take_end(self) -> None:
        """Read on as the text has ended: whatever is open ends here."""
        self._final = True
        while self._state() or (self._stack and self._state == self._string and self._is_key and self._lost_colon()):
            self.steps += 1
        if self._stack:
            if self._state == self._string and not self._is_key:
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

    def growing(self) -> Any:
        """Return the value of the part under way, as far as it will stay; None where there is none yet.

        Of a string that is what cannot turn out to belong to the object around it: not the separators and brackets
        that it ends with now, not what may be a declared key, nothing from where the fence may have closed.
        """
        if self._state != self._string or self._is_key or not self._plan.grows or len(self._quote) == 3:
            return None
        text = self._text_so_far()
        shown = text if self._may_end < 0 else text[: self._may_end]
        if shown[-1:] in _CLOSERS:
            shown = shown.rstrip(_CLOSERS)
        names = self._stack[-1].names
        if names is not None:
            at = self._suspect if self._suspect >= 0 else self._scanned
            self._scanned = len(text)
            self._suspect = -1
            for separator in _SEPARATOR.finditer(text, at):
                if len(text) - separator.start() < WINDOW and _may_be_key(text[separator.start() + 1 :], names):
                    self._suspect = separator.start()
                    return text[: self._suspect].rstrip(_CLOSERS) if self._suspect < len(shown) else shown
        return shown

    def _text_so_far(self) -> str:
        if len(self._pieces) != 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    # --- states -------------------------------------------------------------------------------------------------------

    def _key(self) -> bool:
        """Before a key, or the end of the object."""
        plain = None if self._comment else _PLAIN_KEY.match(self._buffer, self._at)
        if plain is not None:
            self._at = plain.end()
            self._begin_value(plain[1])
            self._equals = False
            self._state = self._value
            return True
        if not self._skip(_SPACE_AND_COMMAS, any_hash=True):
            return False
        character = self._buffer[self._at].translate(PLAIN)
        if character == "}":
            self._at += 1
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
        if character in _CLOSING:
            return self._open_quote(is_key=True)
        if character == "{" and not self._fresh and len(self._stack) > 1 and not self._stack[-2].is_object:
            self._stack[-1].cut_short()  # the next item of the list, and this one was not closed
            self._close()
            return True
        if character == "{" and not self._fresh:
            builder = self._stack[-1].reopened()
            if builder is not None:
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
        elif end < len(self._buffer) and key and self._buffer[end] in lookahead.QUOTES:
            return self._end_half_quoted(key, begin, end)
        return True

    def _is_stray(self) -> bool | None:
        """Whether a bracket is one too many: a key of the object follows a ``]``, the next object of the only list a
        ``}``."""
        at = _SPACE.match(self._buffer, self._at + 1).end()  # type: ignore[union-attr]  # it matches the empty string
        if at == len(self._buffer) and not self._final and at - self._at < WINDOW:
            return None
        following = self._buffer[at : at + 1]
        if self._stack[-1].is_object:
            names = self._stack[-1].names
            return bool(following) and lookahead.begins_pair(self._buffer, at, names or (), self._final)
        if following != "," or not self._plan.takes_object or len(self._stack) - self._objects > 1:
            return False
        at = _SPACE.match(self._buffer, at + 1).end()  # type: ignore[union-attr]  # it matches the empty string
        if at == len(self._buffer) and not self._final and at - self._at < 2 * WINDOW:
            return None
        return self._buffer[at : at + 1] == "{"

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
            self._state = self._key
            return True
        self._state = self._value
        return True

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
        if in_object and self._plan.keeps_raw and character in _CLOSING:  # `also: "stops": […]`
            names = self._stack[-1].expected_names()
            lacks = lookahead.begins_key_around(self._buffer, self._at, names, self._final) if names else False
            if lacks is None:
                return False
            if lacks:
                self._state = self._key
                return True
        if not in_object and len(self._stack) > 1 and (character in _CLOSING or character.isalpha()):
            around = self._stack[-2].expected_names() if self._stack[-2].is_object else None
            if around:
                lacks = lookahead.begins_key_around(self._buffer, self._at, around, self._final)
                if lacks is None:
                    return False
                if lacks:
                    self._stack[-1].cut_short()
                    self._close()
                    return True
        if character in _CLOSING:
            if not in_object and self._plan.takes_object and not self._plan.takes_scalar:
                begins = lookahead.begins_pair(self._buffer, self._at, self._plan.names or (), self._final)
                if begins is None:
                    return False
                if begins:
                    self._open(True)
                    return True
            return self._open_quote(is_key=False)
        if in_object:
            if character == "]":
                behind = _SPACE.match(self._buffer, self._at + 1).end()  # type: ignore[union-attr]
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
                self._state = self._key
                return True
        elif character == "]" or (character == "}" and self._objects):
            stray = self._is_stray() if character == "}" else False
            if stray is None:
                return False
            self._at += character == "]" or stray
            if not stray:
                self._close()
            return True
        if character in ":}":
            self._at += 1
            return True
        self._begin_scalar()
        self._state = self._bare
        return True

    def _string(self) -> bool:
        """Inside quotes."""
        buffer = self._buffer
        quote = self._quote
        run = _RUNS[_FENCE if quote == _FENCE else quote[0]]
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
            if where == "before":
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
        found = lookahead.LOST_COLON.match(text)
        if found is None:
            return False
        names = self._stack[-1].names
        if found.end() < len(text) and (names is None or bare(found[1]) not in names):
            return False
        self._buffer = text[found.end(1) :] + self._buffer[self._at :]
        self._at = 0
        self._begin_value(found[1])
        return True

    def _marks_in_block(self) -> bool:
        """At quotes inside triple quotes, or backticks inside a code fence."""
        buffer, quote = self._buffer, self._quote
        run = _MARKS[quote[0]].match(buffer, self._at).end() - self._at  # type: ignore[union-attr]
        if self._at + run == len(buffer) and not self._final and run <= WINDOW:
            return False
        before = self._last_line()
        if run > 3:
            self._pieces.append(quote[0] * (run - 3))
            self._at += run - 3
        closes: bool | None = run >= 3
        if closes and (quote != _FENCE or before.strip()):
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
            self._opened = self._opened[-MAX_DEPTH:] + mark
        elif mark in ")]}":
            self._opened = self._opened[:-1]
        self._pieces.append(mark)
        self._length += 1
        self._at += 1
        return True

    # --- where a value ends: the questions are put here and answered in lookahead -------------------------------------

    def _closes(self, mark: str, at: int) -> str | None:
        """Return where a string ends by the quote just before ``at``: "here", "before" it, "not"; None to wait.

        If it ended before, the state is that behind the string.
        """
        quote = self._quote
        if mark != quote and (quote == "`" or not self._is_rival(mark)):
            return "not"
        strictly = self._quotations > 0 or mark != quote
        if not strictly and lookahead.surely_closes_string(self._buffer, at, self._stack[-1].is_object):
            return "here"
        place = self._place()
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
            closes = lookahead.closes_string(self._buffer, at, place, strictly, self._final)
            if closes is None:
                return None
            if closes:
                return "here"
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
        elif mark == quote and (before in _SEPARATORS + "([{" or not before) and not following.isspace():
            self._quotations += 1
        return "not"

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

    def _last_character(self) -> str:
        for piece in reversed(self._pieces):
            if piece:
                return piece[-1]
        return ""

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
        if rest[:3] == _FENCE:
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
        self._pieces = [stripped if self._closes_stack(text[len(stripped) :]) else text.rstrip()]

    def _closes_stack(self, brackets: str) -> bool:
        """Whether brackets close all containers that are open."""
        wanted = ["}" if builder.is_object else "]" for builder in self._stack]
        for bracket in brackets.translate(PLAIN):
            if bracket in wanted:  # it closes what is in it
                while wanted.pop() != bracket:
                    pass
        return not wanted

    def _at_fence(self) -> bool | None:
        """Whether a code fence begins or ends here."""
        rest = self._buffer[self._at : self._at + 3]
        if len(rest) < 3 and not self._final and rest == "`" * len(rest):
            return None
        return rest == _FENCE

    def _at_end_of_reasoning(self) -> bool | None:
        """Whether a tag that ends reasoning stands here: the container was a part of it.  None to wait."""
        found = reasoning.at_end_tag(self._buffer, self._at, self._final)
        if found:
            self._stack = []
            self._objects = 0
            self._state = self.outside
        return found

    def _place(self) -> Place:
        self.steps += WINDOW
        builder = self._stack[-1]
        return Place(
            builder.is_object, self._objects, len(self._stack) - self._objects, builder.expected_names(), self._equals
        )

    # --- shared by the states -----------------------------------------------------------------------------------------

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

    def _begin_scalar(self) -> None:
        self._begun = not self._is_key
        self._pieces = [""]
        self._length = self._quotations = self._curly = 0
        self._opened = ""
        self._inner_fence = False
        self._may_end = self._suspect = -1
        self._scanned = 0

    def _open(self, is_object: bool) -> None:
        """Begin a container inside the one that is open."""
        self._begun = True
        builder = self._plan.open(is_object)
        self._stack.append(builder)
        self._objects += builder.is_object
        self._fresh = True
        self._next()

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
        self._begin_scalar()
        self._state = self._string
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

    def _begin_value(self, key: str) -> None:
        self._plan = self._stack[-1].child(key)
        self._begun = self._is_key = self._fresh = False
        self._state = self._colon

    def _end_scalar(self) -> None:
        """End the key or scalar under way."""
        if self._state == self._string:
            text = "".join(self._pieces)
            if self._is_key:
                self._begin_value(text)
                return
            if len(self._quote) == 3:
                text = escapes.block(text, self._quote == _FENCE)
            self._put_scalar(text, True)
        elif self._state == self._bare:
            text = "".join(self._pieces).strip()
            if text[:2] in ("|\n", ">\n"):  # a block of YAML
                text = textwrap.dedent(text[2:])
            if text:
                self._put_scalar(text, False)
            else:
                self._next()

    def _put_scalar(self, text: str, quoted: bool) -> None:
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
            self._state = self._key
        else:
            self._plan = builder.child("")
            self._state = self._value

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
            self._fresh = False
            self._next()
        else:
            self._state = self.outside
            self.ended(result, builder)

    def _close_all(self) -> None:
        while self._stack:
            self._stack[-1].cut_short()
            self._close()

    def _too_deep(self) -> None:
        self._stack = []
        self._objects = 0
        self._state = self.outside
        self.gave_up(Mismatch("an answer", f"objects and lists nested deeper than {MAX_DEPTH}"))


_SPACE_ON_LINE: Final = re.compile(r"[ \t]*")


def _may_be_key(text: str, names: Collection[str]) -> bool:
    """Whether the end of a string, behind a separator, may be the beginning of a declared key and its colon."""
    text = text.strip().rstrip(":= ")
    if not text:
        return True
    if len(text) > WINDOW // 4 or '"' in text:
        return False
    key = bare(text)
    return any(name.startswith(key) for name in names)
