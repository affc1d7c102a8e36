"""A type to its JSON Schema, in a :mod:`dialect <bamlvm.vm.program.schemas.dialects>`.

    class               an object in ``$defs``, nothing beside its fields; a field that may be null may be absent
    enum                its variants' names in ``$defs``, each with its description where there is one
    map                 an object; of a map with enum or literal keys, the keys are listed
    union, literal      ``anyOf``, ``const`` (several literals: ``enum``)
    media               an object with ``url`` or ``base64``, and ``media_type``

Descriptions come from ``@description``, else from doc comments.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from bamlvm.vm.program.declarations import ClassInfo, Declared, EnumInfo, FieldInfo, attribute_text, has_attribute
from bamlvm.vm.program.reach import Declarations, find
from bamlvm.vm.program.schemas.dialects import Dialect
from bamlvm.vm.program.types import (
    MEDIA,
    AliasType,
    Attribute,
    AttributedType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    UnionType,
    VariantType,
    admits_null,
    bare,
    literal_base,
    render,
    walk,
)

DEFINITIONS: Final = "#/$defs/"
"""The base of references inside a document."""

PRIMITIVES: Final[Mapping[str, str]] = {
    "int": "integer",
    "float": "number",
    "string": "string",
    "bool": "boolean",
    "null": "null",
}
"""The JSON Schema types of BAML's primitive types."""


_DEEPEST: Final = 30
"""Definitions inside definitions; those of a longer chain of types are made afterwards, with nothing on the stack."""


class InexpressibleError(Exception):
    """A type that a dialect has no words for; the message names the type and its place."""


class Place(NamedTuple):
    """A place in a type: a class or an alias by its qualified name, and the field of the class."""

    owner: str
    field: str | None = None

    def __str__(self) -> str:
        return self.owner if self.field is None else f"{self.owner}.{self.field}"


