"""JSON Schema (2020-12) of a program's types, in one of three forms:

    value               what :func:`bamlvm.to_builtins` makes of a value
    argument            what a host gives as an argument: the same, but a value has no outcomes of its checks
    answer              what a *model* answers: properties and variants have their aliases, ``@skip`` leaves them out

    class               an object, nothing beside its fields; a field that may be null may be absent
    enum                its variants' names, each with its description where there is one
    map                 an object; of a map with enum or literal keys, the keys are listed
    union, literal      ``anyOf``, ``const`` (several literals: ``enum``)
    media               an object with ``url`` or ``base64``, and ``media_type``
    type with checks    as a value: an object with ``value`` and the outcomes by name, ``checks``

Classes, enums and recursive aliases are definitions that the other schemas refer to.  Descriptions come from
``@description``, else from doc comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from bamlvm.errors import HostError
from bamlvm.values.classes import Types
from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import EnumInfo, FieldInfo, attribute_text, has_attribute
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
    optional,
    render,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Form: TypeAlias = Literal["value", "argument", "answer"]
DEFINITIONS: Final = "#/$defs/"
_CHECK_KEY: Final = "baml.Check"
"""The qualified name that the definition of a check's outcome is named by."""
_PRIMITIVES: Final = {"int": "integer", "float": "number", "string": "string", "bool": "boolean", "null": "null"}


def json_schema(program: Program, types: Types, name: str, *, aliases: bool = False) -> dict[str, Any]:
    """Return the schema of the type called ``name``: a class, enum or alias, or a function's result; ``[]`` and ``?``
    may follow.

    Raises :class:`bamlvm.HostError` if there is no such type, or if its values have no form as JSON (functions).
    """
    schemas = Schemas(program, types, "answer" if aliases else "value")
    root = schemas.schema(named_type(program, name))
    definitions = schemas.definitions
    target = root.get("$ref", "").removeprefix(DEFINITIONS)
    if target and f"'{DEFINITIONS}{target}'" not in str(definitions):  # nothing else refers to it: it becomes the top
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
        return program.annotated_aliases[base]
    if base in program.signatures:
        return program.signatures[base].annotated
    if base in _PRIMITIVES:
        return Primitive(base)
    known = [*program.classes, *program.enums, *program.annotated_aliases]
    own = [each for each in known if not each.startswith("baml.")]
    hint = did_you_mean(base, known) or suggestion(base, own) or "it declares none"
    raise HostError(f"the program has no type {base!r} ({hint})")


class Schemas:
    """Schemas of one form.  The types that they refer to are collected in ``definitions`` by name; a reference is
    ``base`` and a name.  A type of the program keeps its name; one of the standard library has the last part of its
    name if no other type has that.  Media are definitions too where ``media`` has a name for their kind.
    """

    def __init__(
        self,
        program: Program,
        types: Types,
        form: Form,
        *,
        base: str = DEFINITIONS,
        media: Mapping[str, str] | None = None,
    ) -> None:
        self.definitions: dict[str, Any] = {}
        self._program = program
        self._types = types
        self._form = form
        self._aliases = form == "answer"
        self._base = base
        self._media = media or {}
        known = (*program.classes, *program.enums, *program.annotated_aliases, _CHECK_KEY)
        self._last_parts = Counter(_last_part(name) for name in known)

    def schema(self, type_: Type) -> dict[str, Any]:
        """Return the schema of a type.  Raises :class:`bamlvm.HostError` if its values have no form as JSON."""
        match type_:
            case Primitive("unknown"):
                return {}
            case Primitive(name) if name in MEDIA:
                if name in self._media:
                    return self._define(self._media[name], _media)
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
                return self.checked(self._reference(name), self._program.classes[name].attributes)
            case EnumType(name):
                return self.checked(self._reference(name), self._program.enums[name].attributes)
            case AliasType(name):
                return self._reference(name)
            case AttributedType(item, attributes):
                return self.checked(self.schema(item), attributes)
            case _:
                raise HostError(f"a value of type {render(type_)} has no form as JSON")

    def checked(self, schema: dict[str, Any], attributes: Iterable[Attribute]) -> dict[str, Any]:
        """Return the schema of a value inside the outcomes of the checks among ``attributes``."""
        names = [str(each.arguments[0]) for each in attributes if each.name == "check" and each.arguments]
        if self._form != "value" or not names:
            return schema
        outcome = self._define(self._name(_CHECK_KEY), _outcome)
        checks = {"type": "object", "properties": dict.fromkeys(names, outcome), "required": [*dict.fromkeys(names)]}
        closed = {"additionalProperties": False}
        properties = {"value": schema, "checks": checks | closed}
        return {"type": "object", "properties": properties, "required": ["value", "checks"]} | closed

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
        return self._define(self._name(name), lambda: self._definition(name))

    def _name(self, qualified: str) -> str:
        last = _last_part(qualified)
        return last if self._last_parts[last] == 1 else qualified

    def _define(self, name: str, schema: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a reference to a definition, which is made if there is none."""
        if name not in self.definitions:
            self.definitions[name] = {}  # keeps its place, and ends the recursion of a recursive type
            self.definitions[name] = schema()
        return {"$ref": f"{self._base}{name}"}

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
            whole = self.checked(self.schema(field.annotated), field.attributes)
            properties[label] = whole | _described(field.attributes, field.doc)
            if not self._may_be_left_out(field):
                required.append(label)
        schema: dict[str, Any] = {"type": "object"} | _described(info.attributes, info.doc)
        schema["properties"] = properties
        if required:
            schema["required"] = required
        schema["additionalProperties"] = False
        return schema

    def _may_be_left_out(self, field: FieldInfo) -> bool:
        if self._form == "value":
            return self._types.may_be_left_out(field)
        return self._types.nullable(field.type)

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


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _described(attributes: Iterable[Attribute], doc: str) -> dict[str, str]:
    text = attribute_text(attributes, "description")
    if text is None:
        text = doc or None
    return {} if text is None else {"description": text}


def _outcome() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The outcome of a check.",
        "properties": {
            "name": {"type": "string"},
            "expression": {"type": "string"},
            "status": {"enum": ["succeeded", "failed"]},
        },
        "required": ["name", "expression", "status"],
        "additionalProperties": False,
    }


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
