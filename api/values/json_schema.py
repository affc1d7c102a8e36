"""JSON Schema (2020-12) of a program's types: the form of :func:`bamlvm.to_builtins` of their values.

    class               an object in ``$defs``, nothing beside its fields; a field that may be null may be absent
    enum                its variants' names in ``$defs``, each with its description where there is one
    map                 an object; of a map with enum or literal keys, the keys are listed
    union, literal      ``anyOf``, ``const`` (several literals: ``enum``)
    media               an object with ``url`` or ``base64``, and ``media_type``

Descriptions come from ``@description``, else from doc comments.  With ``aliases`` the schema is that of a *model's*
answers instead: properties and variants have their aliases, those marked ``@skip`` are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bamlvm.errors import HostError
from bamlvm.values.classes import Types
from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import EnumInfo, attribute_text, has_attribute
from bamlvm.vm.program.spelling import did_you_mean, suggestion
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
    bare,
    optional,
    render,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PRIMITIVES: Final = {"int": "integer", "float": "number", "string": "string", "bool": "boolean", "null": "null"}


def json_schema(program: Program, types: Types, name: str, *, aliases: bool = False) -> dict[str, Any]:
    """Return the schema of the type called ``name``: a class, enum or alias, or a function's result; ``[]`` and ``?``
    may follow.

    Raises :class:`bamlvm.HostError` if there is no such type, or if its values have no form as JSON (functions).
    """
    writer = _Writer(program, types, aliases)
    root = writer.schema(named_type(program, name))
    definitions = writer.definitions
    target = root.get("$ref", "").removeprefix("#/$defs/")
    if target and f"'#/$defs/{target}'" not in str(definitions):  # nothing else refers to it: it becomes the top
        root = definitions.pop(target)
    return {"$schema": DIALECT, **root} | ({"$defs": definitions} if definitions else {})


def named_type(program: Program, name: str) -> Type:
    """Return the type that a name means, with any ``[]`` and ``?`` behind it.  Raises :class:`bamlvm.HostError`."""
    base = name.strip()
    if base.endswith("[]"):
        return ListType(named_type(program, base[:-2]))
    if base.endswith("?"):
        return optional(named_type(program, base[:-1]))
    if base in program.classes:
        return ClassType(base)
    if base in program.enums:
        return EnumType(base)
    if base in program.annotated_aliases:
        return bare(program.annotated_aliases[base])
    if base in program.signatures:
        return program.signatures[base].result
    if base in _PRIMITIVES:
        return Primitive(base)
    known = [*program.classes, *program.enums, *program.annotated_aliases]
    own = [each for each in known if not each.startswith("baml.")]
    hint = did_you_mean(base, known) or suggestion(base, own) or "it declares none"
    raise HostError(f"the program has no type {base!r} ({hint})")


class _Writer:
    """Writes one schema; the types that it refers to are collected in ``definitions``."""

    def __init__(self, program: Program, types: Types, aliases: bool) -> None:
        self.definitions: dict[str, Any] = {}
        self._program = program
        self._types = types
        self._aliases = aliases
        self._names: dict[str, str] = {}

    def schema(self, type_: Type) -> dict[str, Any]:
        match type_:
            case Primitive("unknown"):
                return {}
            case Primitive(name) if name in MEDIA:
                return _media()
            case Primitive(name) if name in _PRIMITIVES:
                return {"type": _PRIMITIVES[name]}
            case LiteralType(value):
                return {"const": value}
            case VariantType(enum, variant):
                return {"const": dict(self._variants(self._program.enums[enum]))[variant]}
            case ListType(item):
                return {"type": "array", "items": self.schema(item)}
            case MapType(key, value):
                return self._map(key, value)
            case UnionType(parts):
                return self._union(parts)
            case ClassType(name, _) if name in self._program.classes:
                return self._reference(name)
            case EnumType(name) | AliasType(name):
                return self._reference(name)
            case AttributedType(item, _):
                return self.schema(item)
            case _:
                raise HostError(f"a value of type {render(type_)} has no form as JSON")

    def _map(self, key: Type, value: Type) -> dict[str, Any]:
        schema = {"type": "object", "additionalProperties": self.schema(value)}
        names = self._keys(key)
        return schema if names is None else schema | {"propertyNames": {"enum": names}}

    def _keys(self, key: Type) -> list[Any] | None:
        """Return the keys that a map may have, or None if any string is one."""
        match key:
            case EnumType(name):
                return [each for _, each in self._variants(self._program.enums[name])]
            case LiteralType(value):
                return [value]
            case VariantType():
                return [self.schema(key)["const"]]
            case UnionType(parts):
                found = [self._keys(part) for part in parts]
                return None if None in found else [name for names in found for name in names or ()]
            case AliasType(name):
                return self._keys(self._program.aliases[name])
            case _:
                return None

    def _union(self, parts: tuple[Type, ...]) -> dict[str, Any]:
        literals = [part.value for part in parts if isinstance(part, LiteralType)]
        schemas = [self.schema(part) for part in parts if not isinstance(part, LiteralType)]
        if literals:
            schemas.insert(0, {"enum": literals} if len(literals) > 1 else {"const": literals[0]})
        simple = [schema.get("type") for schema in schemas if schema.keys() == {"type"}]
        if len(simple) == len(schemas):
            return {"type": simple}
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _reference(self, name: str) -> dict[str, Any]:
        short = self._names.get(name)
        if short is None:
            short = name.rpartition(".")[2]
            short = name if short in self.definitions else short
            self._names[name] = short
            self.definitions[short] = {}  # keeps its place, and ends the recursion of a recursive type
            self.definitions[short] = self._definition(name)
        return {"$ref": f"#/$defs/{short}"}

    def _definition(self, name: str) -> dict[str, Any]:
        if name in self._program.aliases:
            return self.schema(self._program.aliases[name])
        if name in self._program.enums:
            return self._enum(self._program.enums[name])
        info = self._program.classes[name]
        properties = {}
        required = []
        for field in info.fields:
            if self._aliases and has_attribute(field.attributes, "skip"):
                continue
            label = self._label(field.name, field.attributes)
            properties[label] = self.schema(field.type) | _described(field.attributes, field.doc)
            if not self._types.nullable(field.type):
                required.append(label)
        schema: dict[str, Any] = {"type": "object"} | _described(info.attributes, info.doc)
        schema["properties"] = properties
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def _enum(self, info: EnumInfo) -> dict[str, Any]:
        about = _described(info.attributes, info.doc)
        names = dict(self._variants(info))
        described = {each.name: _described(each.attributes, each.doc) for each in info.variants if each.name in names}
        if any(described.values()):
            return {"type": "string"} | about | {"oneOf": [{"const": names[each]} | described[each] for each in names]}
        return {"type": "string"} | about | {"enum": list(names.values())}

    def _variants(self, info: EnumInfo) -> Iterable[tuple[str, str]]:
        for variant in info.variants:
            if not (self._aliases and has_attribute(variant.attributes, "skip")):
                yield variant.name, self._label(variant.name, variant.attributes)

    def _label(self, name: str, attributes: Iterable[Attribute]) -> str:
        alias = attribute_text(attributes, "alias") if self._aliases else None
        return name if alias is None else alias


def _described(attributes: Iterable[Attribute], doc: str) -> dict[str, str]:
    text = attribute_text(attributes, "description")
    if text is None:
        text = doc or None
    return {} if text is None else {"description": text}


def _media() -> dict[str, Any]:
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
