"""BAML types as Python annotations in generated code.

Imported names have private aliases, so that no name of the program can hide them: ``_t`` (typing), ``_bamlvm``, and the
package's ``_types`` and ``_partial_types`` (inside these modules their own classes have no prefix).  Built-in types are
written bare, or as ``_b.str`` where something in scope is called ``str``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from bamlvm.tools.generate.writing import References
from bamlvm.values.classes import Types
from bamlvm.values.identifiers import host_names
from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import FieldInfo, has_attribute
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
)

_BUILTINS: Final = {"int": "int", "float": "float", "string": "str", "bool": "bool"}
_OWN_NAMES: Final = (
    "int",
    "float",
    "str",
    "bool",
    "list",
    "dict",
    "ClassVar",
    "_t",
    "_b",
    "_bamlvm",
    "_msgspec",
    "_types",
)


def type_names(program: Program) -> dict[str, str]:
    """Return the Python name of every class, enum and alias that the program declares."""
    known = (*program.classes, *program.enums, *program.annotated_aliases)
    return host_names((name for name in known if not name.startswith("baml.")), _OWN_NAMES, "type")


class Style(NamedTuple):
    """The names of what a client's classes are made with: ``names_checks`` says whether ``checked`` takes the names of
    the checks as well, ``empty`` whether a list or map that has not begun is empty in a partial value, and not None."""

    media: str = "_bamlvm.Media"
    checked: str = "_bamlvm.Checked"
    state: str = "_bamlvm.StreamState"
    names_checks: bool = False
    empty: bool = False


STRUCTS: Final = Style()
MODELS: Final = Style("_m.Media", "_m.Checked", "_m.StreamState", names_checks=True, empty=True)


class Annotations:
    """Writes types.  ``whole`` and ``partial`` are the prefixes of complete and of partial classes' names; with
    ``is_partial`` classes are written in their partial form."""

    def __init__(
        self,
        program: Program,
        types: Types,
        references: References,
        whole: str = "",
        partial: str = "",
        is_partial: bool = False,
        style: Style = STRUCTS,
    ) -> None:
        self._program = program
        self._types = types
        self._to = references.to
        self._references = references
        self._names = type_names(program)
        self._whole = whole
        self._partial = partial
        self._is_partial = is_partial
        self._style = style

    def text(self, type_: Type, taken: Collection[str] = ()) -> str:
        """Write a type; ``taken`` are the names that mean something else where it is written."""
        match type_:
            case Primitive("null"):
                return "None"
            case Primitive(name) if name in MEDIA:
                return self._to(self._style.media)
            case Primitive(name):
                return self._builtin(_BUILTINS[name], taken) if name in _BUILTINS else self._to("_t.Any")
            case LiteralType(value):
                return f"{self._to('_t.Literal')}[{value!r}]"
            case ListType(item):
                return f"{self._builtin('list', taken)}[{self.text(item, taken)}]"
            case MapType(key, value):
                return f"{self._builtin('dict', taken)}[{self.text(key, taken)}, {self.text(value, taken)}]"
            case UnionType(parts):
                texts = dict.fromkeys(self.text(part, taken) for part in parts)
                return "_t.Any" if "_t.Any" in texts else " | ".join(texts)
            case AttributedType(item, attributes):
                return self._checked(self.text(item, taken), attributes)
            case ClassType(name, _) if name in self._names:
                attributes = self._program.classes[name].attributes
                is_partial = self._is_partial and not has_attribute(attributes, "stream.done")
                return self._checked(self._name(name, is_partial, taken), attributes)
            case EnumType(name) if name in self._names:
                return self._checked(self._name(name, False, taken), self._program.enums[name].attributes)
            case VariantType(name, _) if name in self._names:
                return self._name(name, False, taken)
            case AliasType(name) if name in self._names:
                return self._name(name, self._is_partial, taken)
            case _:
                return self._to("_t.Any")

    def field(self, field: FieldInfo, taken: Collection[str]) -> tuple[str, bool]:
        """Write the type of a field; return it and whether the default is None."""
        if not self._is_partial:
            return self._field(field, taken), self._types.may_be_left_out(field)
        if has_attribute(field.attributes, "stream.done"):
            whole = Annotations(self._program, self._types, self._references, self._whole, style=self._style)
            text = whole._field(field, taken)
        else:
            text = self._field(field, taken)
        if has_attribute(field.attributes, "stream.with_state"):
            return f"{self._to(self._style.state)}[{_or_none(text)}]", False
        if has_attribute(field.attributes, "stream.not_null"):
            return text, self._types.may_be_left_out(field)
        if self.begins_empty(field):
            return text, False
        return _or_none(text), True

    def begins_empty(self, field: FieldInfo) -> bool:
        """Whether a field of a partial value is an empty list or map until it has begun."""
        if not (self._is_partial and self._style.empty) or has_attribute(field.attributes, "stream.done"):
            return False
        return isinstance(field.annotated, (ListType, MapType)) and not has_attribute(field.attributes, "check")

    def _field(self, field: FieldInfo, taken: Collection[str]) -> str:
        return self._checked(self.text(field.annotated, taken), field.attributes)

    def _name(self, name: str, is_partial: bool, taken: Collection[str]) -> str:
        prefix = self._partial if is_partial else self._whole
        host = self._names[name]
        if not prefix and host in taken:
            prefix = "_partial_types." if is_partial else "_types."
        return self._to(prefix + host) if prefix else host

    def _builtin(self, name: str, taken: Collection[str]) -> str:
        return self._to(f"_b.{name}") if name in taken else name

    def _checked(self, text: str, attributes: tuple[Attribute, ...]) -> str:
        names = [str(each.arguments[0]) for each in attributes if each.name == "check" and each.arguments]
        if not has_attribute(attributes, "check"):
            return text
        if self._style.names_checks:
            text += f", {self._to('_t.Literal')}[{', '.join(map(repr, names))}]"
        return f"{self._to(self._style.checked)}[{text}]"


def _or_none(text: str) -> str:
    return text if text in ("None", "_t.Any") or text.endswith(" | None") else f"{text} | None"
