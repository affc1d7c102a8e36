"""``Image Audio Pdf Video`` with the constructors of ``baml_py``; values are :class:`bamlvm.Media`."""

from __future__ import annotations

from typing import ClassVar

from bamlvm.compat.errors import BamlInvalidArgumentError
from bamlvm.values.media import new_media
from bamlvm.vm.values import Media


class _Kind:
    kind: ClassVar[str]

    @classmethod
    def from_url(cls, url: str) -> Media:
        """Return media at a URL.  Raise :class:`BamlInvalidArgumentError` for a malformed one."""
        try:
            return new_media(cls.kind, "url", url, None)
        except ValueError as error:
            raise BamlInvalidArgumentError(str(error)) from None

    @classmethod
    def from_base64(cls, media_type: str, base64: str) -> Media:
        """Return media from base64 text.  Raise :class:`BamlInvalidArgumentError` for a malformed one."""
        try:
            return new_media(cls.kind, "base64", base64, media_type)
        except ValueError as error:
            raise BamlInvalidArgumentError(str(error)) from None


class Image(_Kind):
    """Images: values of the BAML type ``image``."""

    kind = "image"


class Audio(_Kind):
    """Audio: values of the BAML type ``audio``."""

    kind = "audio"


class Pdf(_Kind):
    """PDFs: values of the BAML type ``pdf``; their media type is known."""

    kind = "pdf"

    @classmethod
    def from_base64(cls, base64: str, media_type: str = "application/pdf") -> Media:  # type: ignore[override]  # as there
        """Return a PDF from base64 text.  Raise :class:`BamlInvalidArgumentError` for a malformed one."""
        return super().from_base64(media_type, base64)


class Video(_Kind):
    """Videos: values of the BAML type ``video``."""

    kind = "video"
