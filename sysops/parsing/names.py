"""Enums, literals and bools: finding which one of a few names a text means.

The evidence, strongest first.  The first kind that finds anything decides, and must find one value only; a text in
which it finds several is ambiguous, and the mismatch lists them.

    whole       the text is a name: as it is written; without what surrounds it (quotes, brackets, markdown,
                punctuation); with case folded; without accents, spaces and punctuation; or it is a description
    emphasised  a name in bold, in italics, in a code span, in ``\\boxed{…}``
    alone       a name that is the first sentence, the first line, the last line, or what follows the last colon
    edge        a name that the text begins or ends with
    spelled     a name that has capitals and stands in the text just so, if no name in it has an "or" after it
    inside      a name anywhere in the text, however it is spelled
    answer      "yes" or "no", as the first or last word, for a bool

Inside a text a name is matched without regard to case, accents and what separates its words (``NotStarted`` is "not
started").  Of names that overlap the longest counts.  A name of one letter must have its case.  A name that the text
denies ("not spam", "spam is unlikely", "I do not think that it is spam") does not count, and one that it only concedes
("though many call it spam") counts only if there is no other.  An alias precedes the name of another value.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from bamlvm.sysops.parsing import passages
from bamlvm.sysops.parsing.results import NoSingleMatch
from bamlvm.sysops.prompts.output_format import variant_aliases
from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.declarations import attribute_text
from bamlvm.vm.program.types import EnumType, LiteralType, Type, VariantType

WRAPPING: Final = " \t\r\n*_`~\"'\u201c\u201d\u2018\u2019\u300c\u300d()[]{}<>.,;:!?|#\u3002\uff0c\uff01\uff1a"
"""What may surround an answer that is one word."""

_ORDINARY: Final = re.compile(r"[^\W_]+(?:[\W_]{1,3}[^\W_]+)*")
_SYMBOL: Final = re.compile(r"[+#<>=%$^@\\*\u20ac]")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_NOT: Final = (
    r"(?:not|no|never|nor|neither|cannot|can't|non|without|isn't|wasn't|aren't|doesn't|don't|rather than|instead of)"
)
_DENIED_BEFORE: Final = re.compile(
    rf"\b{_NOT}[\s\-]+(?:(?:an?|the|really|quite|be|in|of|say|clearly)\s+){{0,2}}[\"'`*]*$"
)
_DENIED_AFTER: Final = re.compile(
    r"[\"'`*]*\s+(?:(?:is|was|are|would be|seems?|looks?|can be)\s+(?:not|wrong|incorrect|unlikely|false|ruled out)\b"
    r"|(?:would|does|do|did|can|could|should|must)\s+not\b|(?:is|was|are|does|do|did|wo|would|could|should)n't\b"
    r"|(?:cannot|can't)\b)"
)
_CLAUSE: Final = re.compile(r"[.,;:!?\n()\u2014]|\b(?:but|so|and|because|since|therefore|hence|thus|as)\b")
"""What a clause ends with; a denial does not reach beyond it."""
_DENIES: Final = re.compile(
    r"\b(?:not(?! only\b| just\b)|never|cannot|hardly|doubt(?:s|ful)?|no(?! (?:doubt|question)\b)|[a-z]+n't"
    r"|(?:wrong|incorrect|false|mistaken) (?:to|that))\b"
)
_NO_DOUBT: Final = re.compile(r"\b(?:no|without(?: an?| any)?|not|never|beyond(?: an?| any)?)\s+doubt\b")
_CONCEDES: Final = re.compile(
    r"\b(?:though|although|albeit|while|whereas|despite|unlike|even if|unless|than|(?:could|might|may)(?: also)? be)\b"
)
_OR_AFTER: Final = re.compile(r"[\"'`*]*\s*(?:,\s*)?(?:(?:or|and|nor|vs\.?|versus|oder|und)\b|[/&|])")
_OR_BEFORE: Final = re.compile(r"(?:\b(?:or|and|nor|vs\.?|versus|oder|und)\s+(?:an?\s+|the\s+)?|[/&|]\s*)[\"'`*]*$")
_NOT_ALPHANUMERIC: Final = re.compile(r"[^a-z0-9]+")
_NEAR: Final = 40
"""How far before and after a name a denial right beside it is looked for."""
_FAR: Final = 160
"""How far before a name its clause is looked at."""


class Named(NamedTuple):
    """A value and what it may be called, the alias first; ``descriptions`` count only where they are the whole text."""

    value: Any
    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()


class _Match(NamedTuple):
    start: int
    end: int
    places: tuple[int, ...]
    spelled: bool
    conceded: bool


class NameFinder:
    """Finds one of a fixed set of named values."""

    def __init__(self, values: Sequence[Named]) -> None:
        self.values = tuple(values)
        self._exact = self._table(str)
        self._folded = self._table(str.casefold)
        self._bare = self._table(lambda name: "" if _has_symbol(name) else bare(name))
        self._described: dict[str, tuple[int, ...]] = {}
        for place, named in enumerate(self.values):
            for text in named.descriptions:
                for key in (bare(text), *(bare(name + text) for name in named.names)):
                    self._described[key] = tuple({*self._described.get(key, ()), place})
        self._keys: dict[str, tuple[int, ...]] = {}
        patterns: list[str] = []
        for name, places in sorted(self._exact.items(), key=lambda item: -len(item[0])):
            if name.strip():
                key, pattern = _pattern(name)
                self._keys.setdefault(key, places)
                patterns.append(pattern)
        self._patterns = "|".join(patterns)
        self._compiled: re.Pattern[str] | None = None

    def whole(self, text: str) -> Any:
        """Return the value of which the text is a name or the description.  Raises :class:`NoSingleMatch`."""
        return self._only(self.places_of(text))

    def places_of(self, text: str) -> tuple[int, ...]:
        """Return the places of the values of which the whole text is a name or the description."""
        stripped = text.strip()
        unwrapped = text.strip(WRAPPING)
        for table, key in (
            (self._exact, stripped),
            (self._exact, unwrapped),
            (self._folded, unwrapped.casefold()),
            (self._bare, bare(unwrapped) if not _has_symbol(unwrapped) else ""),
            (self._described, bare(unwrapped) if self._described else ""),
        ):
            places = table.get(key)
            if places and key:
                return places
        return ()

    def may_grow(self, text: str) -> bool:
        """Whether more text may make a name, or a sentence that has one, mean another value."""
        key = text.casefold().strip(WRAPPING)
        return key not in self._folded or any(name.startswith(key) and name != key for name in self._folded)

    def look_up(self, text: str) -> tuple[Any, bool]:
        """Return the value that a text means, and whether the text is nothing more than its name.

        Raises :class:`NoSingleMatch`, listing the candidates if there are several.
        """
        places = self.places_of(text)
        if places:
            return self._only(places), True
        for group in (passages.emphasised(text), _alone(text)):
            places = self.places_among(group)
            if places:
                return self._only(places), False
        matches = _meant(self.matches(text))
        for evidence in (
            _edges(text, matches),
            [] if any(_OR_AFTER.match(text, match.end) for match in matches) else [m for m in matches if m.spelled],
            matches,
        ):
            found = dict.fromkeys(place for match in evidence for place in match.places)
            if found:
                return self._only(tuple(found)), False
        raise NoSingleMatch("")

    def places_among(self, texts: Iterator[str]) -> tuple[int, ...]:
        """Return the places of the values of which one of the texts is a name."""
        return tuple(dict.fromkeys(place for text in texts for place in self.places_of(text)))

    def matches(self, text: str) -> Iterator[_Match]:
        """Yield where a name stands in a text as whole words and is not denied."""
        if not self._patterns:
            return
        if self._compiled is None:  # an answer that is a name, and nothing more, needs none
            self._compiled = re.compile(self._patterns)
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        folded = fold(text)
        for match in self._compiled.finditer(folded):
            start, end = match.span()
            places = self._keys.get(match[0]) or self._keys[_SEPARATORS.sub("", match[0])]
            written = text[start:end]
            spelled = written in self._exact
            if len(written) == 1 and written.isascii() and written.isalpha() and not spelled:
                continue
            clause = _clause(folded, start)
            if _denies(clause, folded[max(0, start - _NEAR) : start]) or _DENIED_AFTER.match(folded, end, end + _NEAR):
                continue
            capital = spelled and not written.islower() and written.upper() != written.lower()
            yield _Match(start, end, places, capital, _CONCEDES.search(clause) is not None)

    def _table(self, key_of: Any) -> dict[str, tuple[int, ...]]:
        """Return places by a key of each name; the alias of one value hides the name of another."""
        table: dict[str, tuple[int, ...]] = {}
        for rank in range(max((len(named.names) for named in self.values), default=0)):
            added: dict[str, list[int]] = {}
            for place, named in enumerate(self.values):
                if rank < len(named.names):
                    key = key_of(named.names[rank])
                    if key not in table and place not in added.setdefault(key, []):
                        added[key].append(place)
            table.update({key: tuple(places) for key, places in added.items() if places})
        return table

    def _only(self, places: Sequence[int]) -> Any:
        if not places:
            raise NoSingleMatch("")
        if len(places) > 1:
            names = ", ".join(self.values[place].names[0] for place in sorted(places))
            raise NoSingleMatch(f"ambiguous: {names}")
        return self.values[places[0]].value


def _clause(folded: str, start: int) -> str:
    """Return what is before ``start`` in its clause."""
    before = folded[max(0, start - _FAR) : start]
    begin = 0
    for boundary in _CLAUSE.finditer(before):
        begin = boundary.end()
    return before[begin:]


def _denies(clause: str, before: str) -> bool:
    """Whether a name behind ``clause`` is denied by it, or by the words just ``before``."""
    if _DENIED_BEFORE.search(before):
        return True
    return _DENIES.search(_NO_DOUBT.sub("", clause)) is not None


def _meant(matches: Iterable[_Match]) -> list[_Match]:
    """Return the matches that are not only conceded, or all if there is no other."""
    found = list(matches)
    return [match for match in found if not match.conceded] or found


def _alone(text: str) -> Iterator[str]:
    yield passages.first_sentence(text)
    yield (first := passages.first_line(text))
    yield passages.after_label(first)
    yield passages.last_line(text)
    yield passages.after_label(text)


def _edges(text: str, matches: Sequence[_Match]) -> list[_Match]:
    """Return the matches that a text begins and ends with, unless they are parts of an "A or B"."""
    found: list[_Match] = []
    if matches:
        first, last = matches[0], matches[-1]
        if not text[: first.start].strip(WRAPPING) and not _OR_AFTER.match(text, first.end):
            found.append(first)
        if not text[last.end :].strip(WRAPPING) and not _OR_BEFORE.search(
            text[max(0, last.start - _NEAR) : last.start]
        ):
            found.append(last)
    return found


def _has_symbol(name: str) -> bool:
    """Whether a name's punctuation tells it from others: ``C++``, ``A-``, ``-2``."""
    return bool(_SYMBOL.search(name)) or name[:1] == "-" or name[-1:] == "-"


