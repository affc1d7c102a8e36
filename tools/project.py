"""The project around a command: the folder of its sources, and its settings (:mod:`bamlvm.build.settings`).

Rule: both are searched from a folder upwards, so that a command works anywhere in a project.
"""

from __future__ import annotations

import os
from typing import Final

from bamlvm.build.settings import FormatSettings, Settings, settings_in, settings_of, upwards
from bamlvm.errors import HostError

__all__ = ["SOURCE", "FormatSettings", "Settings", "find_program", "project_folder", "settings_of"]

SOURCE: Final = "baml_src"


def find_program(folder: str = ".") -> str:
    """Return the folder of the program that ``folder`` belongs to.

    It is the nearest one, there or above, that a setting names or that is called ``baml_src``; if there is none,
    ``folder`` itself if it holds ``.baml`` files.  Raises :class:`bamlvm.HostError` if it does not.
    """
    for each in upwards(folder):
        settings = settings_in(each)
        if settings is not None and settings.source is not None:
            return os.path.normpath(os.path.join(each, settings.source))
        if os.path.isdir(os.path.join(each, SOURCE)):
            return os.path.normpath(os.path.join(each, SOURCE))
    if any(name.endswith(".baml") for name in os.listdir(folder)):
        return folder
    raise HostError(
        f"no program found: there is no folder `{SOURCE}` here or above; name a .baml file or a folder, "
        f"or create {SOURCE}/main.baml"
    )


def project_folder(folder: str) -> str:
    """Return the resolved folder of the project that sources in ``folder`` belong to: the one that holds ``baml_src``,
    or that has settings; if there is none, ``folder`` itself."""
    for each in upwards(folder):
        real = os.path.realpath(each)
        if os.path.basename(real) == SOURCE:
            return os.path.dirname(real)
        if settings_in(each) is not None:
            return real
    return os.path.realpath(folder)
