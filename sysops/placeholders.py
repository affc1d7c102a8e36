"""Placeholders for variables that are not set, where no request leaves the process.

They are for the options of clients: a key, an address, a model.  A recording matches a placeholder with whatever was
recorded in its place, so it must be recognised inside a URL or a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

PLACEHOLDER: Final = re.compile(r"http://[a-z0-9-]+\.placeholder\.invalid|\w+-placeholder")
"""The values of :class:`PlaceholderEnvironment`: addresses (by the name of the variable) and all others."""

_ADDRESS_WORDS: Final = ("URL", "URI", "HOST", "ENDPOINT", "ADDRESS")


class PlaceholderEnvironment(Mapping[str, str]):
    """An environment in which every variable is set: those of ``base``, and placeholders for the others."""

    def __init__(self, base: Mapping[str, str]) -> None:
        self._base = base

    def __getitem__(self, name: str) -> str:
        found = self._base.get(name)
        if found is not None:
            return found
        if any(word in name.upper() for word in _ADDRESS_WORDS):
            return f"http://{name.lower().replace('_', '-')}.placeholder.invalid"
        return f"{name}-placeholder"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Iterator[str]:
        return iter(self._base)

    def __len__(self) -> int:
        return len(self._base)
