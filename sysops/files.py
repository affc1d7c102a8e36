"""``baml.fs``: regular files as UTF-8 text.  Whatever may wait for a disk runs in a thread of its own.

What a program may open is asked in one place, :mod:`bamlvm.sysops.regular_files`; a file that is read must not be
larger than ``Services.max_bytes``.
"""

from __future__ import annotations

import os
from typing import Final

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Subject, boundary, invalid
from bamlvm.sysops.grants import Grants
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import Instance, Media

FILE: Final = "file"


class OpenFile:
    """A file open for reading.  It is closed at once, or where a read is under way in its thread, when that ends."""

    __slots__ = ("_descriptor", "_is_busy", "_is_closed", "_limit", "_subject")

    def __init__(self, path: str, descriptor: int, limit: int) -> None:
        self._subject = _subject("reading", path)
        self._descriptor = descriptor
        self._limit = limit
        self._is_busy = False
        self._is_closed = False

    def read(self) -> str:
        """Return the rest of the file.  Raises :class:`Thrown`."""
        from bamlvm.sysops.regular_files import read_rest

        self._is_busy = True
        try:
            with boundary(self._subject):
                return read_rest(self._descriptor, self._limit).decode("utf-8")
        finally:
            self._is_busy = False
            if self._is_closed:
                os.close(self._descriptor)

    def close(self) -> None:
        """Close the file, once."""
        if not self._is_closed:
            self._is_closed = True
            if not self._is_busy:
                os.close(self._descriptor)


@sysop("baml.fs.open")
async def open_file(scope: Scope, path: str) -> Instance:
    from bamlvm.sysops.threads import in_thread

    require(scope, "fs", "baml.fs.open")
    services = scope.services
    file = await in_thread(_open, path, services.grants, services.max_bytes, drop=OpenFile.close)
    try:
        handle = scope.open(FILE, file, file.close)
    except BaseException:
        file.close()
        raise
    return scope.new_instance("baml.fs.File", _handle=handle)


@sysop("baml.fs.File.read")
async def file_read(scope: Scope, file: Instance) -> str:
    from bamlvm.sysops.threads import in_thread

    source: OpenFile = scope.services.handles.get(file.get("_handle"), FILE, scope.owner)
    return await in_thread(source.read)


@sysop("baml.fs.File.close")
def file_close(scope: Scope, file: Instance) -> None:
    close = scope.services.handles.close(file.get("_handle"), FILE, scope.owner)
    if close is not None:
        close()


@sysop("baml.fs.read")
async def read(scope: Scope, path: str) -> str:
    from bamlvm.sysops.threads import in_thread

    require(scope, "fs", "baml.fs.read")
    return await in_thread(_read, path, scope.services.grants, scope.services.max_bytes)


@sysop("baml.fs.exists")
async def exists(scope: Scope, path: str) -> bool:
    from bamlvm.sysops.threads import in_thread

    require(scope, "fs", "baml.fs.exists")
    return await in_thread(_exists, path, scope.services.grants)


@sysop("baml.Image.from_file")
async def image_from_file(scope: Scope, path: str, mime: str | None = None) -> Media:
    return await _media(scope, "image", path, mime)


@sysop("baml.Audio.from_file")
async def audio_from_file(scope: Scope, path: str, mime: str | None = None) -> Media:
    return await _media(scope, "audio", path, mime)


@sysop("baml.Pdf.from_file")
async def pdf_from_file(scope: Scope, path: str, mime: str | None = None) -> Media:
    return await _media(scope, "pdf", path, mime)


@sysop("baml.Video.from_file")
async def video_from_file(scope: Scope, path: str, mime: str | None = None) -> Media:
    return await _media(scope, "video", path, mime)


async def _media(scope: Scope, kind: str, path: str, mime: str | None) -> Media:
    from bamlvm.sysops.threads import in_thread

    require(scope, "fs", f"baml.{kind.capitalize()}.from_file")
    return await in_thread(_read_media, kind, path, mime, scope.services.grants, scope.services.max_bytes)


@sysop("baml.fs.write")
async def write(scope: Scope, path: str, text: str) -> None:
    from bamlvm.sysops.threads import in_thread

    require(scope, "fs", "baml.fs.write")
    await in_thread(_write, path, text, scope.services.grants)


def _subject(action: str, path: str) -> Subject:
    if "\0" in path:
        raise invalid(f"not a path: {path!r}")
    return Subject(f"{action} {path}", path=path)


def _open(path: str, grants: Grants, limit: int) -> OpenFile:
    from bamlvm.sysops.regular_files import open_to_read

    with boundary(_subject("opening", path)):
        return OpenFile(path, open_to_read(path, grants.fs), limit)


def _read(path: str, grants: Grants, limit: int) -> str:
    from bamlvm.sysops.regular_files import read_file

    with boundary(_subject("reading", path)):
        return read_file(path, limit, grants.fs).decode("utf-8")


def _read_media(kind: str, path: str, mime: str | None, grants: Grants, limit: int) -> Media:
    from base64 import b64encode

    from bamlvm.sysops.media_types import media_type_by_name
    from bamlvm.sysops.regular_files import read_file

    with boundary(_subject("reading", path)):
        content = b64encode(read_file(path, limit, grants.fs)).decode("ascii")
    return Media(kind, mime or media_type_by_name(path), "base64", content)


def _exists(path: str, grants: Grants) -> bool:
    from bamlvm.sysops.regular_files import exists

    with boundary(_subject("looking for", path)):
        return exists(path, grants.fs)


def _write(path: str, text: str, grants: Grants) -> None:
    from bamlvm.sysops.regular_files import open_to_write

    with boundary(_subject("writing", path)):
        content = text.encode("utf-8")
        with open(open_to_write(path, grants.fs), "wb") as file:
            file.write(content)
