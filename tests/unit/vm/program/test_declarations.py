"""Declarations as people see them."""

from __future__ import annotations

from bamlvm.vm.program.declarations import Parameter, Signature
from bamlvm.vm.program.types import Primitive


def test_a_signature_in_one_line() -> None:
    whole, text = Primitive("int"), Primitive("string")
    parameters = (Parameter("a", whole, False), Parameter("b", text, True))
    signature = Signature("f", "function", parameters, Primitive("bool"), Primitive("never"))
    assert str(signature) == f"{signature}" == "f(a: int, b: string = …) -> bool"
