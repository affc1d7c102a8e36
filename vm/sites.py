"""The sites of a translation's lines, kept small: most are never asked for.

A long function has hundreds of sites, which as objects take several times as much memory as its code.  So they are
packed into bytes; a site is an object again from the first time that its line is left.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from typing import Any

from bamlvm.vm.operands import Site
from bamlvm.vm.semantics import Failure

_NO_SITE = object()


class SiteTable:
    """The sites of lines, by number; not changed once it is made."""

    __slots__ = ("_found", "_objects", "_packed")

    def __init__(self, sites: Mapping[int, Site]) -> None:
        # Bodies and classes of exceptions stand beside the bytes, which have their numbers; 0 is None.
        objects: dict[Any, int] = {None: 0}
        rows = []
        for line, (place, kind, below, arguments, failure, body) in sites.items():
            exceptions, error = (None, "") if failure is None else failure
            numbers = [objects.setdefault(each, len(objects)) for each in (exceptions, body)]
            rows.append((line, place, kind, below, arguments, error, *numbers))
        self._objects = tuple(objects)
        self._packed = marshal.dumps(rows)
        self._found: dict[int, Any] = {}

    def get(self, line: int) -> Site | None:
        """Return the site of a line, or None if it has none."""
        found = self._found.get(line)
        if found is None:
            found = self._found[line] = self._unpacked(line)
        return None if found is _NO_SITE else found

    def _unpacked(self, line: int) -> Any:
        for number, place, kind, below, arguments, error, exceptions, body in marshal.loads(self._packed):
            if number == line:
                classes = self._objects[exceptions]
                failure = None if classes is None else Failure(classes, error)
                return Site(place, kind, below, arguments, failure, self._objects[body])
        return _NO_SITE
