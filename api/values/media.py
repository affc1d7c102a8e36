"""Media at the border: one form for what hosts give in several.

A ``data:`` URL (RFC 2397) is taken apart, whether it is given as a URL or as base64 data, since most providers take
only bare base64 beside its media type; ``image/jpg`` and its like get the name that is registered.
"""

from __future__ import annotations

import base64
import re
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from bamlvm.vm.values import Media

_REGISTERED: Final = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "audio/mp3": "audio/mpeg"}
"""The registered names (IANA) of media types that are often written otherwise."""


_EXAMPLES: Final = {
    "image": "image/png",
    "audio": "audio/mpeg",
    "pdf": "application/pdf",
    "video": "video/mp4",
}
_MEDIA_TYPE: Final = re.compile(
    r"(?:application|audio|image|text|video|x-[\w-]+)/[\w.+!#$&^-]+(?:;.*)?", re.IGNORECASE | re.ASCII
)


def new_media(kind: str, source: Literal["url", "base64"], data: str, media_type: str | None = None) -> Media:
    """Return media of a kind (``image audio pdf video``) from a URL or base64 text.

    ``media_type`` takes precedence over that of a ``data:`` URL.  Raises :class:`ValueError` for a malformed URL, and
    for a media type that is none.
    """
    if data[:5].lower() == "data:":
        head, comma, payload = data[5:].partition(",")
        if not comma:
            raise ValueError("a data: URL without a comma")
        own, *parameters = (part.strip() for part in head.split(";"))
        media_type = media_type or own or None
        source, data = "base64", payload
        if not any(parameter.lower() == "base64" for parameter in parameters):
            data = base64.b64encode(unquote_to_bytes(payload)).decode()
        elif "%" in data:
            data = unquote_to_bytes(payload).decode("ascii", "replace")
    if source == "base64" and any(character in data for character in "\n\r \t"):
        data = "".join(data.split())  # as base64.encodebytes and the command base64 break it
    if media_type is not None:
        if not _MEDIA_TYPE.fullmatch(media_type):
            fault = f"media of the type {media_type[:20]!r}, which is no media type such as {_EXAMPLES[kind]}"
            is_swapped = _MEDIA_TYPE.fullmatch(data[:80])
            raise ValueError(f"{fault}: the type and the data are swapped" if is_swapped else fault)
        media_type = _REGISTERED.get(media_type.lower(), media_type)
    return Media(kind, media_type, source, data)


def canonical(media: Media) -> Media:
    """Return media in the form that :func:`new_media` makes; the same object if it has that already."""
    made = new_media(media.kind, media.source, media.data, media.mime)
    return media if made == media else made