def _pattern(name: str) -> tuple[str, str]:
    """Return a name's key and the pattern that finds it in a folded text as whole words.

    A script that does not space its words has no bounds of words.
    """
    folded = fold(unicodedata.normalize("NFC", name))
    key = folded
    if _ORDINARY.fullmatch(name) and not _has_symbol(name):
        key = _SEPARATORS.sub("", folded)
        humps = _HUMP.sub(" ", unicodedata.normalize("NFC", name)) if folded.isascii() else name
        parts = [part for part in _SEPARATORS.split(fold(humps)) if part]
        body = r"[\W_]{0,3}".join(map(re.escape, parts))
    else:
        body = re.escape(folded)
    before = after = ""
    if _is_word(folded[0]):
        before = r"(?<![a-z0-9_])(?<![a-z0-9][-'\u2019])"
    if _is_word(folded[-1]):
        after = r"(?![a-z0-9_])(?![-'\u2019][a-z]{3})"
    if folded[0].isdigit():
        before += r"(?<![-\u2212.])(?<![0-9],)"
    if folded[-1].isdigit():
        after += r"(?![.,]?[0-9])(?!%)"
    elif not _is_word(folded[-1]):
        after = r"(?![-+#*])"
    return key, before + body + after


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def fold(text: str) -> str:
    """Return a text of the same length without case and accents."""
    return text.lower() if text.isascii() else "".join(map(_fold_character, text))


