"""Texts of nothing but what the scanner of answers looks ahead or back for: what they take, in work and in time."""

from __future__ import annotations


def hurtful(field: str, other: str) -> dict[str, str]:
    """Return what to repeat, by name; ``field`` and ``other`` are fields of the class that is read."""
    return {
        "tags": "<think>a</think> ",
        "end tags": "a </think>",
        "half tags": "<thin",
        "quotes": '"',
        "quoted words": '"a" b ',
        "fences": "```json\n",
        "brackets": "[",
        "braces": '{"a": ',
        "full-width": "\uff5b\u201cname\u201d\uff1a\u201cAnn\u201d\uff0c",
        "escaped": '{\\"n\\": ',
        "lost quotes": f'{{"{field}": "a, {other}: "',
        "lines": "\n",
        "names": f", {field}",
        "closing brackets": "]}",
        "next objects": "}, {",
        "denials": "not ",
    }
