"""Compiled programs as data: what the compiler emits, what is cached on disk, what the machine loads.

A :class:`Unit` is one compiled project (or the standard library).  Its functions refer to everything outside themselves
by qualified name, so a function's code depends on nothing but its own source and the signatures it uses; names become
objects when the machine links units.  Everything here is a msgspec struct and travels as MessagePack, never as pickle.

Positions: an instruction's place is stored relative to the item that holds it, so moving an item inside its file
changes ``first_line`` and ``first_column`` only.  Lines and columns count from 1 when shown, from 0 here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from bamlvm.vm.types import Attribute as Attribute
from bamlvm.vm.types import Type

FORMAT = 4
"""Bumped whenever the meaning of anything in this module changes; part of every cache key."""

STRATEGIES = {
    "fallback": "fallback",
    "baml-fallback": "fallback",
    "round-robin": "round-robin",
    "round_robin": "round-robin",
    "baml-round-robin": "round-robin",
}
"""The providers that are strategies over other clients, by every spelling."""

CLOCKS = {
    "connect_timeout_ms": "connect_ms",
    "time_to_first_token_timeout_ms": "time_to_first_token_ms",
    "idle_timeout_ms": "idle_ms",
    "request_timeout_ms": "request_ms",
}
"""The clocks of a client's ``http`` block, and the fields of ``baml.http.Timeouts`` that they set."""

POOLING = "enable_connection_pooling"
"""What an ``http`` block may have beside clocks where the client calls a provider."""

TOTAL = "total_timeout_ms"
"""What it may have beside clocks where the client is a strategy: the time for all attempts that it makes."""

Constant: TypeAlias = int | float | str | bool | None
ConfigValue: TypeAlias = Any
"""Client options: strings, numbers, booleans, lists and string-keyed dicts; ``env.X`` is
:func:`environment_reference`."""


class Handler(msgspec.Struct, frozen=True, array_like=True):
    """One row of a function's exception table: a throw at ``start <= pc < end`` cuts the operand stack to ``depth``,
    pushes the caught error and goes on at ``target``.  Rows are ordered innermost first."""

    start: int
    end: int
    target: int
    depth: int


class JumpTable(msgspec.Struct, frozen=True, array_like=True):
    """Targets by key (integers, or strings for ``type_tag``); ``default`` where no key fits."""

    keys: tuple[int | str, ...]
    targets: tuple[int, ...]
    default: int


class Function(msgspec.Struct, frozen=True, array_like=True):
    """The code of one function.

    ``code`` is flat: an opcode followed by as many operands as its row in the opcode table has.  Jump targets and
    handler ranges are *instruction indexes*, not offsets.  Locals are the parameters, then the captured cells, then
    the rest.  ``positions`` holds triples ``instruction index, line delta, column`` for the instructions from that
    index on.
    """

    name: str
    parameters: tuple[str, ...]
    capture_count: int
    local_count: int
    max_stack: int
    code: tuple[int, ...]
    constants: tuple[Constant, ...] = ()
    names: tuple[str, ...] = ()
    types: tuple[Type, ...] = ()
    tables: tuple[JumpTable, ...] = ()
    handlers: tuple[Handler, ...] = ()
    positions: tuple[int, ...] = ()
    local_names: tuple[str, ...] = ()


class Placed(msgspec.Struct, frozen=True, array_like=True):
    """A function and where its item stands: the file, and the item's first line and column (from 0)."""

    function: Function
    file: str
    first_line: int
    first_column: int


def has_attribute(attributes: Iterable[Attribute], name: str) -> bool:
    """Whether an attribute of this name is there."""
    return any(attribute.name == name for attribute in attributes)


def attribute_text(attributes: Iterable[Attribute], name: str) -> str | None:
    """The first argument of the attribute ``name``, as text; None if there is no such attribute."""
    for attribute in attributes:
        if attribute.name == name and attribute.arguments:
            return str(attribute.arguments[0])
    return None


class FieldInfo(msgspec.Struct, frozen=True, array_like=True):
    """A field; ``annotated`` is its type with the attributes written inside it, where there are any."""

    name: str
    type: Type
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""
    annotated: Type | None = None

    @property
    def annotated_type(self) -> Type:
        """The type with the attributes inside it, if there are any."""
        return self.annotated or self.type