class SchemaWriter:
    """Writes schemas.  The types that they refer to are collected in ``definitions`` by name; a reference is ``base``
    and a name.  A type of the program keeps its name; one of the standard library has the last part of its name if no
    other type has that.

    Where hosts read the schemas, subclasses say what else they have (:meth:`checked`, :meth:`media`,
    :meth:`may_be_left_out`).  One that only looks for faults goes on behind each (:meth:`fault`).
    """

    error: type[Exception] = InexpressibleError

    def __init__(self, declared: Declared, dialect: Dialect, base: str = DEFINITIONS) -> None:
        self.definitions: dict[str, Any] = {}
        self.last_parts = Counter(map(_last_part, (*declared.classes, *declared.enums, *declared.aliases)))
        self._declared = declared
        self._dialect = dialect
        self._base = base
        self._place: list[Place] = []
        self._recursive: frozenset[str] = frozenset()
        self._depth = 0
        self._others: deque[tuple[str, Callable[[], dict[str, Any]]]] = deque()

    def document(self, type_: Type, key: str | None = None) -> dict[str, Any]:
        """Return the schema of a type with its definitions in ``$defs``; with ``key``, that of an object that has a
        value of the type under this key.

        Readers of a dialect of their own want the schema itself at the top, not a reference.  Raises
        :class:`InexpressibleError`.
        """
        found = find(bare(type_), Declarations(self._declared.enums, self._declared.classes, self._declared.aliases))
        self._recursive = frozenset((*found.recursive, *found.aliases))
        if self._recursive and not self._dialect.has_cycles:
            names = [*found.recursive, *found.aliases]
            self.fault(f"{self._dialect.name} cannot express a type that contains itself", Place(names[0]))
        root = self.schema(type_)
        if key is None and self._dialect.property_name is not None:
            self._check_names(type_, self._dialect.property_name)
        if key is not None:
            required = [] if self._cycles(type_) else [key]
            root = {"type": "object", "properties": {key: root}, "required": required, "additionalProperties": False}
        target = root.get("$ref", "").removeprefix(self._base)
        if target:
            definitions = self.definitions
            is_needed = f"'{self._base}{target}'" in str(definitions)
            if not is_needed:
                root = definitions.pop(target)
            elif not self._dialect.has_described_references:
                root = definitions[target]
        return root | ({"$defs": self.definitions} if self.definitions else {})

    def schema(self, type_: Type) -> dict[str, Any]:
        """Return the schema of a type, which refers to ``definitions``.  Raises :class:`InexpressibleError`."""
        match type_:
            case Primitive("unknown"):
                return {}
            case Primitive(name) if name in MEDIA:
                return self.media(name)
            case Primitive(name) if name in PRIMITIVES:
                return {"type": PRIMITIVES[name]}
            case LiteralType(value):
                return self._values([value])
            case VariantType(enum, variant):
                return self._values([dict(self._variants(self._declared.enums[enum]))[variant]])
            case ListType(item):
                return {"type": "array", "items": self.schema(item)}
            case MapType(key, value):
                return self._map(key, value)
            case UnionType(parts):
                return self._union(parts)
            case ClassType(name, _) if name in self._declared.classes:
                return self.checked(self._reference(name), self._declared.classes[name].attributes)
            case EnumType(name):
                return self.checked(self._reference(name), self._declared.enums[name].attributes)
            case AliasType(name):
                return self._reference(name)
            case AttributedType(item, attributes):
                return self.checked(self.schema(item), attributes)
            case _:
                return self.fault(f"a value of type {render(type_)} has no form as JSON", self._here())

    def checked(self, schema: dict[str, Any], attributes: Iterable[Attribute]) -> dict[str, Any]:
        """Return the schema of a value whose type has attributes."""
        return schema

    def media(self, kind: str) -> dict[str, Any]:
        """Return the schema of an image or the like."""
        return media_schema()

    def may_be_left_out(self, field: FieldInfo) -> bool:
        """Whether an object may lack a field."""
        return admits_null(field.type, self._declared.aliases)

    def _check_names(self, type_: Type, allowed: re.Pattern[str]) -> None:
        info = self._declared.classes.get(type_.name) if isinstance(type_, ClassType) else None
        for field in info.fields if info is not None else ():
            label = self._label(field.name, field.attributes)
            if not allowed.fullmatch(label) and not has_attribute(field.attributes, "skip"):
                place = Place(str(type_), field.name)
                self.fault(
                    f"{self._dialect.name} cannot express the name {label!r}, only such as fit {allowed.pattern}", place
                )

    def fault(self, message: str, place: Place | None) -> dict[str, Any]:
        """Raise ``error`` for what has no schema, at a place (None for the type itself)."""
        raise self.error(f"{message} ({place})" if place is not None else message)

    def _refuse(self, what: str) -> dict[str, Any]:
        return self.fault(f"{self._dialect.name} cannot express {what}", self._here())

    def _here(self) -> Place | None:
        return self._place[-1] if self._place else None

    def _values(self, values: list[Any]) -> dict[str, Any]:
        """Return the schema of literal values."""
        values = list({(type(each), each): each for each in values}.values())
        if self._dialect.has_constants:
            return {"enum": values} if len(values) > 1 else {"const": values[0]}
        kinds: dict[str, list[Any]] = {}
        for value in values:
            kinds.setdefault(PRIMITIVES[literal_base(LiteralType(value)).name], []).append(value)
        schemas: list[dict[str, Any]] = []
        for kind, found in kinds.items():
            if kind == "boolean" and not self._dialect.has_boolean_values:
                if len(found) == 1:
                    return self._refuse(f"the literal type {render(LiteralType(found[0]))}")
                schemas.append({"type": kind})
            else:
                schemas.append({"type": kind, "enum": found})
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _map(self, key: Type, value: Type) -> dict[str, Any]:
        dialect = self._dialect
        names = self._keys(key)
        if not dialect.has_maps or (names is not None and dialect.all_required):
            return self._refuse(render(MapType(key, value)))
        if names is not None and not dialect.has_key_names:
            properties = {str(name): self.schema(value) for name in names}
            return {"type": "object", "properties": properties, "additionalProperties": False}
        schema = {"type": "object", "additionalProperties": self.schema(value)}
        return schema if names is None else schema | {"propertyNames": {"enum": names}}

    def _keys(self, key: Type) -> list[Any] | None:
        """Return the keys that a map may have, or None if any string is one."""
        match key:
            case EnumType(name):
                return [each for _, each in self._variants(self._declared.enums[name])]
            case LiteralType(value):
                return [value]
            case VariantType(enum, variant):
                return [dict(self._variants(self._declared.enums[enum]))[variant]]
            case UnionType(parts):
                found = [self._keys(part) for part in parts]
                return None if None in found else [name for names in found for name in names or ()]
            case AliasType(name):
                return self._keys(self._declared.aliases[name])
            case _:
                return None

    def _union(self, parts: tuple[Type, ...]) -> dict[str, Any]:
        literals = [part.value for part in parts if isinstance(part, LiteralType)]
        schemas = [self.schema(part) for part in parts if not isinstance(part, LiteralType)]
        if literals:
            schemas.insert(0, self._values(literals))
        simple = [schema.get("type") for schema in schemas if schema.keys() == {"type"}]
        if len(simple) == len(schemas) > 1 and self._dialect.has_type_lists:
            return {"type": simple}
        schemas = [each for schema in schemas for each in (schema["anyOf"] if schema.keys() == {"anyOf"} else [schema])]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _reference(self, name: str) -> dict[str, Any]:
        return self.define(self.name(name), lambda: self._definition(name))

    def name(self, qualified: str) -> str:
        """Return the name of a type's definition."""
        last = _last_part(qualified)
        return last if self.last_parts[last] == 1 else qualified

    def define(self, name: str, schema: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a reference to a definition, which is made if there is none."""
        if name not in self.definitions:
            self.definitions[name] = {}  # keeps its place, and ends the recursion of a recursive type
            if self._depth < _DEEPEST:
                self._depth += 1
                try:
                    self.definitions[name] = schema()
                finally:
                    self._depth -= 1
                if self._depth == 0:
                    self._define_others()
            else:
                self._others.append((name, schema))
        return {"$ref": f"{self._base}{name}"}

    def _define_others(self) -> None:
        """Make the definitions that were too deep inside others."""
        self._depth = 1
        try:
            while self._others:
                name, schema = self._others.popleft()
                self.definitions[name] = schema()
        finally:
            self._depth = 0

    def _definition(self, name: str) -> dict[str, Any]:
        if name in self._declared.aliases:
            self._place.append(Place(name))
            schema = self.schema(self._declared.aliases[name])
            self._place.pop()
            return schema
        if name in self._declared.enums:
            return self._enum(self._declared.enums[name])
        return self._class(self._declared.classes[name])

    def _class(self, info: ClassInfo) -> dict[str, Any]:
        dialect = self._dialect
        properties: dict[str, Any] = {}
        required = []
        for field in info.fields:
            if dialect.aliases and has_attribute(field.attributes, "skip"):
                continue
            self._place.append(Place(info.name, field.name))
            label = self._label(field.name, field.attributes)
            if label in properties:
                self.fault(f"two fields are called {label!r}", self._here())
            whole = self.checked(self.schema(field.annotated), field.attributes)
            properties[label] = self._described(whole, field.attributes, field.doc)
            if dialect.all_required or not (self.may_be_left_out(field) or self._cycles(field.type)):
                required.append(label)
            self._place.pop()
        schema: dict[str, Any] = {"type": "object"} | _description(info.attributes, info.doc)
        schema["properties"] = properties
        if required or dialect.all_required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def _cycles(self, type_: Type) -> bool:
        """Whether a property must not be required because its type leads back to itself."""
        if not self._dialect.cycles_optional:
            return False
        return any(getattr(each, "name", None) in self._recursive for each in walk(type_))

    def _described(self, schema: dict[str, Any], attributes: Iterable[Attribute], doc: str) -> dict[str, Any]:
        description = _description(attributes, doc)
        if not description:
            return schema
        if "$ref" in schema and not self._dialect.has_described_references:
            return {"anyOf": [schema]} | description
        return schema | description

    def _enum(self, info: EnumInfo) -> dict[str, Any]:
        about = _description(info.attributes, info.doc)
        names = dict(self._variants(info))
        if not names:
            return self.fault(f"the enum {info.name} has no variant", self._here())
        described = {each.name: _description(each.attributes, each.doc) for each in info.variants if each.name in names}
        if any(described.values()):
            if self._dialect.has_constants:
                variants = [{"const": names[each]} | described[each] for each in names]
                return {"type": "string"} | about | {"oneOf": variants}
            lines = [f"- {names[each]}: {text['description']}" for each, text in described.items() if text]
            about = {"description": "\n".join([*about.values(), *lines])}
        return {"type": "string"} | about | {"enum": list(dict.fromkeys(names.values()))}

    def _variants(self, info: EnumInfo) -> Iterable[tuple[str, str]]:
        for variant in info.variants:
            if not (self._dialect.aliases and has_attribute(variant.attributes, "skip")):
                yield variant.name, self._label(variant.name, variant.attributes)

    def _label(self, name: str, attributes: Iterable[Attribute]) -> str:
        alias = attribute_text(attributes, "alias") if self._dialect.aliases else None
        return name if alias is None else alias


def description_of(attributes: Iterable[Attribute], doc: str) -> str | None:
    """Return a declaration's description: that of ``@description``, else its doc comment."""
    text = attribute_text(attributes, "description")
    return text if text is not None else doc or None


def _description(attributes: Iterable[Attribute], doc: str) -> dict[str, str]:
    text = description_of(attributes, doc)
    return {} if text is None else {"description": text}


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def media_schema() -> dict[str, Any]:
    """Return the schema of media, of any kind."""
    media_type = {"type": ["string", "null"]}
    return {
        "anyOf": [
            {
                "type": "object",
                "properties": {source: {"type": "string"}, "media_type": media_type},
                "required": [source],
                "additionalProperties": False,
            }
            for source in ("url", "base64")
        ]
    }
