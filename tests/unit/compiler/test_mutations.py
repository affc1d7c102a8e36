"""Whatever the compiler is given, it answers with diagnostics; whatever it accepts, the machine can run.

Valid programs are mutated (:mod:`tests.generators.mutations`): a node replaced by another, a token lost, doubled or
replaced.  ``BAMLVM_PROGRAMS=2000`` tries that many instead of a few.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from bamlvm.compiler.project import Project
from tests.generators.choices import Choices
from tests.generators.mutations import corpus, mutated
from tests.generators.typed_programs import program
from tests.support.compiling import compile_text, link, run, standard

pytestmark = pytest.mark.slow

PROGRAMS = int(os.environ.get("BAMLVM_PROGRAMS", "40"))

bounded = settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize="BAMLVM_PROGRAMS" not in os.environ,
)


def try_it(source: str) -> bool:
    """Compile a program and, if that works, run it; whether it worked."""
    made = [compile_text(source, optimize=optimize) for optimize in (True, False)]
    assert made[0].diagnostics == made[1].diagnostics
    if made[0].unit is None or made[1].unit is None:
        assert made[0].unit is made[1].unit
        assert any(each.severity == "error" for each in made[0].diagnostics)
        return False
    main = made[0].unit.signatures.get("main")
    programs = [
        link(each.unit, optimize=optimize) for each, optimize in zip(made, (True, False), strict=True) if each.unit
    ]
    if main is not None and main.kind == "function" and not main.parameters:
        outcomes = [run(each) for each in programs]
        assert outcomes[0] == outcomes[1]
    return True


@bounded
@given(st.binary(min_size=40, max_size=40))
def test_mutated_programs_are_refused_or_run(data: bytes) -> None:
    choices = Choices(data)
    source = mutated(choices.pick_far(corpus()), choices)
    note(source)
    try_it(source)


@bounded
@given(
    st.sampled_from((200, 800)).flatmap(lambda size: st.binary(min_size=size, max_size=size)), st.binary(max_size=40)
)
def test_mutated_generated_programs_are_refused_or_run(data: bytes, changes: bytes) -> None:
    source = mutated(program(data), Choices(changes))
    note(source)
    try_it(source)


def test_what_mutations_start_from_is_valid() -> None:
    """At least half of the corpus compiles (the rest shows errors), and mutation changes it."""
    assert sum(try_it(source) for source in corpus()) > len(corpus()) / 2
    changed = [mutated(source, Choices(bytes(range(40)))) != source for source in corpus()]
    assert sum(changed) > len(changed) / 2


@bounded
@given(st.binary(min_size=40, max_size=40), st.integers(0, 2000))
def test_what_can_be_read_of_a_broken_program_is_resolved(data: bytes, end: int) -> None:
    choices = Choices(data)
    source = mutated(choices.pick_far(corpus()), choices)
    cut = source[: len(source) * end // 2000]
    note(cut)
    for text in (cut, cut + source[len(cut) + 7 :]):
        recovered = Project(standard(), record_uses=True).recover({"main.baml": text})
        for item in (item for file in recovered.files for item in file.items):
            for each in recovered.uses.get(id(item.declaration), ()):
                assert 0 <= each.start <= each.end <= len(item.text)
