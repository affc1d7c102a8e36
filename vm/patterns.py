"""Patterns of text (regular expressions), matched in time linear in the text.

A pattern is compiled to a small program, which runs over the text once with all its alternatives side by side: Pike's
machine (Russ Cox, *Regular Expression Matching: the Virtual Machine Approach*).  A character costs at most a step for
each instruction, whatever the pattern, so none blows up; in return there are no back references and no look-around.

Of several matches at the leftmost place the one counts that a backtracking matcher would find first: threads are kept
in the order of their preference, and one that comes to an instruction where a better one has been is dropped.

What is supported: characters, ``.``, ``[a-z]``, ``[^…]``, ``\\d \\w \\s`` and their opposites (of Unicode),
``^ $ \\b \\B``, groups ``( )``, ``(?: )`` and ``(?<name> )``, ``|``, ``* + ? {m,n}`` and their lazy forms, and
``(?ims)`` at the start.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from bamlvm.vm.work import Work

Accepts: TypeAlias = Callable[[str], bool]
Span: TypeAlias = tuple[int, ...]
"""Start and end of the match and of each group in turn; -1 for a group that took no part."""

MAX_SIZE: Final = 2_000
"""Instructions of a compiled pattern."""
MAX_LENGTH: Final = 10_000
"""Characters of a pattern: reading as many takes milliseconds."""
MAX_REPEAT: Final = 1_000
MAX_NESTING: Final = 50
STEPS: Final = 1_000
"""Steps of one piece of work; each takes some hundred nanoseconds."""

_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}


class PatternError(Exception):
    """The pattern is invalid; the message says why and where."""


class Pattern(NamedTuple):
    """A compiled pattern: instructions ``(name, operands…)``, and the number of its groups."""

    code: tuple[tuple[Any, ...], ...]
    groups: int


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CLASSES: Final[dict[str, Accepts]] = {"d": str.isdecimal, "w": _is_word, "s": str.isspace}


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern.  Raises :class:`PatternError` if it is invalid."""
    if len(text) > MAX_LENGTH:
        raise PatternError(f"the pattern is too large (more than {MAX_LENGTH} characters)")
    parser = _Parser(text)
    code = [("save", 0), *parser.parse(), ("save", 1), ("match",)]
    return Pattern(tuple(code), parser.groups)


