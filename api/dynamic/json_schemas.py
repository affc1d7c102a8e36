"""JSON Schema → types to be added.  What has no meaning here is an error that names its path; nothing is dropped.

    object with properties        a class; a property that is not required may be null (a list is empty instead)
    object without                a map; of any JSON where ``additionalProperties`` does not say of what
    additionalProperties: true    beside properties: a ``@@dynamic`` class, which keeps what it does not declare
    enum, const                   literals; of strings in ``$defs``, and a ``oneOf`` of described ``const``: an enum
    anyOf, oneOf, type: […]       a union; ``nullable`` adds null
    allOf                         the schemas merged; two that say different things of one keyword are an error
    $ref                          inside of the schema (``#/$defs/Node``, ``#``), recursive ones too
    array                         a list; ``prefixItems`` of one type are a list of that length
    {}, true                      any JSON
    minimum, maxLength, pattern … ``@assert``: the answer is refused as one that does not fit
    default                       the value of a property that is left out or null, if it is a scalar
    description                   ``@description``; ``format``, ``default`` and ``examples`` are told to the model there

``title`` names a class that has no other name, and means nothing elsewhere.  ``$schema $id $comment deprecated readOnly
writeOnly discriminator externalDocs xml`` and ``x-…`` mean nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from bamlvm.dynamic.schema_documents import Document, last, list_of, sole_part
from bamlvm.dynamic.schema_keywords import (
    ASSERTS,
    SchemaError,
    asserted,
    check_shape,
    demand_known,
    implied,
    keywords,
    notes,
)
from bamlvm.vm.program.declarations import Additions, Attribute, ClassInfo, EnumInfo, FieldInfo, VariantInfo
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    LARGEST_TYPE,
    NULL,
    STRING,
    AliasType,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    bare,
    extent,
    members,
    optional,
    union,
    walk,
)
from bamlvm.vm.values import in_i64

_DEPTH: Final = 100
_PLAIN: Final[Mapping[str, Type]] = {"string": STRING, "integer": INT, "number": FLOAT, "boolean": BOOL, "null": NULL}
_JSON_TYPES: Final = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_JSON: Final = "Json"
_ELSEWHERE: Final = ("properties", "const")
"""The keywords of schemas whose description stands elsewhere: on a class, or a variant."""


class SchemaReader:
    """Reads one schema.  ``name`` is that of its own class, ``prefix`` begins the names of all classes and enums, and
    ``taken`` says which names are not free."""

    def __init__(self, schema: Any, name: str | None, prefix: str, taken: Callable[[str], bool]) -> None:
        self._root = schema
        self._document = Document(schema)
        self._prefix = prefix
        self._taken = taken
        self._name = name
        self._json: Type | None = None
        self._open: dict[str, str] = {}  # pointers of schemas without properties that are being read, with their names
        self._recursive: set[str] = set()
        self._types: dict[str, Type] = {}
        self._classes: dict[str, ClassInfo] = {}
        self._enums: dict[str, EnumInfo] = {}
        self._aliases: dict[str, Type] = {}
        self._depth = 0

    def read(self) -> tuple[Type, Additions]:
        """Return the type of the schema, and what it adds.  Raises :class:`SchemaError`."""
        return self._at("#", self._root), self._additions()

    def read_fields(self) -> tuple[ClassInfo, Additions]:
        """Return the schema's own class, which is among the additions only where it refers to itself.

        Raises :class:`SchemaError`, also for a schema that is no object with properties.
        """
        type_ = bare(self._at("#", self._root))
        if not isinstance(type_, ClassType) or type_.name not in self._classes:
            raise SchemaError("#: expected an object with properties")
        info = self._classes.pop(type_.name)
        made = (*self._classes.values(), info)
        types = [field.annotated for each in made for field in each.fields] + [*self._aliases.values()]
        if any(type_ in walk(each) for each in types):  # it is among its own parts
            self._classes[info.name] = info
        return info, self._additions()

    def _additions(self) -> Additions:
        return Additions(tuple(self._classes.values()), tuple(self._enums.values()), tuple(self._aliases.items()))

    # --- schemas ------------------------------------------------------------------------------------------------------

    def _at(self, pointer: str, schema: Any) -> Type:
        """Return the type of a schema that has a name, or is the whole: each is read once."""
        if pointer in self._types:
            return self._types[pointer]
        if pointer in self._open:
            self._recursive.add(pointer)
            return AliasType(self._open[pointer])
        check_shape(schema, pointer)
        hint = (self._name if pointer == self._document.own else None) or last(pointer)
        if hint == "#":
            hint = _title(schema) or "Root"
        if isinstance(schema, Mapping) and "allOf" in schema and sole_part(schema) is None:
            schema = self._document.merged(schema, pointer, (pointer,))
        if isinstance(schema, Mapping) and "properties" in schema:
            made = self._types[pointer] = ClassType(self._new_name(hint))  # before it is read: it may refer to itself
            self._class(schema, pointer, made.name)
            return made
        name = self._open[pointer] = self._new_name(hint)
        type_ = self._type(schema, pointer, hint, named=pointer != "#" or _title(schema) is not None)
        del self._open[pointer]
        if pointer in self._recursive:
            if any(part == AliasType(name) for part in members(bare(type_))):
                raise SchemaError(f"{pointer}: it refers to itself without end")
            self._aliases[name] = type_
            type_ = AliasType(name)
        self._types[pointer] = type_
        return type_

    def _type(self, schema: Any, path: str, hint: str, *, named: bool = False) -> Type:
        """Return the type of a schema; ``hint`` is what a class is called that it needs."""
        check_shape(schema, path)
        if schema is True:
            return self._any()
        if not isinstance(schema, Mapping):
            raise SchemaError(f"{path}: expected a schema, got {schema!r}" if schema is not False else _nothing(path))
        self._depth += 1
        if self._depth > _DEPTH:
            raise SchemaError(f"{path}: nested too deeply")
        try:
            type_ = self._kind(schema, path, hint, named)
        finally:
            self._depth -= 1
        if extent(type_, LARGEST_TYPE)[0] > LARGEST_TYPE:
            raise SchemaError(f"{path}: a type of more than {LARGEST_TYPE} parts")
        return optional(type_) if schema.get("nullable") is True else type_

    def _kind(self, schema: Mapping[str, Any], path: str, hint: str, named: bool) -> Type:
        if "$ref" in schema:
            demand_known(schema, ("$ref",), path)
            return self._reference(schema["$ref"], path)
        if (sole := sole_part(schema)) is not None:
            return self._type(sole, f"{path}/allOf/0", hint)
        if "allOf" in schema:
            return self._type(self._document.merged(schema, path, ()), path, hint, named=named)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._union(schema, key, path, hint)
        if "const" in schema:
            demand_known(schema, ("const", "type"), path)
            return self._literal(schema["const"], f"{path}/const")
        if "enum" in schema:
            demand_known(schema, ("enum", "type"), path)
            return self._enum(schema, path, hint, named)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            demand_known(schema, ("type", *(key for kind in kinds for key in keywords(kind))), path)
            return union(
                self._of_kind({key: schema[key] for key in keywords(kind) if key in schema}, kind, path, hint)
                for kind in list_of(kinds, f"{path}/type")
            )
        return self._of_kind(schema, kinds or implied(schema), path, hint)

    def _of_kind(self, schema: Mapping[str, Any], kind: Any, path: str, hint: str) -> Type:
        match kind:
            case None:
                demand_known(schema, (), path)
                return self._any()
            case "object":
                return self._object(schema, path, hint)
            case "array":
                return self._array(schema, path, hint)
            case str() if kind in _PLAIN:
                group = "number" if kind == "integer" else kind
                demand_known(schema, ("type", *ASSERTS.get(group, ())), path)
                return asserted(_PLAIN[kind], schema, group, path)
            case _:
                raise SchemaError(f"{path}/type: there is no type {kind!r}")

    def _reference(self, target: Any, path: str) -> Type:
        schema = self._document.target(target, path)
        return self._at(str(target), schema)

    def _union(self, schema: Mapping[str, Any], key: str, path: str, hint: str) -> Type:
        demand_known(schema, (key, "type"), path)
        parts = [_of_type(part, schema.get("type"), path) for part in list_of(schema[key], f"{path}/{key}")]
        texts = [part for part in parts if isinstance(part, Mapping) and isinstance(part.get("const"), str)]
        if len(texts) == len(parts) and any("description" in part for part in texts):
            for place, part in enumerate(texts):
                demand_known(part, ("const", "type"), f"{path}/{key}/{place}")
            return self._new_enum([(part["const"], part.get("description")) for part in texts], schema, hint)
        types = []
        for place, part in enumerate(parts):
            own = _title(part) if isinstance(part, Mapping) else None
            types.append(self._type(part, f"{path}/{key}/{place}", own or f"{hint}{place + 1}"))
        return union(types)

    def _literal(self, value: Any, path: str) -> Type:
        if value is None:
            return NULL
        if isinstance(value, bool | str) or (isinstance(value, int) and in_i64(value)):
            return LiteralType(value)
        raise SchemaError(f"{path}: {value!r} cannot be a literal: text, integers, booleans and null can")

    def _enum(self, schema: Mapping[str, Any], path: str, hint: str, named: bool) -> Type:
        values = list_of(schema["enum"], f"{path}/enum")
        if named and all(isinstance(value, str) and value for value in values):
            return self._new_enum([(value, None) for value in values], schema, hint)
        return union(self._literal(value, f"{path}/enum/{place}") for place, value in enumerate(values))

    def _new_enum(self, values: Iterable[tuple[str, str | None]], schema: Mapping[str, Any], hint: str) -> Type:
        name = self._new_name(hint, of_open=True)
        variants = (
            VariantInfo(value, () if about is None else (Attribute("description", (about,)),))
            for value, about in dict(values).items()
        )
        self._enums[name] = EnumInfo(name, tuple(variants), _described(schema))
        return EnumType(name)

    def _array(self, schema: Mapping[str, Any], path: str, hint: str) -> Type:
        demand_known(schema, ("type", "items", "prefixItems", *ASSERTS["array"]), path)
        asserts = dict(schema)
        if "prefixItems" in schema or isinstance(schema.get("items"), list):
            key = "prefixItems" if "prefixItems" in schema else "items"
            items = list_of(schema[key], f"{path}/{key}")
            types = {self._type(each, f"{path}/{key}/{place}", hint) for place, each in enumerate(items)}
            if len(types) != 1 or (key == "prefixItems" and schema.get("items", False) is not False):
                raise SchemaError(f"{path}/{key}: items of different types have no type here: use an object")
            asserts.setdefault("maxItems", len(items))
            (item,) = types
        else:
            item = self._type(schema.get("items", True), f"{path}/items", hint)
        if schema.get("uniqueItems") is True and not all(_is_scalar(part) for part in members(bare(item))):
            raise SchemaError(f"{path}/uniqueItems: it can be asked of text, numbers, booleans and enums only")
        if asserts.get("uniqueItems") is False:
            del asserts["uniqueItems"]
        return asserted(ListType(item), asserts, "array", path)

    def _object(self, schema: Mapping[str, Any], path: str, hint: str) -> Type:
        if "properties" in schema and (schema["properties"] or schema.get("additionalProperties") is False):
            name = self._new_name(_title(schema) or hint)
            self._class(schema, path, name)
            return ClassType(name)
        known = ("type", "properties", "required", "additionalProperties", "propertyNames", *ASSERTS["object"])
        demand_known(schema, known, path)
        if schema.get("required"):
            raise SchemaError(f"{path}/required: properties that are not among the properties")
        more = schema.get("additionalProperties", True)
        if more is False:
            name = self._new_name(_title(schema) or hint)
            self._class(schema, path, name)
            return ClassType(name)
        key: Type = STRING
        if "propertyNames" in schema:
            key = self._type(schema["propertyNames"], f"{path}/propertyNames", f"{hint}Key")
            for part in members(bare(key)):
                is_text = isinstance(part, LiteralType) and isinstance(part.value, str)
                if part != STRING and not is_text and not isinstance(part, EnumType):
                    raise SchemaError(f"{path}/propertyNames: the names are texts")
        made = MapType(key, self._type(more, f"{path}/additionalProperties", f"{hint}Value"))
        return asserted(made, schema, "object", path)

    def _class(self, schema: Mapping[str, Any], path: str, name: str) -> None:
        demand_known(schema, ("type", "properties", "required", "additionalProperties"), path)
        if schema.get("type", "object") not in ("object", ["object", "null"]):
            raise SchemaError(f"{path}/type: {schema['type']!r} has no properties")
        properties = schema.get("properties", {})
        required = set(list_of(schema.get("required", []), f"{path}/required"))
        if missing := required - properties.keys():
            raise SchemaError(f"{path}/required: there is no property {min(map(str, missing))!r}")
        more = schema.get("additionalProperties", False)
        if not isinstance(more, bool) and more != {}:
            raise SchemaError(f"{path}/additionalProperties: beside properties it is true or false")
        attributes = _described(schema)
        if more is not False:
            attributes += (Attribute("dynamic"),)
        self._classes[name] = ClassInfo(name, (), attributes)  # its place, before those that it refers to
        fields = []
        for key, each in properties.items():
            where = f"{path}/properties/{key.replace('~', '~0').replace('/', '~1')}"
            type_ = self._type(each, where, f"{name.removeprefix(self._prefix)}{_camel(key)}")
            is_list = isinstance(bare(type_), ListType)
            if key not in required and not (is_list and isinstance(each, Mapping) and each.get("default", []) == []):
                type_ = optional(type_)
            about = self._about(each)
            marks: tuple[Attribute, ...] = (Attribute("description", (about,)),) if about else ()
            if key not in required and (default := self._default(each, type_, where)) is not None:
                marks += (Attribute("default", (default,)),)
            fields.append(FieldInfo(key, type_, marks))
        self._classes[name] = ClassInfo(name, tuple(fields), attributes)

    def _default(self, schema: Any, type_: Type, path: str) -> str | int | float | bool | None:
        """Return the default of a property if it is a scalar.  Raises :class:`SchemaError` if it does not fit."""
        value = schema.get("default") if isinstance(schema, Mapping) else None
        if not isinstance(value, str | int | float):
            return None
        parts = members(bare(type_))
        for part in parts:
            if isinstance(part, AliasType) or part == _PLAIN[_JSON_TYPES[type(value)]]:
                return value
            if isinstance(part, LiteralType) and type(part.value) is type(value) and part.value == value:
                return value
            if isinstance(part, EnumType) and any(value == each.name for each in self._enums[part.name].variants):
                return value
        if FLOAT in parts and not isinstance(value, bool | str):
            return value
        raise SchemaError(f"{path}/default: {value!r} is no value of the property")

    # --- parts --------------------------------------------------------------------------------------------------------

    def _about(self, schema: Any, seen: set[str] | None = None) -> str:
        """Return what a model is told about a property: its description, and what has no other form.

        ``seen`` are the references whose schemas have been told of.
        """
        if not isinstance(schema, Mapping) or not schema.keys().isdisjoint(_ELSEWHERE):
            return ""
        told = [str(schema["description"])] if schema.get("description") else []
        told += notes(schema)
        inner = [schema.get("items"), schema.get("additionalProperties")]
        inner += [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
        reference = schema.get("$ref")
        seen = set() if seen is None else seen
        if reference is not None and reference not in seen:
            target = self._document.target(reference, "")
            seen.add(reference)
            if isinstance(target, Mapping) and schema.get("description"):
                target = {key: value for key, value in target.items() if key != "description"}
            inner.append(target)
        told += [self._about(part, seen) for part in inner]
        return " ".join(dict.fromkeys(text for text in told if text))

    def _any(self) -> Type:
        """Return the type of any JSON."""
        if self._json is None:
            name = self._new_name(_JSON)
            self._json = AliasType(name)
            parts = (STRING, INT, FLOAT, BOOL, NULL, ListType(self._json), MapType(STRING, self._json))
            self._aliases[name] = union(parts)
        return self._json

    def _new_name(self, hint: str, *, of_open: bool = False) -> str:
        """Return a free name.  The names of schemas that are being read are kept for them; ``of_open``: this is one."""
        reserved = () if of_open else self._open.values()
        name = made = self._prefix + (_camel(hint) or "Type")
        if self._taken(name):
            raise SchemaError(f"the name {name} is taken: give the schema's types a prefix")
        number = 1
        tables = (self._classes, self._enums, self._aliases, reserved)
        while any(name in names for names in tables) or self._taken(name):
            number += 1
            name = f"{made}{number}"
        return name


def _described(schema: Mapping[str, Any]) -> tuple[Attribute, ...]:
    about = schema.get("description")
    return (Attribute("description", (str(about),)),) if about else ()


def _of_type(part: Any, type_: Any, path: str) -> Any:
    """Return an alternative beside which a ``type`` stands, with that type."""
    if type_ is None or not isinstance(part, Mapping):
        return part
    allowed = type_ if isinstance(type_, list) else [type_]
    if "const" in part or "enum" in part:
        values = part["enum"] if "enum" in part else [part["const"]]
        if all(_JSON_TYPES.get(type(value)) in allowed for value in values):
            return part
    elif "type" not in part and "$ref" not in part:
        return {**part, "type": type_}
    elif part.get("type") in allowed:
        return part
    raise SchemaError(f"{path}/type: {type_!r} is not the type of every alternative")


def _is_scalar(type_: Type) -> bool:
    return isinstance(type_, LiteralType | EnumType) or type_ in _PLAIN.values()


def _title(schema: Any) -> str | None:
    title = schema.get("title") if isinstance(schema, Mapping) else None
    return title if isinstance(title, str) and _camel(title) else None


def _camel(text: str) -> str:
    """Return a text as a name: ``first name`` as ``FirstName``; a name as it is, but for its first letter."""
    words = re.findall(r"[A-Za-z0-9_]+", text)
    made = "".join(word[:1].upper() + word[1:] for word in words)
    return f"T{made}" if made[:1].isdigit() else made


def _nothing(path: str) -> str:
    return f"{path}: false: no value fits it"
