"""Media types of files by their names, as providers call them.  Imported where a file becomes media."""

from __future__ import annotations

import mimetypes
import os
from typing import Final

_BY_SUFFIX: Final = {  # those that some systems' tables lack, or name otherwise than providers do
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}


def media_type_by_name(path: str) -> str | None:
    """Return the media type that a file's name says, such as ``image/png``, or None."""
    return _BY_SUFFIX.get(os.path.splitext(path)[1].lower()) or mimetypes.guess_type(os.path.basename(path))[0]
