"""The prices of a project, for a runtime that is made of its sources.

Most projects have none, and a start must not wait for the reader of settings: so the files are first searched for the
word, and settings are read only where it stands.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bamlvm.build.inputs import read_input

if TYPE_CHECKING:
    from bamlvm.sysops.prices import Price

_FILES = ("bamlvm.toml", "pyproject.toml")


def found_prices(path: str | os.PathLike[str]) -> dict[str, Price] | None:
    """Return the prices in the settings of the program at a path, a file or a folder, or None if they have none.

    Raises :class:`bamlvm.HostError` for settings that cannot be read.
    """
    folder = os.fspath(path)
    folder = folder if os.path.isdir(folder) else os.path.dirname(folder) or os.curdir
    if not _mentioned(os.path.realpath(folder)):
        return None
    from bamlvm.build.settings import settings_of

    return settings_of(folder).prices or None


def _mentioned(folder: str) -> bool:
    """Whether a file of settings in a folder, or above it, has the word ``prices``.  Raises :class:`HostError`."""
    while True:
        for name in _FILES:
            path = os.path.join(folder, name)
            if os.path.lexists(path) and b"prices" in read_input(path):
                return True
        parent = os.path.dirname(folder)
        if parent == folder:
            return False
        folder = parent
