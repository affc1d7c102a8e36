"""All that an editor has open: documents, folders, and the programs that they belong to.

Which program a file belongs to is decided as the command line does (:mod:`bamlvm.tools.project`): the nearest folder,
there or above, that settings name or that is called ``baml_src``.  A file outside of such a folder belongs to the
folder of the editor that it lies in directly, or else is a program of its own; so is one that was never saved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pygls.uris import from_fs_path, to_fs_path

from bamlvm.errors import HostError
from bamlvm.tools.language_server.positions import Encoding, Place, Text, clean
from bamlvm.tools.language_server.programs import Program
from bamlvm.tools.project import SOURCE, find_program, settings_of


class Change(NamedTuple):
    """An edit of a document; without a range ``text`` is the whole new text."""

    start: Place | None
    end: Place | None
    text: str


@dataclass
class Document:
    """An open document: its URI as the client writes it, its version as the client counts."""

    uri: str
    path: str
    version: int
    text: Text
    program: Program


class File(NamedTuple):
    """A file of a program, open or not."""

    program: Program
    path: str
    text: Text


class Workspace:
    """The documents, folders and programs of one client."""

    def __init__(self, encoding: Encoding, folders: Iterable[str] = (), plain: Iterable[str] = ()) -> None:
        self.encoding: Encoding = encoding
        self.plain = frozenset(plain)
        """The requests, by method, in whose answers the client shows no Markdown."""
        self._folders: list[str] = [path for uri in folders if (path := _path(uri))]
        self._documents: dict[str, Document] = {}
        self._programs: dict[str, Program] = {}
        self._alone: dict[str, Program] = {}
        self._roots: dict[str, str | None] = {}

    # --- programs

    @property
    def programs(self) -> Sequence[Program]:
        return [*self._programs.values(), *self._alone.values()]

    def discover(self) -> None:
        """Open the programs of the editor's folders."""
        for folder in self._folders:
            root = _nearest(folder)
            if root is not None:
                self._program(root)

    def add_folders(self, uris: Iterable[str]) -> None:
        self._folders += [path for uri in uris if (path := _path(uri))]
        self._rehome()

    def remove_folders(self, uris: Iterable[str]) -> None:
        """Close folders, and the programs in them of which no document is open."""
        gone = {_path(uri) for uri in uris}
        self._folders = [each for each in self._folders if each not in gone]
        self._rehome()

    def refresh(self) -> None:
        """Read again what has changed on disk, files and folders."""
        for program in self.programs:
            program.refresh()
        self._rehome()

    def _rehome(self) -> None:
        """Let every document belong to the program that it belongs to now; close programs without a document that are
        not in a folder of the editor."""
        self._roots.clear()
        for document in self._documents.values():
            before, document.program = document.program, self._program_of(document.path)
            if document.program is not before:
                before.close(document.path)
                document.program.open(document.path, document.text)
        self.discover()
        used = {id(document.program) for document in self._documents.values()}
        wanted = {root for folder in self._folders if (root := _nearest(folder)) is not None}
        for root, program in [*self._programs.items()]:
            if id(program) not in used and (root not in wanted or program.is_empty):
                del self._programs[root]
        for path, program in [*self._alone.items()]:
            if id(program) not in used:
                del self._alone[path]

    def _program_of(self, path: str) -> Program:
        root = self._root(os.path.dirname(path)) if os.path.isabs(path) else None
        if root is not None:
            return self._program(root)
        if path not in self._alone:
            self._alone[path] = Program("", self.encoding)
        return self._alone[path]

    def _program(self, root: str) -> Program:
        if root not in self._programs:
            self._programs[root] = Program(root, self.encoding)
        return self._programs[root]

    def _root(self, folder: str) -> str | None:
        """Return the folder of the program that files in ``folder`` belong to, or None."""
        if folder not in self._roots:
            found = _nearest(folder)
            inside = found is not None and os.path.commonpath((found, folder)) == found
            if found == folder and folder not in self._folders and not _is_source(folder):
                inside = False  # a folder that just holds such files
            self._roots[folder] = found if inside else None
        return self._roots[folder]

    # --- documents

    @property
    def documents(self) -> Iterable[Document]:
        return self._documents.values()

    def open(self, uri: str, version: int, text: str) -> None:
        """Open a document; a second time, it is closed first."""
        self.close(uri)
        path = _path(uri) or uri
        program = self._program_of(path)
        document = Document(uri, path, version, Text(clean(text), self.encoding), program)
        self._documents[uri] = document
        program.open(path, document.text)

    def change(self, uri: str, version: int, changes: Iterable[Change]) -> None:
        """Edit an open document; the edits follow one another."""
        document = self._documents[uri]
        for each in changes:
            if each.start is None or each.end is None:
                document.text = Text(clean(each.text), self.encoding)
            else:
                document.text = document.text.edited(each.start, each.end, clean(each.text))
        document.version = version
        document.program.open(document.path, document.text)

    def close(self, uri: str) -> None:
        """Close a document, if it is open: its file is as on disk again."""
        document = self._documents.pop(uri, None)
        if document is not None:
            document.program.close(document.path)
            self._alone.pop(document.path, None)

    def document(self, uri: str) -> Document | None:
        return self._documents.get(uri)

    def file(self, uri: str) -> File | None:
        """Return the file of a URI, open or of a program that is open, or None."""
        document = self._documents.get(uri)
        if document is not None:
            return File(document.program, document.path, document.text)
        path = _path(uri)
        for program in self._programs.values():
            if path in program.files:
                return File(program, path, program.files[path])
        return None

    def uri(self, path: str) -> str:
        """Return the URI of a file: as the client writes it if the file is open."""
        for document in self._documents.values():
            if document.path == path:
                return document.uri
        return str(from_fs_path(path)) if os.path.isabs(path) else path

    def versions(self) -> Iterator[tuple[str, int]]:
        """Yield the path of each open document and its version."""
        for document in self._documents.values():
            yield document.path, document.version


def _nearest(folder: str) -> str | None:
    """Return the folder of the program that a command in ``folder`` would take, or None."""
    try:
        return os.path.abspath(find_program(folder))
    except HostError:
        return _source_around(folder)  # settings that cannot be read must not take the project apart
    except OSError:
        return None


def _source_around(folder: str) -> str | None:
    """Return the nearest folder ``baml_src``, there or above, whatever settings say; None if there is none."""
    while True:
        for found in (folder, os.path.join(folder, SOURCE)):
            if os.path.basename(found) == SOURCE and os.path.isdir(found):
                return found
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _is_source(folder: str) -> bool:
    """Whether a folder is that of a program because of its name or because settings name it."""
    try:
        return os.path.basename(folder) == SOURCE or settings_of(folder).source is not None
    except (HostError, OSError):
        return False


def _path(uri: str) -> str | None:
    """Return the path that a URI names, or None if it names no file."""
    path = to_fs_path(uri)
    return os.path.normpath(path) if path else None
