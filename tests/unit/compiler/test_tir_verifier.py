"""The verifier of the tir: it accepts what the checker makes (snapshots, soundness) and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from bamlvm.compiler import tir
from bamlvm.compiler.tir_verifier import TirError, verify
from bamlvm.vm.program.types import BOOL, INT, NEVER
from tests.support.compiling import compile_text

(FUNCTION,) = compile_text("function main(x: int) -> int { while (true) { break; } x + 1 }").tir.values()
AT = (0, 1)
ONE = tir.Constant(*AT, INT, 1)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (tir.Local(*AT, INT, 7), "names no local"),
        (tir.Return(*AT, INT, ONE), "goes on"),
        (tir.Break(*AT, NEVER), "outside of a loop"),
        (tir.Not(*AT, INT, ONE), "is not a bool"),
        (tir.Operation(*AT, INT, "add_int", None, (ONE,)), "1 operands for `add_int`"),
        (tir.Operation(*AT, BOOL, "cmp_op", None, (ONE, ONE)), "operator None for `cmp_op`"),
        (tir.CallNamed(*AT, INT, "main", "function", (ONE, ONE), (1, 1)), "each argument once"),
        (tir.New(*AT, INT, "P", 1, (tir.FieldInit(*AT, 1, ONE),)), "does not have"),
    ],
)
def test_what_breaks_a_rule_is_found_wherever_it_is(body: tir.Expr, fault: str) -> None:
    verify(FUNCTION)
    inside = tir.Block(*AT, INT, (tir.Evaluate(*AT, body),), ONE)
    with pytest.raises(TirError, match=fault):
        verify(msgspec.structs.replace(FUNCTION, body=inside))


def test_every_local_has_a_type() -> None:
    with pytest.raises(TirError, match="without their types"):
        verify(msgspec.structs.replace(FUNCTION, local_types=()))
