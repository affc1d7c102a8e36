"""The grammar of a request's head (RFC 9110, sections 5.5 and 5.6.2; RFC 9112, section 3.2).

Names and values are checked both where a program gives them (as text, so that the error can be the program's) and
where the transport writes them (as bytes, because a transport cannot trust its callers): both use this grammar.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TOKEN_TEXT: Final = re.compile(_TOKEN)
_TOKEN_BYTES: Final = re.compile(_TOKEN.encode())
_VALUE_TEXT: Final = re.compile(r"[\t\x20-\x7e]*")
_VALUE_BYTES: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_TARGET: Final = re.compile(rb"[\x21-\x7e]+")


def is_token(name: str | bytes) -> bool:
    """Whether ``name`` can be a method or the name of a header."""
    if isinstance(name, str):
        return _TOKEN_TEXT.fullmatch(name) is not None
    return _TOKEN_BYTES.fullmatch(name) is not None


def is_field_value(value: str | bytes) -> bool:
    """Whether ``value`` can be the value of a header: text must be ASCII, bytes may also be above it (obs-text)."""
    if isinstance(value, str):
        return _VALUE_TEXT.fullmatch(value) is not None
    return _VALUE_BYTES.fullmatch(value) is not None


def is_target(target: bytes) -> bool:
    """Whether ``target`` can be the path and query of a request line."""
    return _TARGET.fullmatch(target) is not None
