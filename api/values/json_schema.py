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

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from bamlvm.errors import HostError
from bamlvm.values.classes import Types
from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import FieldInfo
from bamlvm.vm.program.schemas.dialects import ANSWERS, VALUES
from bamlvm.vm.program.schemas.writer import DEFINITIONS, PRIMITIVES, SchemaWriter, media_schema
from bamlvm.vm.program.spelling import did_you_mean, suggestion
from bamlvm.vm.program.types import Attribute, ClassType, EnumType, ListType, Primitive, Type, optional

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Form: TypeAlias = Literal["value", "argument", "answer"]
_CHECK_KEY: Final = "baml.Check"
"""The qualified name that the definition of a check's outcome is named by."""


def json_schema(program: Program, types: Types, name: str, *, aliases: bool = False) -> dict[str, Any]:
    """Return the schema of the type called ``name``: a class, enum or alias, or a function's result; ``[]`` and ``?``
    may follow.

    Raises :class:`bamlvm.HostError` if there is no such type, or if its values have no form as JSON (functions).
    """
    schemas = Schemas(program, types, "answer" if aliases else "value")
    return {"$schema": DIALECT, **schemas.document(named_type(program, name))}


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
    if base in PRIMITIVES:
        return Primitive(base)
    known = [*program.classes, *program.enums, *program.annotated_aliases]
    own = [each for each in known if not each.startswith("baml.")]
    hint = did_you_mean(base, known) or suggestion(base, own) or "it declares none"
    raise HostError(f"the program has no type {base!r} ({hint})")


class Schemas(SchemaWriter):
    """Schemas of one form, for hosts.  Media are definitions where ``media`` has a name for their kind.

    Raises :class:`bamlvm.HostError` for a type whose values have no form as JSON.
    """

    error = HostError

    def __init__(
        self,
        program: Program,
        types: Types,
        form: Form,
        *,
        base: str = DEFINITIONS,
        media: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(program, ANSWERS if form == "answer" else VALUES, base)
        self.last_parts["Check"] += 1
        self._types = types
        self._form = form
        self._media = media or {}

    def checked(self, schema: dict[str, Any], attributes: Iterable[Attribute]) -> dict[str, Any]:
        """Return the schema of a value inside the outcomes of the checks among ``attributes``."""
        names = [str(each.arguments[0]) for each in attributes if each.name == "check" and each.arguments]
        if self._form != "value" or not names:
            return schema
        outcome = self.define(self.name(_CHECK_KEY), _outcome)
        checks = {"type": "object", "properties": dict.fromkeys(names, outcome), "required": [*dict.fromkeys(names)]}
        closed = {"additionalProperties": False}
        properties = {"value": schema, "checks": checks | closed}
        return {"type": "object", "properties": properties, "required": ["value", "checks"]} | closed

    def media(self, kind: str) -> dict[str, Any]:
        """Return the schema of an image or the like, or a reference to that of its kind."""
        return self.define(self._media[kind], media_schema) if kind in self._media else media_schema()

    def may_be_left_out(self, field: FieldInfo) -> bool:
        """Whether an object may lack a field; one with checks is never null itself."""
        return self._types.may_be_left_out(field) if self._form == "value" else super().may_be_left_out(field)


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
