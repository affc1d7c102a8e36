"""The modules ``types.ts`` and ``partial_types.ts`` of a TypeScript client: what goes over the wire, as types.

    class               an interface; a field that may be null is optional as well
    enum                an object of its variants, and the type of their names: `Color.Red`, or `"Red"`
    map                 an object type; of a map with enum or literal keys, every key is optional
    type with checks    `Checked<T, "name">` in a result; as an argument it is plain, and a class of such is `…Input`
    media               an object with `url` or `base64`

What is ours comes from ``wire.ts``, imported as `$`, which no BAML name is; global types are not referred to by name,
so that the program may have any name but those that TypeScript reserves, which get an underscore.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from bamlvm.tools.generate.writing import description
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, has_attribute
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
    walk,
)

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_KEYWORDS: Final = """
any arguments as async await bigint boolean break case catch class const continue debugger default delete do else enum
eval export extends false finally for function if implements import in instanceof interface let never new null number
object package private protected public return static string super switch symbol this throw true try type typeof
undefined unknown var void while with yield
"""
KEYWORDS: Final = frozenset(_KEYWORDS.split())
"""What TypeScript does not take as the name of a type, a constant or a parameter."""
_PRIMITIVES: Final = {"int": "number", "float": "number", "string": "string", "bool": "boolean", "null": "null"}
_SHARED: Final = ("Check", "Checked", "Media", "all_succeeded", "get_checks")
"""What ``types.ts`` has of ``wire.ts``, unless the program has such a name; all but ``Media`` are official names."""


class TypeNames:
    """The TypeScript names of a program's types, and of the forms as arguments of those that contain checks."""

    def __init__(self, runtime: Runtime) -> None:
        program = runtime.engine.program
        known = (*program.classes, *program.enums, *program.annotated_aliases)
        own = [name for name in known if not name.startswith("baml.")]
        self.names = typescript_names(own)
        concerned = _with_checks(runtime)
        inputs = [name for name in own if name in concerned and name not in program.enums]
        taken = set(self.names.values())
        self.inputs: dict[str, str] = {}
        for name in inputs:
            made = f"{self.names[name]}Input"
            while made in taken:
                made += "_"
            taken.add(made)
            self.inputs[name] = made


