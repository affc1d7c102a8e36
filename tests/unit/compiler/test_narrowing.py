"""What the checker believes of a variable, wherever it is read, is so: see :mod:`tests.unit.compiler.flows`."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.unit.compiler.flows import around, flow_program
from tests.unit.compiler.test_soundness import check

PROGRAMS = int(os.environ.get("BAMLVM_PROGRAMS", "40"))


@settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize="BAMLVM_PROGRAMS" not in os.environ,
)
@given(st.binary(min_size=10, max_size=120))
def test_what_is_known_of_variables_is_so(data: bytes) -> None:
    source = flow_program(data)
    note(source)
    check(source)


TRICKY = {
    "a guard assigns": 'if (a is int) { match (b) { int if { a = "s"; false } => { [a]; } _ => { [a]; } } [a]; }',
    "a guard assigns to the scrutinee": "match (a) "
    '{ int if { a = "s"; false } => { [a]; } int => { [a]; } _ => { [a]; } }',
    "what a catch guards assigns": 'if (a is int) { { a = "s"; g(1); null } catch (e) { _ => { [a]; null } }; [a]; }',
    "continue goes to the step": "for (let i = 0; i < 3; i += if (a == null) { 1 } else { [a]; 2 }) "
    "{ if (a == null) { continue } [a]; a = null; }",
    "continue knows less than the end": "for (let i = 0; i < 2; ({ [a]; i += 1; })) "
    '{ if (a == null) { continue } a = "s"; }',
    "the condition is asked again": "while (a is int) { [a]; a = null; }",
    "break in a condition": "let i = 0; while ({ i += 1; if (i > 2) { break } a == null }) { [a]; a = 1; }",
    "a lambda assigns": "let f = () -> null { a = null; null }; if (a != null) { f(); [a]; }",
    "a lambda sees later": "if (a is int) { let f = () -> null { [a]; null }; f(); } a = null;",
    "both ways leave": "if (a == null) { return null } else { if (a is int) { return null } } [a];",
    "the right side assigns": "if (a is int && { a = null; true }) { [a]; } [a];",
    "not and or": "if (!(a == null || b == null)) { [a, b]; } else { [a, b]; }",
    "assignment tells": "a = 1; [a]; if (b == null) { a = null; } [a];",
    "assignment in one arm": "match (a) { null => { a = 1; } _ => {} } [a];",
    "default of a null": "let v = a ?? { b = null; 3 }; [v, a, b];",
}


@pytest.mark.parametrize("body", TRICKY.values(), ids=TRICKY.keys())
def test_what_is_known_in_tricky_places_is_so(body: str) -> None:
    check(around(body))
