"""Reasoning that a model writes into its answer: the tags around it, and the text without it.

Most servers take reasoning out of the answer; those that do not leave it between the model's own tags.  It is never the
answer, whatever the return type:

    <think> … </think>      from its tag to its end tag, which may be missing where the stream was cut
    … </think>              from the beginning of the answer, where the opening tag was a part of the prompt

In an answer with objects or lists the tags count outside of these only (:mod:`.completion`).  In an answer that is a
string they count at its beginning only, and an end tag in quotes or code does not: the text may be about them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_PAIRS: Final = (
    *(
        (f"<{name}>", f"</{name}>")
        for name in ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "mm:think")
    ),
    ("[think]", "[/think]"),  # Mistral
    ("<|channel>thought", "<channel|>"),  # Gemma
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),  # Kimi
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss
)
"""The tags, in lower case: any case is read."""

_CLOSING: Final = dict(_PAIRS)
_ENDS: Final = tuple(dict.fromkeys(end for _, end in _PAIRS))
_LONGEST: Final = max(len(tag) for pair in _PAIRS for tag in pair)
START: Final = re.compile("|".join(re.escape(start) for start, _ in _PAIRS), re.IGNORECASE)
END: Final = re.compile("|".join(map(re.escape, _ENDS)), re.IGNORECASE)
_PREFIXES: Final = frozenset(tag[:length] for pair in _PAIRS for tag in pair for length in range(1, len(tag)))
_TAG: Final = re.compile(f"(?:{START.pattern})|(?:{END.pattern})", re.IGNORECASE)
_END_PREFIXES: Final = frozenset(end[:length] for end in _ENDS for length in range(2, len(end)))
FIRST: Final = "<[\u25c1"
"""The characters that a tag begins with."""
_BEGINNING: Final = re.compile(f"[{re.escape(FIRST)}]")


class Split(NamedTuple):
    """An answer in two: its reasoning and the rest.  ``is_open``: reasoning began and did not end."""

    reasoning: str
    answer: str
    is_open: bool = False


def end_of(start: str) -> re.Pattern[str]:
    """Return the pattern of the tag that ends the reasoning which ``start`` begins."""
    return _END_PATTERNS[start.lower()]


_END_PATTERNS: Final = {start: re.compile(re.escape(end), re.IGNORECASE) for start, end in _PAIRS}
LONGEST_END: Final = max(map(len, _ENDS))


def _tags(text: str, at: int) -> Iterator[re.Match[str]]:
    """Find the tags from ``at`` on; looking for their first characters is much cheaper than for all of them at once."""
    for begun in _BEGINNING.finditer(text, at):
        if begun.start() >= at and (tag := _TAG.match(text, begun.start())):
            yield tag
            at = tag.end()


def _is_start(tag: re.Match[str]) -> bool:
    return tag[0].lower() in _CLOSING


def may_be_tag(text: str, at: int) -> bool:
    """Whether the text from ``at`` to its end may be the beginning of a tag."""
    return len(text) - at < _LONGEST and text[at:].lower() in _PREFIXES


def at_end_tag(text: str, at: int, final: bool) -> bool | None:
    """Whether a tag that ends reasoning stands at ``at``; None if that depends on text that has not come."""
    if END.match(text, at):
        return True
    return None if not final and may_be_tag(text, at) else False


def split(text: str) -> Split:
    """Take the reasoning out of an answer that is not a string, wherever it is."""
    if not any(character in text for character in FIRST):
        return Split("", text)
    thoughts: list[str] = []
    kept: list[str] = []
    at = 0
    while tag := _TAG.search(text, at):
        before = text[at : tag.start()]
        at = tag.end()
        if not _is_start(tag):
            thoughts += [*kept, before]  # an end tag alone: all before it was reasoning
            kept = []
            continue
        kept.append(before)
        end = end_of(tag[0]).search(text, at)
        if end is None:
            return Split("".join([*thoughts, text[at:]]), "".join(kept), True)
        thoughts.append(text[at : end.start()])
        at = end.end()
    return Split("".join(thoughts), "".join([*kept, text[at:]]))


def split_string(text: str) -> Split:
    """Take the reasoning out of an answer that is a string: what it begins with."""
    at = 0
    thoughts: list[str] = []
    while start := START.match(text, _past_space(text, at)):
        end = end_of(start[0]).search(text, start.end())
        if end is None:
            return Split("".join([*thoughts, text[start.end() :]]), "", True)
        thoughts.append(text[start.end() : end.start()])
        at = end.end()
    if not thoughts:
        for tag in _tags(text, 0):
            if _is_start(tag):
                break
            if not _is_quoted(text, tag):
                thoughts.append(text[: tag.start()])
                at = tag.end()
                break
    return Split("".join(thoughts), text[_past_space(text, at) :]) if thoughts else Split("", text)


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    return text[tag.start() - 1 : tag.start()] in ("`", '"', "'", "\u201c") or text[tag.end() : tag.end() + 1] in (
        "`",
        '"',
        "'",
        "\u201d",
    )


class StringSplitter:
    """Splits an answer that is a string while it arrives; the work is linear in the text.

    ``shown`` is the answer so far; None where that is not certain: at a beginning that may be a tag, or where text was
    shown that turned out to be reasoning, as its end tag came alone.
    """

    def __init__(self) -> None:
        self._text = ""
        self._at = 0  # where the answer begins
        self._searched = 0
        self._ending: re.Pattern[str] | None = None
        self._is_answer = False  # whether the answer has begun
        self._may_end = True  # whether an end tag alone may still come
        self._was_wrong = False

    def feed(self, text: str) -> str | None:
        """Take the text that follows; return the answer so far, or None."""
        self._text += text
        while not self._is_answer and self._advance():
            pass
        if not self._is_answer:
            return None
        end = self._look_for_end() if self._may_end and self._at == 0 else len(self._text)
        if self._was_wrong:
            return None
        return self._text if self._at == 0 and end == len(self._text) else self._text[self._at : end]

    def text(self) -> str:
        """Return the whole text, with the reasoning."""
        return self._text

    def _advance(self) -> bool:
        """Move past one tag, or to the answer; return whether to go on."""
        text = self._text
        if self._ending is not None:
            end = self._ending.search(text, self._searched)
            if end is None:
                self._searched = max(self._searched, len(text) - LONGEST_END)
                return False
            self._ending = None
            self._at = self._searched = end.end()
            return True
        at = self._searched = _past_space(text, max(self._at, self._searched))
        if at == len(text):
            return False
        start = START.match(text, at)
        if start is not None:
            self._ending = end_of(start[0])
            self._searched = start.end()
            return True
        if may_be_tag(text, at):
            return False
        self._is_answer = True
        if self._at:
            self._at = at
        self._searched = 0
        return False

    def _look_for_end(self) -> int:
        """Look for an end tag alone, as of :func:`split_string`; return where what may be one begins."""
        text = self._text
        for tag in _tags(text, self._searched):
            if _is_start(tag):
                self._may_end = False
                return len(text)
            if tag.end() == len(text):
                return tag.start()
            if not _is_quoted(text, tag):
                self._was_wrong = True
                return 0
            self._searched = tag.end()
        self._searched = max(self._searched, len(text) - _LONGEST + 1)
        for begun in _BEGINNING.finditer(text, self._searched):
            if text[begun.start() :].lower() in _END_PREFIXES:
                return begun.start()
        return len(text)
