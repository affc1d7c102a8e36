"""The declarations of a running program, as sys-ops see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bamlvm.vm.program.declarations import Declared, Signature
from bamlvm.vm.program.llm import ClientInfo, LlmFunctionInfo, RetryPolicyInfo, TemplateInfo
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import EnumValue, Instance


class Schema(Declared, Protocol):
    """Units, merged, by qualified name: a :class:`bamlvm.vm.linker.Program`, or one with the types that a call adds
    (:class:`bamlvm.vm.overlay.Overlay`).

    ``aliases`` are without attributes, ``annotated_aliases`` with them.
    """

    @property
    def annotated_aliases(self) -> Mapping[str, Type]: ...

    @property
    def signatures(self) -> Mapping[str, Signature]: ...

    @property
    def llm_functions(self) -> Mapping[str, LlmFunctionInfo]: ...

    @property
    def clients(self) -> Mapping[str, ClientInfo]: ...

    @property
    def retry_policies(self) -> Mapping[str, RetryPolicyInfo]: ...

    @property
    def templates(self) -> Mapping[str, TemplateInfo]: ...

    def new_instance(self, class_name: str, fields: Mapping[str, Any]) -> Instance:
        """Return a value of a class by qualified name; fields left out are null."""
        ...

    def enum_value(self, enum: str, variant: str) -> EnumValue:
        """Return a variant of an enum by qualified name."""
        ...

    def tester(self, type_: Type) -> Callable[[Any], bool]:
        """Return the test of whether a value is of a type."""
        ...
