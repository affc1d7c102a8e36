"""``baml.base64``: text as UTF-8 in the standard alphabet of RFC 4648."""

from __future__ import annotations

from binascii import Error, a2b_base64, b2a_base64
from codecs import getincrementaldecoder
from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import TEXT_PIECE, Lengthy, Work, check_length, due, later

NATIVES: Final = NativeTable()

_AT_ONCE: Final = 1 << 12
"""Characters that are coded at once; more is lengthy work."""


@NATIVES.native("baml.base64.encode")
def encode(text: str) -> str:
    """Return the text in Base64."""
    if len(text) > _AT_ONCE:
        raise Lengthy(_encoded(text))
    if due(len(text)):
        raise Lengthy(later(encode, text))
    return b2a_base64(text.encode(), newline=False).decode()


def _encoded(text: str) -> Work[str]:
    made = ""
    rest = b""
    for place in range(0, len(text), TEXT_PIECE):
        data = rest + text[place : place + TEXT_PIECE].encode()
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        piece = b2a_base64(data[:whole], newline=False).decode()
        check_length(made, piece)
        made += piece
        yield made
    made += b2a_base64(rest, newline=False).decode()
    return made


@NATIVES.native("baml.base64.decode")
def decode(text: str) -> str:
    """Return the text that is in Base64; padding may be missing."""
    if len(text) > _AT_ONCE:
        raise Lengthy(_decoded(text))
    if due(len(text)):
        raise Lengthy(later(decode, text))
    digits = text.rstrip("=")
    try:
        return _bytes_of(digits).decode()
    except ValueError:
        raise _invalid() from None


def _decoded(text: str) -> Work[str]:
    """A piece is so many whole groups of four digits; a character's bytes may lie in two pieces."""
    made = ""
    end = len(text)
    while end and text[end - 1] == "=":
        begin = max(0, end - TEXT_PIECE)
        end = begin + len(text[begin:end].rstrip("="))
        yield None
    digits = text[:end]
    reader = getincrementaldecoder("utf-8")()
    for place in range(0, len(digits), TEXT_PIECE):
        try:
            piece = reader.decode(_bytes_of(digits[place : place + TEXT_PIECE]), place + TEXT_PIECE >= len(digits))
        except ValueError:
            raise _invalid() from None
        check_length(made, piece)
        made += piece
        yield made
    return made


def _bytes_of(digits: str) -> bytes:
    """Return what digits without padding stand for.  Raises :class:`ValueError`."""
    if "=" in digits:
        raise Error("padding before the end")
    return a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)


def _invalid() -> Thrown:
    return Thrown("baml.errors.InvalidArgument", {"message": "the text is not Base64 of UTF-8"})
