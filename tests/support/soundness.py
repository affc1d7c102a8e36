"""The soundness of one program: it does what the definitional interpreter says, at every optimisation level."""

from __future__ import annotations

from bamlvm.compiler.tir_verifier import verify
from tests.support.compiling import compile_text, errors, link, run
from tests.support.reference_interpreter import OverBudgetError, evaluate
from tests.support.static_types import StaticTypes


def check_soundness(source: str) -> None:
    """Run a program at ``-O0`` and ``-O1``, each twice, and compare with the definitional interpreter."""
    outcomes = []
    for optimize in (True, False):
        result = compile_text(source, optimize=optimize)
        assert result.unit is not None, errors(result)
        for checked in result.tir.values():
            verify(checked)
        linked = link(result.unit, optimize=optimize)
        outcomes += [run(linked), run(linked)]
    assert outcomes.count(outcomes[0]) == len(outcomes)
    try:
        expected = evaluate(source, StaticTypes(compile_text(source)))
    except OverBudgetError:
        return
    assert outcomes[0] == expected
