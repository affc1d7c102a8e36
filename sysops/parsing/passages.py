"""The passages of a text that say more than the rest: fenced blocks, emphasis, lines and sentences by themselves.

A model that explains itself names many values and means one.  The passages here are where it puts the one it means:
names (:mod:`.names`) and numbers (:mod:`.numbers`) are looked for there first.  Each function is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_FENCE: Final = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_EMPHASIS: Final = re.compile(r"\*\*([^*\n]+)\*\*|__([^_\n]+)__|\\boxed\{([^}\n]+)\}|`([^`\n]+)`|\*([^*\n]+)\*")
_SENTENCE: Final = re.compile(r"\s*([^\n.!?;:\u2014\u3002]+)(?:[.!?;:]+(?=\s|$)|[\n\u2014\u3002])")
_LABEL: Final = re.compile(r"[:=\uff1a](?=[\s*_`\"'])|\uff1a")


def fenced(text: str) -> list[str]:
    """Return the contents of the closed fenced blocks of a text, in order."""
    if "```" not in text and "~~~" not in text:
        return []
    found: list[str] = []
    mark = ""
    lines: list[str] = []
    for line in text.split("\n"):
        fence = _FENCE.match(line)
        if not mark:
            if fence is not None:
                mark = fence[1]
                lines = []
        elif fence is not None and fence[1].startswith(mark) and not line[fence.end() :].strip():
            found.append("\n".join(lines).strip())
            mark = ""
        else:
            lines.append(line)
    return found


def emphasised(text: str) -> Iterator[str]:
    """Yield what is in bold, in italics, in a code span or in ``\\boxed{…}``."""
    for groups in _EMPHASIS.findall(text):
        yield "".join(groups)


def first_sentence(text: str) -> str:
    """Return the sentence or line that a text begins with; empty if the text is no more than that."""
    match = _SENTENCE.match(text)
    return match[1] if match else ""


def first_line(text: str) -> str:
    """Return the first line of a text; empty if it has only one."""
    line, separator, _ = text.strip().partition("\n")
    return line if separator else ""


def last_line(text: str) -> str:
    """Return the last line of a text; empty if it has only one."""
    _, separator, line = text.strip().rpartition("\n")
    return line if separator else ""


def after_label(text: str) -> str:
    """Return what follows the last colon or equals sign of the last line, as in ``The answer is: B``."""
    line = text.strip().rpartition("\n")[2]
    end = 0
    for match in _LABEL.finditer(line):
        end = match.end()
    return line[end:] if end else ""
