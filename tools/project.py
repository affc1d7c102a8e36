"""The project around a command: the folder of its sources, and its settings.

Rule: both are searched from a folder upwards, so that a command works anywhere in a project.  Settings are the table
``[tool.bamlvm]`` of a ``pyproject.toml``, or a whole ``bamlvm.toml``, which goes first if a folder has both; the
nearest folder that has one counts.

    [tool.bamlvm]
    source = "prompts"        # the folder of the sources, from here; by default baml_src
    format = { indent = 4 }   # the columns of a step of indentation; by default 2
    strict = true             # `check` makes warnings errors
    levels = { E0070 = "error", E0097 = "off" }   # what the warnings of a code count as; "warning" too
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

from bamlvm.errors import HostError

SOURCE: Final = "baml_src"


class FormatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ``bamlvm fmt`` writes."""

    indent: Annotated[int, msgspec.Meta(ge=1, le=16)] = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a project."""

    source: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    format: FormatSettings = FormatSettings()
    strict: bool = False
    levels: dict[str, Literal["error", "warning", "off"]] = {}


def settings_of(folder: str) -> Settings:
    """Return the settings for the files in a folder: the nearest ones, there or above, or the defaults.

    Raises :class:`bamlvm.HostError` for a file that cannot be read, or has a setting that does not exist.
    """
    for each in _upwards(folder):
        found = _settings_in(each)
        if found is not None:
            return found
    return Settings()


def find_program(folder: str = ".") -> str:
    """Return the folder of the program that ``folder`` belongs to.

    It is the nearest one, there or above, that a setting names or that is called ``baml_src``; if there is none,
    ``folder`` itself if it holds ``.baml`` files.  Raises :class:`bamlvm.HostError` if it does not.
    """
    for each in _upwards(folder):
        settings = _settings_in(each)
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
    for each in _upwards(folder):
        real = os.path.realpath(each)
        if os.path.basename(real) == SOURCE:
            return os.path.dirname(real)
        if _settings_in(each) is not None:
            return real
    return os.path.realpath(folder)


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those around it, as seen from where it is seen: ``.``, ``..``, ``../..``."""
    while True:
        yield folder
        parent = os.path.join(folder, os.pardir)
        if os.path.samefile(parent, folder):
            return
        folder = parent


def _settings_in(folder: str) -> Settings | None:
    """Return the settings that files of this very folder hold, or None."""
    for name, table in (("bamlvm.toml", ()), ("pyproject.toml", ("tool", "bamlvm"))):
        path = os.path.normpath(os.path.join(folder, name))
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise HostError(f"{path}: {error.strerror}") from None
        if table and b"bamlvm" not in content:
            continue  # most files of that name: not worth a parser
        found = _table(path, content, table)
        if found is not None:
            return found
    return None


def _table(path: str, content: bytes, keys: tuple[str, ...]) -> Settings | None:
    """Return the settings in one table of a TOML document, or None if it has no such table."""
    import tomllib

    try:
        value: Any = tomllib.loads(content.decode())
        for key in keys:
            value = value.get(key)
            if value is None:
                return None
        return msgspec.convert(value, Settings)
    except (ValueError, AttributeError) as error:  # not UTF-8, not TOML, no such setting, a value where a table belongs
        raise HostError(f"{path}: {error}") from None
