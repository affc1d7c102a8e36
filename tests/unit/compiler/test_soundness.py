"""Well-typed programs stay well: what the checker accepts runs, optimised or not, as the definitional interpreter says.

Every generated program compiles without an error, is verified, never makes the machine meet what no verified program
has, and ends as :mod:`tests.support.reference_interpreter` says, twice in a row, at ``-O0`` and ``-O1``; there every
expression's value is of the type that the checker gave it, and functions throw what their throws sets have.  Programs
that take risks (use a variable as if it were narrowed where perhaps it is not) are refused, or do the same.

The profile ``BAMLVM_PROGRAMS=2000`` makes that many programs instead of a few.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from tests.generators.typed_programs import program
from tests.support.compiling import compile_text, errors, link, run
from tests.support.reference_interpreter import evaluate
from tests.support.soundness import check_soundness

pytestmark = pytest.mark.slow

PROGRAMS = int(os.environ.get("BAMLVM_PROGRAMS", "25"))

decisions = st.sampled_from((40, 200, 800, 3000)).flatmap(lambda size: st.binary(min_size=size, max_size=size))
"""Long enough for programs of every size; the longest make some 150 lines."""


bounded = settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize="BAMLVM_PROGRAMS" not in os.environ,
)


@bounded
@given(decisions)
@example(b"")
def test_well_typed_programs_do_what_they_say(data: bytes) -> None:
    source = program(data)
    note(source)
    check_soundness(source)


@bounded
@given(st.binary(min_size=900, max_size=900), st.integers(1, 5))
def test_programs_that_take_risks_are_refused_or_do_what_they_say(data: bytes, risks: int) -> None:
    source = program(data, risks)
    note(source)
    if not errors(compile_text(source)):
        check_soundness(source)


def test_generated_programs_are_not_all_alike() -> None:
    """The generator makes what the property is about: few trivial programs, and every form among them."""
    texts = [program(random.Random(seed).randbytes(900)) for seed in range(60)]
    for form in (
        "catch_all",
        " throw ",
        "continue",
        "??",
        "match (",
        "instanceof",
        "...",
        " -> ",
        "for (let",
        "while (",
        "+=",
    ):
        assert any(form in text for text in texts), form
    assert sum(len(text) for text in texts) > 40 * 1000


@pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "plain"])
def test_the_reference_and_the_machine_can_disagree(optimize: bool) -> None:
    """The comparison is able to fail: it sees order, types and content."""
    result = compile_text('function main() -> unknown[] { [1, 1.0, "1", true, null, { "a": [1] }] }', optimize=optimize)
    assert result.unit is not None
    outcome = run(link(result.unit, optimize=optimize))
    for other in ('[1, 1, "1", true, null, { "a": [1] }]', '[1, 1.0, "1", true, null, { "b": [1] }]'):
        assert evaluate(f"function main() -> unknown[] {{ {other} }}") != outcome
