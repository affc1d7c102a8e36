"""The forms in which an answer is asked for: a return type and a client's ``output_mode`` to schemas.

A :class:`Form` is data that three parties read: a wire format writes it into its request, the accumulator learns from
it whether tool calls are the answer, and the parser (:mod:`bamlvm.sysops.parsing.formed`) what to make of them.

    ``json_schema``   one schema, which the text of the answer follows
    ``tool``          a union of classes, or a list of one: a tool for each class; any other type: one tool

What a schema describes is an object.  A type whose values are others (a list, an enum, a union, ``T?``) is *wrapped*:
it is the one property, :data:`KEY`, of an object.  Text needs no schema: a function that returns ``string`` has no
form, and is asked as it is in the mode ``prompt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from bamlvm.vm.program.declarations import Declared
from bamlvm.vm.program.schemas.dialects import Dialect
from bamlvm.vm.program.schemas.writer import SchemaWriter, description_of
from bamlvm.vm.program.types import STRING, ClassType, ListType, MapType, Type, bare, members

KEY: Final = "value"
"""The property of a wrapped value."""

_ANSWER: Final = "answer"
_LONGEST_NAME: Final = 64
_NOT_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class Shape:
    """One schema that is asked for, and the name and description that it has in a request.

    ``type`` is that of the values, without attributes; they are ``wrapped`` or not.  ``description`` is the class's.
    """

    name: str
    description: str | None
    type: Type
    wrapped: bool

    @property
    def purpose(self) -> str:
        """The description of a tool, which providers want to have."""
        return self.description or f"Call this to answer{'' if self.wrapped else f' with {self.name}'}."


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for: ``shapes``, of which an answer has one or, with ``many``, any number.

    ``are_tools``: each shape is a tool, and the name of the one that was called says which shape an answer has.
    """

    are_tools: bool
    shapes: tuple[Shape, ...]
    many: bool
    declared: Declared = field(repr=False)
    _documents: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, repr=False)

    def document(self, shape: Shape, dialect: Dialect) -> dict[str, Any]:
        """Return the schema of a shape, to be read only.

        Raises :class:`bamlvm.vm.program.schemas.writer.InexpressibleError` where the dialect has no words for it.
        """
        key = shape.name, dialect.name
        found = self._documents.get(key)
        if found is None:
            writer = SchemaWriter(self.declared, dialect)
            found = self._documents[key] = writer.document(shape.type, KEY if shape.wrapped else None)
        return found


def form_of(return_type: Type, mode: str, declared: Declared) -> Form | None:
    """Return the form of a return type's answers in an output mode, or None where the prompt alone asks for them."""
    type_ = bare(return_type)
    if mode == "prompt" or type_ == STRING:
        return None
    are_tools = mode == "tool"
    many = isinstance(type_, ListType)
    alternatives = members(type_.item if isinstance(type_, ListType) else type_)
    if are_tools and len(alternatives) > 1 and all(_is_class(each, declared) for each in alternatives):
        names: dict[str, Type] = {}
        for each in alternatives:
            name = _name(each, declared)
            names[_valid(str(each)) if name in names else name] = each
        return Form(True, tuple(_shape(name, each, declared) for name, each in names.items()), many, declared)
    return Form(are_tools, (_shape(_name(type_, declared), type_, declared),), False, declared)


def _shape(name: str, type_: Type, declared: Declared) -> Shape:
    if not _is_class(type_, declared):
        return Shape(name, None, type_, not isinstance(type_, MapType))
    info = declared.classes[str(type_)]
    return Shape(name, description_of(info.attributes, info.doc), type_, False)


def _is_class(type_: Type, declared: Declared) -> bool:
    return isinstance(type_, ClassType) and type_.name in declared.classes


def _name(type_: Type, declared: Declared) -> str:
    return _valid(str(type_).rpartition(".")[2]) if _is_class(type_, declared) else _ANSWER


def _valid(name: str) -> str:
    return _NOT_IN_NAME.sub("_", name)[:_LONGEST_NAME]
