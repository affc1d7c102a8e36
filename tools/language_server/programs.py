"""One program as an editor sees it: the files on disk, those that are open over them, and what the compiler says.

Rule: a file is open (its text is the buffer's) or on disk (its text is read again when its size or time has changed).
Checking is lazy and incremental: a change only marks the program; whoever asks next checks it, and the compiler does
again what the change touches (:mod:`bamlvm.compiler.project`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bamlvm.build.cache import Cache, fingerprint, key_of
from bamlvm.build.inputs import read_text, shown
from bamlvm.build.loading import load_standard
from bamlvm.build.sources import baml_files
from bamlvm.compiler.project import Project, Stages
from bamlvm.errors import HostError
from bamlvm.grammar.diagnostics import Diagnostic, with_levels
from bamlvm.tools.language_server.model import Model
from bamlvm.tools.language_server.positions import Encoding, Text, clean
from bamlvm.tools.project import Settings, settings_of
from bamlvm.vm.program.unit import Unit


class _OnDisk(NamedTuple):
    """A file as it was last read; ``problem`` says why it could not be."""

    stamp: tuple[int, int]
    text: str
    problem: str | None = None


class Checked(NamedTuple):
    """The diagnostics of a program by file, at the levels that its settings give them, and what they were made from."""

    stages: Stages
    diagnostics: dict[str, list[Diagnostic]]


class Program:
    """A folder of ``.baml`` files, or one file that belongs to no folder (``folder`` is "").

    Files are named by their path; one that an editor has never saved, by its URI.
    """

    def __init__(self, folder: str, encoding: Encoding) -> None:
        self.folder = folder
        self._encoding: Encoding = encoding
        self._disk: dict[str, _OnDisk] = {}
        self._open: dict[str, Text] = {}
        self._texts: dict[str, Text] = {}
        self._project = Project(standard(), record_uses=True)
        self._settings = Settings()
        self._problem: str | None = None
        self._checked: Checked | None = None
        self._is_new = self._is_fresh = True
        """Whether it was never checked; whether it was not since the disk was read, when its diagnostics are kept for
        the next start of a server."""
        self._model: Model | None = None
        self._variant: tuple[str, str, Model] | None = None
        self.refresh()

    # --- files

    @property
    def files(self) -> dict[str, Text]:
        """Every file of the program, by path, as the editor has it."""
        return self._texts

    @property
    def is_empty(self) -> bool:
        return not self._texts

    def refresh(self) -> None:
        """Read again what has changed on disk: files, and the settings of the project."""
        found: dict[str, _OnDisk] = {}
        failures: list[HostError] = []
        for path in baml_files(self.folder, failures.append) if self.folder else self._open:
            read = _read(path, self._disk.get(path))
            if read is not None:
                found[path] = read
        try:
            settings, problem = settings_of(self.folder) if self.folder else Settings(), None
        except (HostError, OSError) as error:
            settings, problem = Settings(), str(error)
        if failures and problem is None:
            problem = str(failures[0])
        if found != self._disk or settings != self._settings or problem != self._problem:
            self._disk, self._settings, self._problem = found, settings, problem
            self._is_fresh = True
            self._changed()

    def open(self, path: str, text: Text) -> None:
        """Let a file have the text of a buffer."""
        self._open[path] = text
        self._changed(path)

    def close(self, path: str) -> None:
        """Let a file have the text that it has on disk, if it is there."""
        self._open.pop(path, None)
        if self.folder:
            read = _read(path, None)
            if read is not None:
                self._disk[path] = read
            else:
                self._disk.pop(path, None)
        else:
            self._disk.pop(path, None)
        self._changed()

    def _changed(self, path: str | None = None) -> None:
        """Note a change: of one open file, or of any."""
        self._checked = self._model = self._variant = None
        if path is not None and path in self._texts:
            self._texts[path] = self._open[path]
            return
        kept = self._texts
        self._texts = {}
        for each in sorted(self._disk.keys() | self._open.keys()):
            text = self._open.get(each)
            if text is None:
                on_disk = self._disk[each].text
                known = kept.get(each)
                text = known if known is not None and known.text == on_disk else Text(on_disk, self._encoding)
            self._texts[each] = text

    # --- what the compiler says

    @property
    def settings(self) -> Settings:
        return self._settings

    def diagnostics(self) -> dict[str, list[Diagnostic]]:
        """Return the diagnostics of the program as it is now, by file, at the levels that its settings give them.

        Those of a program that was never checked here may be kept from another time: then nothing is compiled yet.
        """
        if self._checked is None and self._is_new:
            kept = Cache.default().read_diagnostics(self._key())
            if kept is not None:
                return self._by_file(kept)
        return self.check().diagnostics

    def check(self) -> Checked:
        """Return the program as it is now, compiled as far as diagnostics need it."""
        if self._checked is None:
            stages = self._project.update({path: text.text for path, text in self._texts.items()}, emit=False)
            if self._is_fresh and self.folder:
                Cache.default().write_diagnostics(self._key(), tuple(stages.diagnostics))
            self._is_new = self._is_fresh = False
            self._checked = Checked(stages, self._by_file(stages.diagnostics))
        return self._checked

    def _by_file(self, diagnostics: Iterable[Diagnostic]) -> dict[str, list[Diagnostic]]:
        found: dict[str, list[Diagnostic]] = {path: [] for path in self._texts}
        for each in with_levels(diagnostics, self._settings.levels, self._settings.strict):
            found[each.span.file].append(each)
        return found

    def _key(self) -> str:
        texts = {path: text.text for path, text in self._texts.items()}
        return key_of(texts, True, "editor", fingerprint())

    def model(self) -> Model:
        """Return what the compiler knows of the names of the program, broken items included as far as they go."""
        if self._model is None:
            stages = self.check().stages
            if any(file.recovered for file in stages.files):
                stages = self._project.recover({path: text.text for path, text in self._texts.items()})
            self._model = Model(stages)
        return self._model

    def variant(self, path: str, text: str) -> Model:
        """Return a model of the program as if a file had another text; the last one is kept."""
        if self._variant is None or self._variant[:2] != (path, text):
            texts = {each: known.text for each, known in self._texts.items()}
            self._variant = (path, text, self.variants(texts | {path: text}))
        return self._variant[2]

    def variants(self, texts: Mapping[str, str]) -> Model:
        """Return a model of the program as if its files had other texts."""
        return Model(self._project.recover(texts))

    def problems(self) -> dict[str, str]:
        """Return why files could not be read, by path."""
        found = {path: each.problem for path, each in self._disk.items() if each.problem and path not in self._open}
        if self._problem is not None and self._texts:
            found.setdefault(next(iter(self._texts)), self._problem)
        return found


def _read(path: str, known: _OnDisk | None) -> _OnDisk | None:
    """Return a file on disk, read again if it has changed; None if there is none.  One that is no text is empty."""
    try:
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size)
        if known is not None and known.stamp == stamp:
            return known
        return _OnDisk(stamp, clean(read_text(path)))
    except FileNotFoundError:
        return None
    except HostError as error:
        return _OnDisk(stamp, "", str(error).removeprefix(f"{shown(path)}: ")) if os.path.lexists(path) else None
    except OSError as error:
        return _OnDisk((0, 0), "", str(error.strerror))


_STANDARD: list[Unit] = []


def standard() -> Unit:
    """Return the standard library, which all programs of the process share."""
    if not _STANDARD:
        _STANDARD.append(load_standard(True, Cache.default()))
    return _STANDARD[0]
