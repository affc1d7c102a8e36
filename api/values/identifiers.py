"""BAML names as Python identifiers.

A BAML name is a Python identifier.  One that is a keyword, or that has a meaning for Python or msgspec, is changed a
little: ``class`` becomes ``class_``, ``__init__`` becomes ``field__init__``.  The names of one class or enum stay
different from each other.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable


def host_names(names: Iterable[str], reserved: Iterable[str] = (), prefix: str = "field") -> dict[str, str]:
    """Return the Python identifier of each name of a class or enum; those in ``reserved`` get an underscore."""
    given = list(names)
    taken = {name for name in given if name.isidentifier() and _is_free(name, reserved)}
    found: dict[str, str] = {}
    for name in given:
        made = name
        if made not in taken:
            if not made.isidentifier():  # of a type that is made at run time
                made = f"{prefix}_" + "".join(c if c.isalnum() or c == "_" else "_" for c in made)
            made = f"{prefix}{made}" if made.startswith("__") else made
            while not _is_free(made, reserved) or made in taken:
                made += "_"
            taken.add(made)
        found[name] = made
    return found


def _is_free(name: str, reserved: Iterable[str]) -> bool:
    return not (keyword.iskeyword(name) or name.startswith("__") or name in reserved)