class _Parser:
    """Recursive descent; every rule returns code whose jumps are relative, so that pieces can be put together."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.groups = 0
        self.flags: set[str] = set()
        self.depth = 0

    def parse(self) -> list[tuple[Any, ...]]:
        if self.text.startswith("(?") and (end := self.text.find(")")) > 2 and set(self.text[2:end]) <= set("ims"):
            self.flags = set(self.text[2:end])
            self.place = end + 1
        code = self.alternatives()
        if self.place < len(self.text):
            raise self.error("`)` closes nothing")
        return code

    def error(self, message: str) -> PatternError:
        return PatternError(f"{message}, at character {self.place + 1} of the pattern")

    def peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def take(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.place):
            self.place += len(wanted)
            return True
        return False

    def checked(self, code: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        if len(code) > MAX_SIZE:
            raise self.error(f"the pattern is too large (more than {MAX_SIZE} instructions)")
        return code

    def alternatives(self) -> list[tuple[Any, ...]]:
        parts = [self.sequence()]
        while self.take("|"):
            parts.append(self.sequence())
        code = parts.pop()
        for part in reversed(parts):
            code = self.checked([("split", 1, len(part) + 2), *part, ("jump", len(code) + 1), *code])
        return code

    def sequence(self) -> list[tuple[Any, ...]]:
        code: list[tuple[Any, ...]] = []
        while (character := self.peek()) and character not in "|)":
            code += self.repeated()
            self.checked(code)
        return code

    def repeated(self) -> list[tuple[Any, ...]]:
        start = self.place
        part = self.atom()
        is_assertion = self.text[start] in "^$" or self.text.startswith(("\\b", "\\B"), start)
        if is_assertion and (self.peek() in ("*", "+", "?") or self.number_in_braces()):
            raise self.error("nothing that could be repeated comes before this")
        while (count := self.count()) is not None:
            least, most = count
            lazy = self.take("?")
            part = self.times(part, least, most, lazy)
            if self.peek() in ("*", "+", "?") or self.number_in_braces():
                raise self.error("a repetition of a repetition needs a group")
        return part

    def number_in_braces(self) -> bool:
        place, found = self.place, self.count()
        self.place = place
        return found is not None

    def count(self) -> tuple[int, int | None] | None:
        """Read ``* + ?`` or ``{m,n}``; braces that hold no numbers are characters."""
        if self.take("*"):
            return 0, None
        if self.take("+"):
            return 1, None
        if self.take("?"):
            return 0, 1
        if self.peek() != "{" or (end := self.text.find("}", self.place)) < 0:
            return None
        low, comma, high = self.text[self.place + 1 : end].partition(",")
        if not (low.isascii() and low.isdigit() and (not high or (high.isascii() and high.isdigit()))):
            return None
        least = int(low[:9])
        most = int(high[:9]) if high else None if comma else least
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise self.error(f"a repetition is from 0 to {MAX_REPEAT} times, the lower number first")
        self.place = end + 1
        return least, most

    def times(self, part: list[tuple[Any, ...]], least: int, most: int | None, lazy: bool) -> list[tuple[Any, ...]]:
        def split(near: int, far: int) -> tuple[Any, ...]:
            return ("split", far, near) if lazy else ("split", near, far)

        if (least + (most or 1)) * (len(part) + 1) > 4 * MAX_SIZE:
            raise self.error(f"the pattern is too large (more than {MAX_SIZE} instructions)")
        code = part * least
        if most is None:
            code = [*code, split(1, len(part) + 2), *part, ("jump", -len(part) - 1)]
        else:
            for left in range(most - least, 0, -1):
                code = [*code, split(1, left * (len(part) + 1)), *part]
        return self.checked(code)

    def atom(self) -> list[tuple[Any, ...]]:
        character = self.peek()
        if character in "*+?":
            raise self.error("nothing that could be repeated comes before this")
        self.place += 1
        match character:
            case "(":
                return self.group()
            case "[":
                return [("char", self.set())]
            case ".":
                return [("char", (lambda c: True) if "s" in self.flags else (lambda c: c != "\n"))]
            case "^" | "$":
                return [("assert", character + ("m" if "m" in self.flags else ""))]
            case "\\":
                if self.peek() in ("b", "B"):
                    self.place += 1
                    return [("assert", self.text[self.place - 1])]
                return [("char", self.escape())]
        return [("char", self.literal(character))]

    def group(self) -> list[tuple[Any, ...]]:
        number = 0
        if self.take("?:"):
            pass
        elif self.take("?P<") or (not self.text.startswith(("?<=", "?<!"), self.place) and self.take("?<")):
            end = self.text.find(">", self.place)
            if end < 0 or not self.text[self.place : end].isidentifier():
                raise self.error("a group's name is letters, digits and `_`, and ends in `>`")
            self.place = end + 1
            number = self.groups = self.groups + 1
        elif self.peek() == "?":
            raise self.error("look-around and flags inside a pattern are not supported")
        else:
            number = self.groups = self.groups + 1
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.error("the groups are nested too deep")
        opened = self.place
        code = self.alternatives()
        self.depth -= 1
        if not self.take(")"):
            self.place = opened - 1
            raise self.error("this group is never closed")
        return [("save", 2 * number), *code, ("save", 2 * number + 1)] if number else code

    def literal(self, character: str) -> Accepts:
        if "i" in self.flags:
            same = frozenset({character, *character.lower(), *character.upper()})
            return same.__contains__
        return character.__eq__

    def escape(self) -> Accepts:
        character = self.peek()
        self.place += 1
        if character.lower() in _CLASSES and character:
            accepts = _CLASSES[character.lower()]
            return accepts if character.islower() else lambda c: not accepts(c)
        return self.literal(self.escaped(character))

    def escaped(self, character: str) -> str:
        """Return the character that an escape stands for, which is read up to that letter."""
        if character in _ESCAPES and character:
            return _ESCAPES[character]
        if character == "x" and (digits := self.text[self.place : self.place + 2]).isalnum() and len(digits) == 2:
            self.place += 2
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise self.error("`\\x` takes two hexadecimal digits") from None
        if not character or character.isalnum():
            self.place -= 1
            raise self.error(f"`\\{character}` is no escape")
        return character

    def set(self) -> Accepts:
        """Read a set up to its ``]``."""
        opened = self.place
        negated = self.take("^")
        tests: dict[str, Accepts] = {}
        ranges: list[tuple[str, str]] = []
        first = True
        while first or self.peek() != "]":
            first = False
            low = self.peek()
            if not low:
                self.place = opened - 1
                raise self.error("this set is never closed")
            self.place += 1
            if low == "\\":
                letter = self.peek()
                if letter.lower() in _CLASSES and letter:
                    tests[letter] = self.escape()
                    continue
                self.place += 1
                low = self.escaped(self.text[self.place - 1 : self.place])
            high = low
            if self.peek() == "-" and self.text[self.place + 1 : self.place + 2] not in ("]", ""):
                self.place += 2
                high = self.text[self.place - 1]
                if high == "\\":
                    self.place += 1
                    high = self.escaped(self.text[self.place - 1 : self.place])
                if high < low:
                    raise self.error(f"the range `{low}-{high}` is empty")
            ranges.append((low, high))
        self.place += 1
        folds = "i" in self.flags
        contains = _union(ranges)
        others = tuple(tests.values())

        def accepts(character: str) -> bool:
            for each in {character, *character.lower(), *character.upper()} if folds else (character,):
                if contains(each) or any(test(each) for test in others):
                    return not negated
            return negated

        return accepts


def _union(ranges: list[tuple[str, str]]) -> Accepts:
    """Return the test whether a character is in one of the ranges, of which there may be thousands."""
    firsts: list[str] = []
    lasts: list[str] = []
    for low, high in sorted(ranges):
        if lasts and low <= lasts[-1]:
            lasts[-1] = max(lasts[-1], high)
        else:
            firsts.append(low)
            lasts.append(high)

    def contains(character: str) -> bool:
        place = bisect_right(firsts, character)
        return place > 0 and character <= lasts[place - 1]

    return contains


def search(pattern: Pattern, text: str, start: int, *, any_match: bool = False) -> Work[Span | None]:
    """Return the span of the leftmost match from ``start`` on, or None; with ``any_match`` that of any match.

    It yields after some :data:`STEPS` steps.
    """
    code = pattern.code
    found: Span | None = None
    none: Span = (-1,) * (2 * pattern.groups + 2)
    threads: list[tuple[int, Span]] = []
    steps = 0
    for place in range(start, len(text) + 1):
        seen: set[int] = set()
        ready: list[tuple[int, Span]] = []
        # The threads of the character before, in their order, and one that begins here, which any of them beats.
        for begun in (*threads, *(((0, none),) if found is None else ())):
            waiting = [begun]
            while waiting:
                at, saved = waiting.pop()
                if at in seen:
                    continue
                seen.add(at)
                step = code[at]
                name = step[0]
                if name == "jump":
                    waiting.append((at + step[1], saved))
                elif name == "split":
                    waiting.append((at + step[2], saved))
                    waiting.append((at + step[1], saved))
                elif name == "save":
                    waiting.append((at + 1, (*saved[: step[1]], place, *saved[step[1] + 1 :])))
                elif name == "assert":
                    if _holds(step[1], text, place):
                        waiting.append((at + 1, saved))
                else:
                    ready.append((at, saved))
        steps += len(seen) + 1
        threads = []
        character = text[place : place + 1]
        for at, saved in ready:
            step = code[at]
            if step[0] == "match":
                found = saved
                break  # the threads after it are worse
            if character and step[1](character):
                threads.append((at + 1, saved))
        if found is not None and (any_match or not threads):
            return found
        if steps > STEPS:
            steps = 0
            yield None
    return found


def _holds(assertion: str, text: str, place: int) -> bool:
    match assertion:
        case "^":
            return place == 0
        case "$":
            return place == len(text)
        case "^m":
            return place == 0 or text[place - 1] == "\n"
        case "$m":
            return place == len(text) or text[place] == "\n"
    before = place > 0 and _is_word(text[place - 1])
    after = place < len(text) and _is_word(text[place])
    return (before != after) == (assertion == "b")


_REFERENCE: Final = re.compile(r"\$(?:(\$)|([0-9])|\{([0-9]+)\})")


def template_of(text: str, groups: int) -> Work[list[str | int]]:
    """Read a replacement: ``$0`` is the match, ``$1`` or ``${1}`` a group, ``$$`` a dollar sign.  Return its texts, and
    its groups by number.

    Raises :class:`PatternError` for a group that the pattern does not have.
    """
    parts: list[str | int] = []
    place = 0
    for reference in _REFERENCE.finditer(text):
        parts.append(text[place : reference.start()])
        place = reference.end()
        dollar, digit, digits = reference.groups()
        if dollar:
            parts.append("$")
        else:
            number = digit or digits
            if len(number) > 4 or int(number) > groups:
                raise PatternError(f"the pattern has {groups} groups, but the replacement names `${number[:40]}`")
            parts.append(int(number))
        if len(parts) % STEPS < 2:
            yield None
    parts.append(text[place:])
    return parts
