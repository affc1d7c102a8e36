"""Media for arguments: images, audio, PDFs and videos.

    runtime.functions.Describe(picture=bamlvm.Image.from_file("cat.png"))
    runtime.functions.Describe(picture=bamlvm.Image.from_url("https://example.org/cat.png"))
    runtime.functions.Describe(picture=bamlvm.Image.from_base64(text, "image/png"))

The values are :class:`bamlvm.Media`; the classes here only name their kinds.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from bamlvm.errors import HostError
from bamlvm.tools.argument_files import media_file
from bamlvm.values.media import new_media
from bamlvm.vm.values import Media


class _Kind:
    kind: ClassVar[str]

    @classmethod
    def from_url(cls, url: str, media_type: str | None = None) -> Media:
        """Return media at a URL, which may be a ``data:`` URL.  Raise :class:`HostError` for a malformed one."""
        try:
            return new_media(cls.kind, "url", url, media_type)
        except ValueError as error:
            raise HostError(str(error)) from None

    @classmethod
    def from_base64(cls, data: str, media_type: str | None = None) -> Media:
        """Return media from base64 text, which may be a ``data:`` URL.  Raise :class:`HostError` for a malformed one.

        Providers need the media type, except for a PDF.
        """
        try:
            return new_media(cls.kind, "base64", data, media_type)
        except ValueError as error:
            raise HostError(str(error)) from None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], media_type: str | None = None) -> Media:
        """Return a file's content as media; its media type is that of its name unless given.

        Raises :class:`HostError` if the file cannot be read.
        """
        return media_file(cls.kind, Path(path), media_type)


class Image(_Kind):
    """Images: values of the BAML type ``image``."""

    kind = "image"


class Audio(_Kind):
    """Audio: values of the BAML type ``audio``."""

    kind = "audio"


class Pdf(_Kind):
    """PDFs: values of the BAML type ``pdf``."""

    kind = "pdf"


class Video(_Kind):
    """Videos: values of the BAML type ``video``."""

    kind = "video"
