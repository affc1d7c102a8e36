"""Who may use a server: keys of clients, and the official server's password.

A client proves itself with ``Authorization: Bearer KEY``, ``x-baml-api-key: KEY``, or the password of HTTP Basic
authentication (whatever the user's name), as the official clients do.  Keys are compared by their digests, each with
every one, so that the time that it takes says nothing of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from bamlvm.tools.server.settings import Settings

MISSING: Final = "No authorization metadata"
"""The official server's words for a request without credentials."""

_WRONG: Final = {
    "x-baml-api-key": "Incorrect x-baml-api-key",
    "basic": "Incorrect password provided in basic auth",
    "bearer": "Incorrect bearer token",
}
_UNREADABLE: Final = "The authorization header cannot be read"


class Keys:
    """The keys of a server, as digests."""

    def __init__(self, settings: Settings) -> None:
        given = (*settings.keys, *(() if settings.password is None else (settings.password,)))
        self._digests = [_digest(key.encode()) for key in given]
        self.status = 401 if settings.keys else 403
        """What a request without the right credentials gets: RFC 9110's 401, but the official server's 403 where there
        is its password alone."""

    def __bool__(self) -> bool:
        return bool(self._digests)

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return why a request may not be served, or None."""
        if not self._digests:
            return None
        reason = MISSING
        for name, value in headers:
            if name == b"x-baml-api-key":
                kind, given = "x-baml-api-key", value
            elif name == b"authorization":
                scheme, _, rest = value.partition(b" ")
                kind, given = scheme.lower().decode("latin-1"), rest.strip()
                if kind == "basic":
                    try:
                        given = base64.b64decode(given, validate=True).partition(b":")[2]
                    except (binascii.Error, ValueError):
                        reason = _UNREADABLE
                        continue
                elif kind != "bearer":
                    continue
            else:
                continue
            if self._knows(given):
                return None
            reason = _WRONG[kind]
        return reason

    def _knows(self, given: bytes) -> bool:
        digest = _digest(given)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return found


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
