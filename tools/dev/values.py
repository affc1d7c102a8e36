"""Values and events as text that arrives as it is.

A page's numbers are doubles and JSON has no infinity, so a value goes to the page as the *text* of its JSON, which the
page indents and shows without reading the numbers.  The text is ASCII: then its length is the same in Python, which
counts characters, and in a browser, which counts UTF-16 units.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from bamlvm.errors import HostError
from bamlvm.values.results import to_builtins

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode


def value_text(value: Any) -> str:
    """Return a result or a partial value as JSON; infinities and NaN are ``Infinity``, ``-Infinity`` and ``NaN``."""
    try:
        return json.dumps(to_builtins(value), separators=(",", ":"), default=str)
    except RecursionError:
        return '"(nested too deeply to be shown)"'
    except (HostError, ValueError) as error:  # it contains itself
        return json.dumps(f"(cannot be shown: {error})")


def encoded(data: Any) -> bytes:
    """Return what is sent to the page as JSON; unlike a value it has ordinary numbers."""
    try:
        return _encode(data)
    except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 has no form for
        return json.dumps(data, default=str).encode()
