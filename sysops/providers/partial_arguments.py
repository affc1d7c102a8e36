"""The arguments of a tool call that come leaf by leaf, as one JSON text that grows.

Documents: "Function calling: Stream function call arguments", ``FunctionCall`` and ``PartialArg`` (Vertex AI); RFC
9535, *JSONPath*, of which only paths to one place occur: ``$.rooms[0].name``, ``$['a key']``.

A model writes its arguments in the order of the text that they are, so each leaf belongs right behind the one before:
:meth:`PartialArguments.write` closes what the next path leaves, and opens what it enters.  What is written is never
taken back, so a path that leads back into what is closed, names a place twice or leaves out an item of a list is
refused: no order of such parts is safe to guess.

A string comes in pieces, and ends with the piece that does not say that it continues.  Any other value is one piece.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

Step = str | int
"""A key of an object, or an index of a list."""

_ROOT: Final = re.compile(r"\$\.?")
_STEP: Final = re.compile(
    r"""\[\s*(?:(?P<index>\d{1,9})|'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)")\s*\]\.?|(?P<name>[^.\[]+)\.?""",
    re.DOTALL,
)


def steps_of(path: str) -> list[Step]:
    """Return the steps of a JSONPath to one place.  Raises :class:`ValueError` for any other."""
    root = _ROOT.match(path)
    place = root.end() if root else 0
    steps: list[Step] = []
    while place < len(path):
        found = _STEP.match(path, place)
        if found is None:
            raise ValueError(f"has a path that cannot be read, {path!r}")
        place = found.end()
        index, single, double, name = found.group("index", "single", "double", "name")
        if index is not None:
            steps.append(int(index))
        elif name is not None:
            steps.append(name)
        else:
            steps.append(_unescaped(double if single is None else single.replace("\\'", "'").replace('"', '\\"'), path))
    if not steps or not isinstance(steps[0], str):
        raise ValueError(f"has a path that leads to no argument, {path!r}")
    return steps


def _unescaped(key: str, path: str) -> str:
    try:
        return msgspec.json.decode(f'"{key}"', type=str)
    except msgspec.DecodeError:
        raise ValueError(f"has a path that cannot be read, {path!r}") from None


class PartialArguments:
    """One object, written leaf by leaf.

    ``_path`` leads to the leaf written last.  ``_within`` has, for each step of it, what the object or list that the
    step is in has so far: the keys of an object, or the number of a list's items.
    """

    __slots__ = ("_in_string", "_is_closed", "_path", "_within")

    def __init__(self) -> None:
        self._path: list[Step] = []
        self._within: list[set[str] | int] = []
        self._in_string = False
        self._is_closed = False

    def write(self, path: list[Step], value: Any, continues: bool = False) -> str:
        """Return the text that sets the place of ``path`` to ``value`` (``msgspec.UNSET`` for nothing yet); of a
        string, that adds a piece to it.

        Raises :class:`ValueError`, whose message is a predicate, for a place that cannot be written any more.
        """
        if self._is_closed:
            raise ValueError("adds arguments to a call that has ended")
        if path == self._path and self._in_string:
            if value is msgspec.UNSET or isinstance(value, str):
                return self._piece(value or "", continues)
            raise ValueError(f"has something else than the rest of the text at {_shown(path)}")
        if value is msgspec.UNSET:
            return self._end_string() if path == self._path else ""
        text = self._end_string() + self._enter(path)
        if isinstance(value, str):
            self._in_string = True
            return text + '"' + self._piece(value, continues)
        return text + msgspec.json.encode(value).decode()

    def close(self) -> str:
        """Return the text that ends the object; "" if nothing was written."""
        if self._is_closed or not self._path:
            return ""
        self._is_closed = True
        return self._end_string() + self._leave(0) + "}"

    def _piece(self, piece: str, continues: bool) -> str:
        text = msgspec.json.encode(piece).decode()[1:-1]
        return text if continues else text + self._end_string()

    def _end_string(self) -> str:
        if not self._in_string:
            return ""
        self._in_string = False
        return '"'

    def _leave(self, depth: int) -> str:
        """Close the objects and lists inside the one that step ``depth`` is in."""
        closed = ["}" if isinstance(within, set) else "]" for within in reversed(self._within[depth + 1 :])]
        del self._within[depth + 1 :]
        return "".join(closed)

    def _enter(self, path: list[Step]) -> str:
        """Go from the last leaf to the place of ``path``, where a value may follow."""
        shared = 0
        for one, other in zip(path, self._path, strict=False):
            if one != other:
                break
            shared += 1
        if self._path and shared in (len(path), len(self._path)):
            raise ValueError(f"has a second value for {_shown(path[:shared])}")
        text = [self._leave(shared) if self._path else "{"]
        for depth in range(shared, len(path)):
            step = path[depth]
            if depth == len(self._within):
                self._within.append(set() if isinstance(step, str) else 0)
                text.append("" if depth == 0 else "{" if isinstance(step, str) else "[")
            text.append(self._add(depth, path))
        self._path = path
        return "".join(text)

    def _add(self, depth: int, path: list[Step]) -> str:
        """Begin the member that step ``depth`` names."""
        step, within = path[depth], self._within[depth]
        if isinstance(within, set) and isinstance(step, str):
            if step in within:
                raise ValueError(f"goes back to {_shown(path[: depth + 1])}")
            comma = "," if within else ""
            within.add(step)
            return f"{comma}{msgspec.json.encode(step).decode()}:"
        if isinstance(within, int) and isinstance(step, int):
            if step != within:
                raise ValueError(f"has {_shown(path[: depth + 1])} where item {within} is next")
            self._within[depth] = within + 1
            return "," if within else ""
        raise ValueError(f"has {_shown(path[: depth + 1])}, which is of another kind")


def _shown(path: list[Step]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
