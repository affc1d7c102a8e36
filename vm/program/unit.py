"""Compiled programs as data: emitted by the compiler, cached on disk, loaded by the machine.

A :class:`Unit` is one compiled project (or the standard library).  Its functions refer to everything outside themselves
by qualified name, so a function's code depends on nothing but its own source and the signatures it uses; names become
objects when the machine links units.  Everything here is a msgspec struct and travels as MessagePack, never as pickle.
"""

from __future__ import annotations

from functools import cached_property

import msgspec

from bamlvm.vm.program.code import Placed
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, GeneratorInfo, Signature, TestInfo
from bamlvm.vm.program.llm import ClientInfo, LlmFunctionInfo, RetryPolicyInfo, TemplateInfo
from bamlvm.vm.program.types import Type, bare

FORMAT = 9
"""Bumped whenever the meaning of anything in this module changes; part of every cache key."""


class Unit(msgspec.Struct, frozen=True, dict=True):
    """One compiled project.  All names are qualified; the standard library's begin with ``baml.``.

    ``annotated_aliases`` are the types that aliases name, with the attributes written in them.
    ``globals`` are the types of the constants; the function of a constant's name evaluates it.
    """

    functions: dict[str, Placed] = {}
    signatures: dict[str, Signature] = {}
    classes: dict[str, ClassInfo] = {}
    enums: dict[str, EnumInfo] = {}
    annotated_aliases: dict[str, Type] = {}
    llm_functions: dict[str, LlmFunctionInfo] = {}
    clients: dict[str, ClientInfo] = {}
    retry_policies: dict[str, RetryPolicyInfo] = {}
    templates: dict[str, TemplateInfo] = {}
    tests: tuple[TestInfo, ...] = ()
    generators: tuple[GeneratorInfo, ...] = ()
    globals: dict[str, Type] = {}

    @cached_property
    def aliases(self) -> dict[str, Type]:
        """The types that aliases name, without attributes."""
        return {name: bare(type_) for name, type_ in self.annotated_aliases.items()}


_ENCODER = msgspec.msgpack.Encoder()


def encode(unit: Unit) -> bytes:
    """Return a unit as MessagePack."""
    return _ENCODER.encode(unit)


def decode(data: bytes) -> Unit:
    """Return the unit in ``data``.  Raises :class:`msgspec.DecodeError` if it is not one."""
    return msgspec.msgpack.decode(data, type=Unit)