class ClassInfo(msgspec.Struct, frozen=True, array_like=True):
    """A class: its fields in declared order (an instance stores their values by this index)."""

    name: str
    fields: tuple[FieldInfo, ...]
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class VariantInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class EnumInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    variants: tuple[VariantInfo, ...]
    attributes: tuple[Attribute, ...] = ()
    doc: str = ""


class Parameter(msgspec.Struct, frozen=True, array_like=True):
    """A parameter; ``annotated`` is its type with the attributes written on it, where there are any."""

    name: str
    type: Type
    has_default: bool = False
    annotated: Type | None = None

    @property
    def annotated_type(self) -> Type:
        """The type with the attributes on it, if there are any."""
        return self.annotated or self.type


Kind: TypeAlias = Literal["function", "llm", "native", "sysop", "template"]


class Signature(msgspec.Struct, frozen=True, array_like=True):
    """A callable's face.  ``kind`` says what a call of it compiles to; ``throws`` is declared or inferred;
    ``annotated`` is the result's type with the attributes written on it, where there are any."""

    name: str
    kind: Kind
    parameters: tuple[Parameter, ...]
    result: Type
    throws: Type
    type_parameters: tuple[str, ...] = ()
    doc: str = ""
    annotated: Type | None = None

    @property
    def annotated_result(self) -> Type:
        """The result's type with the attributes on it, if there are any."""
        return self.annotated or self.result


class LlmFunctionInfo(msgspec.Struct, frozen=True, array_like=True):
    """What an LLM function adds to its signature: the client's name (or ``provider/model``) and the prompt template."""

    name: str
    client: str
    template: str


class ClientInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    provider: str
    retry_policy: str | None
    options: ConfigValue


class RetryPolicyInfo(msgspec.Struct, frozen=True, array_like=True):
    """Delays in milliseconds; ``strategy`` is ``constant_delay`` or ``exponential_backoff``."""

    name: str
    max_retries: int
    strategy: str = "constant_delay"
    delay_ms: int = 200
    multiplier: float = 1.5
    max_delay_ms: int = 10000
    jitter: bool = False


class TemplateInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``template_string``: its parameters' names and its Jinja text."""

    name: str
    parameters: tuple[str, ...]
    template: str


class TestInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``test``: the functions that it calls, each with ``arguments``, and what must hold of their results.

    ``constraints`` are its ``@@assert``s and ``@@check``s in written order.  ``line`` counts from 0.
    """

    __test__ = False  # else pytest takes it for a class of tests

    name: str
    functions: tuple[str, ...]
    arguments: dict[str, ConfigValue]
    constraints: tuple[Attribute, ...]
    file: str
    line: int


class GeneratorInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``generator``: its properties, and the file that it stands in (``output_dir`` is relative to that)."""

    name: str
    properties: dict[str, ConfigValue]
    file: str


class Unit(msgspec.Struct, frozen=True):
    """One compiled project.  All names are qualified; the standard library's begin with ``baml.``.

    ``aliases`` are the recursive ones; ``annotated_aliases`` all, with the attributes written in them.
    """

    functions: dict[str, Placed] = {}
    signatures: dict[str, Signature] = {}
    classes: dict[str, ClassInfo] = {}
    enums: dict[str, EnumInfo] = {}
    aliases: dict[str, Type] = {}
    annotated_aliases: dict[str, Type] = {}
    llm_functions: dict[str, LlmFunctionInfo] = {}
    clients: dict[str, ClientInfo] = {}
    retry_policies: dict[str, RetryPolicyInfo] = {}
    templates: dict[str, TemplateInfo] = {}
    tests: tuple[TestInfo, ...] = ()
    generators: tuple[GeneratorInfo, ...] = ()


def environment_reference(name: str) -> dict[str, str]:
    """``env.NAME`` inside client options."""
    return {"$env": name}


def referenced_environment(value: ConfigValue) -> str | None:
    """The variable's name if ``value`` is an environment reference, else None."""
    if isinstance(value, dict) and len(value) == 1:
        name = value.get("$env")
        return name if isinstance(name, str) else None
    return None


_ENCODER = msgspec.msgpack.Encoder()


def encode(unit: Unit) -> bytes:
    """A unit as MessagePack."""
    return _ENCODER.encode(unit)


def decode(data: bytes) -> Unit:
    """The unit in ``data``; raises :class:`msgspec.DecodeError` if it is none."""
    return msgspec.msgpack.decode(data, type=Unit)
