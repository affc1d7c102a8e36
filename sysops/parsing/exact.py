"""Answers that are JSON of their type and nothing else, as most are where no prose is asked for.

Such an answer is read at one go by Python's decoder, in a tenth of the time that looking at its characters takes.  The
value is the one that the scanner reads: whatever is not plainly JSON of the type is left to it, a number in quotes, a
missing key, a key that comes twice, a union of more than one member and null.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from bamlvm.sysops.parsing.base import Plan
from bamlvm.sysops.parsing.results import Inexact

_LONGEST: Final = 100_000
"""Characters of the longest answer that is read so: the decoder lets nothing else run meanwhile."""

_BEGINNING: Final = re.compile(r"[ \t\r\n]*[{\[]")
_KEPT: Final = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[bf]|u[dD][89a-fA-F])")
"""Escapes that the scanner does not read as the decoder does: ``\\beta`` has a backslash, and surrogates may lack their
other half."""


def exact_value(plan: Plan, text: str) -> Any:
    """Return the value of a whole answer.  Raises :class:`Inexact` for one that the scanner is to read."""
    if len(text) > _LONGEST or not _BEGINNING.match(text) or _KEPT.search(text):
        raise Inexact
    try:
        return plan.exact(_DECODER.decode(text))
    except (ValueError, RecursionError):
        raise Inexact from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Inexact
    return made


def _refuse(text: str) -> NoReturn:
    raise Inexact


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
