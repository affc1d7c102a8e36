"""A JSON Schema as a document: references into it, and the schemas of an ``allOf`` as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from bamlvm.dynamic.schema_keywords import SILENT, SchemaError, check_shape


class Document:
    """A whole schema.  ``own`` is where it describes itself: behind the reference that it may consist of."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._merged: dict[str, Mapping[str, Any]] = {}  # by where the schema stands
        target = root.get("$ref") if isinstance(root, Mapping) else None
        self.own: Final = target if isinstance(target, str) else "#"

    def target(self, target: Any, path: str) -> Any:
        """Return the schema that a reference points to."""
        if not isinstance(target, str) or not (target == "#" or target.startswith("#/")):
            raise SchemaError(f"{path}/$ref: {target!r} is outside of this schema: only #/… can be followed")
        found = self._root
        for step in target.split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise SchemaError(f"{path}/$ref: there is no {target}")
        return found

    def merged(self, schema: Mapping[str, Any], path: str, through: tuple[str, ...]) -> dict[str, Any]:
        """Return what all schemas of an ``allOf``, and what stands beside it, say together."""
        found = {key: value for key, value in schema.items() if key != "allOf"}
        for place, part in enumerate(list_of(schema["allOf"], f"{path}/allOf")):
            where = f"{path}/allOf/{place}"
            seen = through
            while isinstance(part, Mapping) and set(part) - {"description", "title"} == {"$ref"}:
                if part["$ref"] in seen:
                    raise SchemaError(f"{where}: it refers to itself without end")
                seen = (*seen, part["$ref"])
                part = self.target(part["$ref"], where)
            if not isinstance(part, Mapping):
                raise SchemaError(f"{where}: expected an object, got {part!r}")
            check_shape(part, where)
            if "allOf" in part:
                own = where if seen == through else seen[-1]
                if own not in self._merged:
                    self._merged[own] = self.merged(part, where, seen)
                part = self._merged[own]
            for key, value in part.items():
                if key == "properties" and key in found:
                    for name, each in value.items():
                        if found[key].get(name, each) != each:
                            raise SchemaError(f"{where}/properties/{name}: it is there already, with another schema")
                    found[key] = {**found[key], **value}
                elif key == "required" and key in found:
                    found[key] = [*dict.fromkeys((*found[key], *value))]
                elif key in ("title", "description", "$defs", "definitions"):
                    found.setdefault(key, value)
                elif found.setdefault(key, value) != value:
                    raise SchemaError(f"{where}/{key}: another part says {found[key]!r}")
        return found


def sole_part(schema: Mapping[str, Any]) -> Any:
    """Return the one schema of an ``allOf`` beside which nothing but notes stands, else None: it is that schema."""
    parts = schema.get("allOf")
    if isinstance(parts, list) and len(parts) == 1 and SILENT.issuperset(schema.keys() - {"allOf"}):
        return parts[0]
    return None


def list_of(value: Any, path: str) -> list[Any]:
    """Return a list.  Raises :class:`SchemaError` for anything else, and for an empty one but of ``required``."""
    if not isinstance(value, list | tuple) or (not value and not path.endswith("/required")):
        raise SchemaError(f"{path}: expected a list, got {value!r}")
    return list(value)


def last(pointer: str) -> str:
    """Return the last step of a pointer."""
    return unquote(pointer.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")
