"""The settings of a project: ``[tool.bamlvm]`` of a ``pyproject.toml``, or a whole ``bamlvm.toml``, which goes first if
a folder has both; the nearest folder that has one counts, here or above.

    [tool.bamlvm]
    source = "prompts"        # the folder of the sources, from here; by default baml_src
    format = { indent = 4 }   # the columns of a step of indentation; by default 2
    strict = true             # `check` makes warnings errors
    levels = { E0070 = "error", E0097 = "off" }   # what the warnings of a code count as; "warning" too

    [tool.bamlvm.prices."gpt-4o*"]                # per million tokens; see docs/caching.md
    input = 2.50
    output = 10
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from bamlvm.build.inputs import decode, read_input, shown
from bamlvm.errors import HostError
from bamlvm.sysops.prices import Price, Prices, price_from


class FormatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ``bamlvm fmt`` writes."""

    indent: Annotated[int, msgspec.Meta(ge=1, le=16)] = 2


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a project."""

    source: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    format: FormatSettings = FormatSettings()
    strict: bool = False
    levels: dict[str, Literal["error", "warning", "off"]] = {}
    prices: dict[str, Price] = {}

    def __post_init__(self) -> None:
        Prices(self.prices)  # raises what is wrong with them together


def settings_of(folder: str) -> Settings:
    """Return the settings for the files in a folder: the nearest ones, there or above, or the defaults.

    Raises :class:`bamlvm.HostError` for a file that cannot be read, or has a setting that does not exist.
    """
    for each in upwards(folder):
        found = settings_in(each)
        if found is not None:
            return found
    return Settings()


def upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those around it, as seen from where it is seen: ``.``, ``..``, ``../..``."""
    while True:
        yield folder
        parent = os.path.join(folder, os.pardir)
        if os.path.samefile(parent, folder):
            return
        folder = parent


def settings_in(folder: str) -> Settings | None:
    """Return the settings that files of this very folder hold, or None."""
    for name, table in (("bamlvm.toml", ()), ("pyproject.toml", ("tool", "bamlvm"))):
        path = os.path.normpath(os.path.join(folder, name))
        if not os.path.lexists(path):
            continue
        content = read_input(path).removeprefix(b"\xef\xbb\xbf")
        if table and b"bamlvm" not in content:
            continue  # most files of that name: not worth a parser
        found = _table(path, content, table)
        if found is not None:
            return found
    return None


def _table(path: str, content: bytes, keys: tuple[str, ...]) -> Settings | None:
    """Return the settings in one table of a TOML document, or None if it has no such table."""
    import tomllib

    text = decode(content, path)
    try:
        value: Any = tomllib.loads(text, parse_float=Decimal)
        for key in keys:
            value = value.get(key)
            if value is None:
                return None
        if isinstance(value.get("prices"), dict):
            value["prices"] = {name: price_from(name, price) for name, price in value["prices"].items()}
        return msgspec.convert(value, Settings)
    except (ValueError, AttributeError, RecursionError) as error:  # not TOML, no such setting, no table
        raise HostError(f"{shown(path)}: {error}") from None
