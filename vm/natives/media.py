"""The values that LLM functions take besides text: made from an address or from base64, and taken apart."""

from __future__ import annotations

from functools import partial
from typing import Final

from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import Media

NATIVES: Final = NativeTable()


def _from_url(kind: str, url: str, mime: str | None = None) -> Media:
    return Media(kind, mime, "url", url)


def _from_base64(kind: str, base64: str, mime: str | None = None) -> Media:
    return Media(kind, mime, "base64", base64)


def url(media: Media) -> str | None:
    """Return the address; null if it is not known by one."""
    return media.data if media.is_url() else None


def mime_type(media: Media) -> str | None:
    """Return the media type; null if it is not known."""
    return media.mime


def base64(media: Media) -> str:
    """Return the base64 text; the empty string for what is known by its address, as the official runtime does."""
    return media.data if media.is_base64() else ""


for _class in ("Image", "Audio", "Pdf", "Video"):
    NATIVES[f"baml.{_class}.from_url"] = partial(_from_url, _class.lower())
    NATIVES[f"baml.{_class}.from_base64"] = partial(_from_base64, _class.lower())
    NATIVES[f"baml.{_class}.url"] = url
    NATIVES[f"baml.{_class}.mime_type"] = mime_type
    NATIVES[f"baml.{_class}.base64"] = base64