def typescript_names(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Return the TypeScript identifier of each name; one that is reserved gets an underscore."""
    given = list(names)
    taken = set(given)
    refused = {*KEYWORDS, *reserved}
    found = {}
    for name in given:
        made = name
        while made in refused or (made != name and made in taken):
            made += "_"
        taken.add(made)
        found[name] = made
    return found


def _with_checks(runtime: Runtime) -> set[str]:
    """Return the classes, enums and aliases whose values have the outcomes of checks in them."""
    program = runtime.engine.program
    parts: dict[str, list[Type]] = {}
    found = set()
    for name, info in program.classes.items():
        parts[name] = [field.annotated for field in info.fields]
        marks = [info.attributes, *(field.attributes for field in info.fields)]
        if any(has_attribute(each, "check") for each in marks):
            found.add(name)
    found |= {name for name, enum in program.enums.items() if has_attribute(enum.attributes, "check")}
    parts |= {name: [type_] for name, type_ in program.annotated_aliases.items()}
    inner = {name: [part for type_ in types for part in walk(type_)] for name, types in parts.items()}
    found |= {name for name, types in inner.items() if any(map(_is_checked, types))}
    while more := {
        name
        for name, types in inner.items()
        if name not in found and any(isinstance(each, _NAMED) and each.name in found for each in types)
    }:
        found |= more
    return found


_NAMED: Final = (ClassType, EnumType, AliasType)


def _is_checked(type_: Type) -> bool:
    return isinstance(type_, AttributedType) and has_attribute(type_.attributes, "check")


class TypeTexts:
    """Writes types.  ``form`` is that of results, of arguments or of partial values; ``whole`` and ``partial`` are the
    prefixes of names in ``types.ts`` and ``partial_types.ts``."""

    def __init__(self, runtime: Runtime, names: TypeNames, form: str, whole: str = "", partial: str = "") -> None:
        self._runtime = runtime
        self._program = runtime.engine.program
        self._names = names
        self._form = form
        self._whole = whole
        self._partial = partial

    def text(self, type_: Type) -> str:
        """Write a type."""
        match type_:
            case Primitive(name) if name in MEDIA:
                return "$.Media"
            case Primitive(name):
                return _PRIMITIVES.get(name, "unknown")
            case LiteralType(value):
                return json.dumps(value, ensure_ascii=False)
            case ListType(item):
                text = self.text(item)
                return f"({text})[]" if isinstance(item, (UnionType, AttributedType)) and " | " in text else f"{text}[]"
            case MapType(key, value):
                names = self._keys(key)
                return (
                    f"{{ [key: string]: {self.text(value)} }}"
                    if names is None
                    else (f"{{ [key in {names}]?: {self.text(value)} }}")
                )
            case UnionType(parts):
                texts = dict.fromkeys(self.text(part) for part in parts)
                return "unknown" if "unknown" in texts else " | ".join(texts)
            case AttributedType(item, attributes):
                return self.checked(self.text(item), attributes)
            case ClassType(name, _) if name in self._names.names:
                attributes = self._program.classes[name].attributes
                is_partial = self._form == "partial" and not has_attribute(attributes, "stream.done")
                return self.checked(self._name(name, is_partial), attributes)
            case EnumType(name) if name in self._names.names:
                return self.checked(self._name(name, False), self._program.enums[name].attributes)
            case VariantType(_, variant):
                return json.dumps(variant)
            case AliasType(name) if name in self._names.names:
                return self._name(name, self._form == "partial")
            case _:
                return "unknown"

    def field(self, field: FieldInfo) -> tuple[str, bool]:
        """Write the type of a field; return it and whether the field may be left out."""
        may_be_left_out = self._runtime.types.may_be_left_out(field)
        if self._form != "partial":
            is_optional = self._runtime.types.nullable(field.type) if self._form == "argument" else may_be_left_out
            return self._whole_field(field), is_optional
        if has_attribute(field.attributes, "stream.done"):
            text = TypeTexts(self._runtime, self._names, "value", self._whole)._whole_field(field)
        else:
            text = self._whole_field(field)
        if has_attribute(field.attributes, "stream.with_state"):
            return f"$.StreamState<{or_null(text)}>", False
        if has_attribute(field.attributes, "stream.not_null"):
            return text, may_be_left_out
        return or_null(text), True

    def checked(self, text: str, attributes: Iterable[Attribute]) -> str:
        """Write the type of a value inside the outcomes of the checks among ``attributes``."""
        names = [str(each.arguments[0]) for each in attributes if each.name == "check" and each.arguments]
        if self._form == "argument" or not names:
            return text
        if self._form == "partial":  # what may still grow has no outcomes yet
            return f"$.PartlyChecked<{text}, {' | '.join(map(json.dumps, names))}>"
        return f"$.Checked<{text}, {' | '.join(map(json.dumps, names))}>"

    def _whole_field(self, field: FieldInfo) -> str:
        return self.checked(self.text(field.annotated), field.attributes)

    def _name(self, name: str, is_partial: bool) -> str:
        if is_partial:
            return self._partial + self._names.names[name]
        inputs: Mapping[str, str] = self._names.inputs if self._form == "argument" else {}
        return self._whole + inputs.get(name, self._names.names[name])

    def _keys(self, key: Type) -> str | None:
        """Write the keys that a map may have, or return None if any string is one."""
        match key:
            case EnumType(name) if name in self._names.names:
                return self._name(name, False)
            case LiteralType() | VariantType():
                return self.text(key)
            case UnionType(parts):
                found = [self._keys(part) for part in parts]
                return None if None in found else " | ".join(each for each in found if each)
            case AttributedType(item, _):
                return self._keys(item)
            case _:
                return None


def or_null(text: str) -> str:
    """Return the type of what is of another type, or null."""
    return text if text in ("null", "unknown") or text.endswith(" | null") else f"{text} | null"


def comment(text: str, margin: str = "") -> str:
    """Return a documentation comment on lines of its own, or nothing if the text is empty."""
    if not text.strip():
        return ""
    lines = text.replace("*/", "*\\/").split("\n")
    if len(lines) == 1:
        return f"{margin}/** {lines[0].strip()} */\n"
    return (
        f"{margin}/**\n" + "".join(f"{margin} * {line.rstrip()}".rstrip() + "\n" for line in lines) + f"{margin} */\n"
    )


def types_text(runtime: Runtime, names: TypeNames, extension: str) -> str:
    """Return the text of ``types.ts``; ``extension`` is that of the modules that it imports."""
    program = runtime.engine.program
    texts = TypeTexts(runtime, names, "value")
    parts = [_enum(info, names.names[name]) for name, info in program.enums.items() if name in names.names]
    parts += [_class(info, names.names[name], texts) for name, info in program.classes.items() if name in names.names]
    inputs = TypeTexts(runtime, names, "argument")
    for name, made in names.inputs.items():
        if name in program.classes:
            parts.append(_class(program.classes[name], made, inputs, "As an argument: without the outcomes of checks."))
    parts += _aliases(program.annotated_aliases, texts, names.names)
    parts += _aliases(program.annotated_aliases, inputs, names.inputs)
    free = [name for name in _SHARED if name not in {*names.names.values(), *names.inputs.values()}]
    values = [name for name in free if name.islower()]
    types = [name for name in free if not name.islower()]
    body = "".join(f"\n{part}" for part in parts)
    head = imports(body, {"$": "wire"}, extension)
    if types:
        head += f'export type {{ {", ".join(types)} }} from "./wire{extension}";\n'
    if values:
        head += f'export {{ {", ".join(values)} }} from "./wire{extension}";\n'
    return head + body


def partial_types_text(runtime: Runtime, names: TypeNames, extension: str) -> str:
    """Return the text of ``partial_types.ts``."""
    program = runtime.engine.program
    texts = TypeTexts(runtime, names, "partial", "$types.")
    parts = [
        _class(info, names.names[name], texts)
        for name, info in program.classes.items()
        if name in names.names and not has_attribute(info.attributes, "stream.done")
    ]
    parts += _aliases(program.annotated_aliases, texts, names.names)
    body = "".join(f"\n{part}" for part in parts)
    head = imports(body, {"$": "wire", "$types": "types"}, extension)
    if "partial_types" not in names.names.values():
        head += f'export type * as partial_types from "./partial_types{extension}";\n'
    if "StreamState" not in names.names.values():
        head += f'export type {{ StreamState }} from "./wire{extension}";\n'
    return head + body


def imports(body: str, modules: Mapping[str, str], extension: str) -> str:
    """Write the imports of the modules, by their names, that ``body`` refers to."""
    used = [name for name in modules if f"{name}." in body]
    lines = [f'import type * as {name} from "./{modules[name]}{extension}";\n' for name in used]
    return "".join(lines) + "\n" if lines else ""


def _enum(info: EnumInfo, name: str) -> str:
    text = comment(description(info.attributes, info.doc)) + f"export const {name} = {{\n"
    for variant in info.variants:
        text += comment(description(variant.attributes, variant.doc), "  ")
        text += f"  {_key(variant.name)}: {json.dumps(variant.name)},\n"
    values = " | ".join(json.dumps(variant.name) for variant in info.variants) or "never"
    return text + f"}} as const;\nexport type {name} = {values};\n"


def _key(name: str) -> str:
    return json.dumps(name) if name == "__proto__" else name  # bare, it would set the object's prototype


def _class(info: ClassInfo, name: str, texts: TypeTexts, about: str = "") -> str:
    doc = "\n".join(part for part in (description(info.attributes, info.doc), about) if part)
    text = comment(doc) + f"export interface {name} {{\n"
    for field in info.fields:
        type_, may_be_left_out = texts.field(field)
        text += comment(description(field.attributes, field.doc), "  ")
        text += f"  {field.name}{'?' if may_be_left_out else ''}: {type_};\n"
    if has_attribute(info.attributes, "dynamic"):
        text += "  [key: string]: unknown;\n"
    return text + "}\n"


def _aliases(aliases: Mapping[str, Type], texts: TypeTexts, names: Mapping[str, str]) -> list[str]:
    return [f"export type {names[name]} = {texts.text(type_)};\n" for name, type_ in aliases.items() if name in names]