def _fold_character(character: str) -> str:
    return (unicodedata.normalize("NFKD", character)[:1].lower() or character)[0]


def bare(text: str) -> str:
    """Return a name without case, accents and everything but letters and digits."""
    if text.isascii():
        return _NOT_ALPHANUMERIC.sub("", text.lower())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def named_values(type_: Type, schema: Schema) -> list[Named]:
    """Return what a literal, an enum or a variant may be called, alias first; nothing for any other type."""
    if isinstance(type_, LiteralType):
        value = type_.value
        return [Named(value, (value if isinstance(value, str) else json.dumps(value),))]
    if isinstance(type_, (EnumType, VariantType)):
        name = type_.name if isinstance(type_, EnumType) else type_.enum
        wanted = None if isinstance(type_, EnumType) else type_.variant
        info = schema.enums[name]
        described = {each.name: attribute_text(each.attributes, "description") for each in info.variants}
        return [
            Named(
                schema.enum_value(name, variant),
                tuple(dict.fromkeys((alias, variant))),
                (text,) if (text := described.get(variant)) else (),
            )
            for variant, alias in variant_aliases(info).items()
            if wanted in (None, variant)
        ]
    return []


class BoolFinder:
    """Finds a bool: by the names ``true`` and ``false``, and as the answer to a question."""

    _WORDS: Final = NameFinder((Named(True, ("true", "yes")), Named(False, ("false", "no"))))
    _INSIDE: Final = NameFinder((Named(True, ("true",)), Named(False, ("false",))))
    _FIRST: Final = re.compile(r"[\W_]*(yes|no)\b(?=\s*[,.;:!\u2014-]|\s*$|\s*\n)", re.IGNORECASE)
    _FIRST_OF_ANY: Final = re.compile(r"[\W_]*(yes|no)\b", re.IGNORECASE)
    _LAST: Final = re.compile(r"(?:^|(?<=\s))[\"'*_`]*(yes|no)[\W_]*$", re.IGNORECASE)

    def whole(self, text: str) -> bool:
        """Return the bool that a text is.  Raises :class:`NoSingleMatch`."""
        return bool(self._WORDS.whole(text))

    def look_up(self, text: str) -> tuple[bool, bool]:
        """Return the bool that a text means, and whether the text is nothing more.  Raises :class:`NoSingleMatch`."""
        places = self._WORDS.places_of(text)
        if places:
            return not places[0], True
        for group in (passages.emphasised(text), _alone(text)):
            places = self._WORDS.places_among(group)
            if places:
                return self._only(not place for place in places), False
        # "No, …" and "…: yes" answer; "there is no doubt" does not.
        last = self._LAST.search(text, max(0, len(text) - 2 * _NEAR))
        if last is not None and _OR_BEFORE.search(text[: last.start(1)][-_NEAR:]):
            last = None
        edges = [match[1].lower() == "yes" for match in (self._FIRST.match(text), last) if match]
        inside = _meant(self._INSIDE.matches(text))
        edges += [not place for match in _edges(text, inside) for place in match.places]
        first = self._FIRST_OF_ANY.match(text)
        for evidence in (
            edges,
            [not place for match in inside for place in match.places],
            [first[1].lower() == "yes"] if first and not _OR_AFTER.match(text, first.end()) else [],
        ):
            if evidence:
                return self._only(evidence), False
        raise NoSingleMatch("")

    @staticmethod
    def _only(evidence: Iterable[bool]) -> bool:
        found = set(evidence)
        if len(found) > 1:
            raise NoSingleMatch("ambiguous: true, false")
        return found.pop()
