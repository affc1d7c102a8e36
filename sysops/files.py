"""``baml.fs``: files as UTF-8 text.  Every operation that may wait for a disk runs in a thread."""

from __future__ import annotations

from io import BufferedReader
from typing import Final

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Subject, boundary, invalid
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import Instance

FILE: Final = "file"


@sysop("baml.fs.open")
async def open_file(scope: Scope, path: str) -> Instance:
    import asyncio

    require(scope, "fs", "baml.fs.open")
    file = await asyncio.to_thread(_open, path)
    try:
        handle = scope.services.handles.open(FILE, scope.owner, file, file.close)
    except BaseException:
        file.close()
        raise
    return scope.new_instance("baml.fs.File", _handle=handle)


@sysop("baml.fs.File.read")
async def file_read(scope: Scope, file: Instance) -> str:
    import asyncio

    source: BufferedReader = scope.services.handles.get(file.get("_handle"), FILE, scope.owner)
    return await asyncio.to_thread(_read_rest, source)


@sysop("baml.fs.File.close")
def file_close(scope: Scope, file: Instance) -> None:
    close = scope.services.handles.close(file.get("_handle"), FILE, scope.owner)
    if close is not None:
        close()


@sysop("baml.fs.read")
async def read(scope: Scope, path: str) -> str:
    import asyncio

    require(scope, "fs", "baml.fs.read")
    return await asyncio.to_thread(_read, path)


@sysop("baml.fs.write")
async def write(scope: Scope, path: str, text: str) -> None:
    import asyncio

    require(scope, "fs", "baml.fs.write")
    await asyncio.to_thread(_write, path, text)


def _subject(action: str, path: str) -> Subject:
    if "\0" in path:
        raise invalid(f"not a path: {path!r}")
    return Subject(f"{action} {path}", path=path)


def _open(path: str) -> BufferedReader:
    with boundary(_subject("opening", path)):
        return open(path, "rb")


def _read_rest(file: BufferedReader) -> str:
    with boundary(_subject("reading", file.name)):
        return file.read().decode("utf-8")


def _read(path: str) -> str:
    with boundary(_subject("reading", path)), open(path, "rb") as file:
        return file.read().decode("utf-8")


def _write(path: str, text: str) -> None:
    with boundary(_subject("writing", path)), open(path, "wb") as file:
        file.write(text.encode("utf-8"))
