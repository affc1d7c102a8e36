"""``baml.base64``: text as UTF-8 in the standard alphabet of RFC 4648."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import Thrown

NATIVES: Final = NativeTable()


@NATIVES.native("baml.base64.encode")
def encode(text: str) -> str:
    """Return the text in Base64."""
    return b2a_base64(text.encode(), newline=False).decode()


@NATIVES.native("baml.base64.decode")
def decode(text: str) -> str:
    """Return the text that is in Base64; padding may be missing."""
    try:
        return a2b_base64(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), strict_mode=True).decode()
    except (Error, ValueError):
        raise Thrown("baml.errors.InvalidArgument", {"message": "the text is not Base64 of UTF-8"}) from None
