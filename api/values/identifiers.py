"""Names of a program as names of Python.

A BAML name is a Python identifier; one that is a keyword, or that Python or msgspec give a meaning of their own, is
changed a little: ``class`` is ``class_``, ``__init__`` is ``field__init__``.  No two names that belong together become
the same.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable


def host_names(names: Iterable[str], reserved: Iterable[str] = (), prefix: str = "field") -> dict[str, str]:
    """Python's name for each of the names that belong together; those in ``reserved`` get an underscore."""
    given = list(names)
    taken = {name for name in given if _is_free(name, reserved)}
    found: dict[str, str] = {}
    for name in given:
        made = name
        if made not in taken:
            made = f"{prefix}{made}" if made.startswith("__") else made
            while not _is_free(made, reserved) or made in taken:
                made += "_"
            taken.add(made)
        found[name] = made
    return found


def _is_free(name: str, reserved: Iterable[str]) -> bool:
    return not (keyword.iskeyword(name) or name.startswith("__") or name in reserved)
