"""Narrowing: wherever a place is read, its value is of the type that the checker has for it; hints of mismatches."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

import bamlvm
from tests.generators.narrowing_programs import around, flow_program
from tests.support.soundness import check_soundness

pytestmark = pytest.mark.slow

PROGRAMS = int(os.environ.get("BAMLVM_PROGRAMS", "25"))


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
    check_soundness(source)


TRICKY = {
    "a guard assigns": 'if (a is int) { match (b) { int if { a = "s"; false } => { [a]; } _ => { [a]; } }; [a]; }',
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
    "both ways leave": "if (a == null) { return null } else { if (a is int) { return null } }; [a];",
    "the right side assigns": "if (a is int && { a = null; true }) { [a]; } [a];",
    "not and or": "if (!(a == null || b == null)) { [a, b]; } else { [a, b]; }",
    "assignment tells": "a = 1; [a]; if (b == null) { a = null; } [a];",
    "assignment in one arm": "match (a) { null => { a = 1; } _ => {} }; [a];",
    "a lambda assigns after it is known": "let f = () -> null { a = null; null }; if (a != null) { [a]; f(); [a]; }",
    "a lambda assigns, called in a loop": "let f = () -> null { a = null; null }; "
    "if (a != null) { for (let i in [1, 2]) { [a]; f(); [a]; } }",
    "a lambda assigns, called by a native": "if (a != null) { [1].map((n: int) -> int { a = null; n }); [a]; }",
    "a lambda assigns in a guard": "let f = () -> bool { a = null; false }; "
    "match (a) { int if f() => { [a]; } int => { [a]; } _ => { [a]; } }",
    "inside a lambda": "let f = () -> null { if (a != null) { [a]; a = null; [a]; } null }; f(); a = 1; f(); [a];",
    "a field": "if (p.x != null) { [p.x]; touch(p); [p.x]; }",
    "a field under another name": "let o = p; if (p.x != null) { o.x = null; [p.x]; }",
    "a field of another instance": "if (p.y != null) { p = P { x: null, y: null }; [p.y]; }",
    "a field that nothing assigns to": "if (p.y != null) { touch(p); [p.y]; let f = () -> null { [p.y]; null }; f(); }",
    "a field of a field": "if (q.p.y != null) { q.p = p; [q.p.y]; }",
    "a field that was assigned to": "p.x = 1; [p.x]; p.x = { p = q.p; null }; [p.x];",
    "a field is a scrutinee": "match (p.x) { int if touch(p) > 3 => { [p.x]; } int => { [p.x]; } _ => { [p.x]; } }; "
    "[p.x];",
    "a field in a loop": "if (p.x != null) { for (let i in [1, 2]) { [p.x]; p.x = null; } }",
    "what follows a default that leaves": "let v = a ?? return; [a]; let w = p.x ?? throw 1; [p.x];",
    "default of a null": "let v = a ?? { b = null; 3 }; [v, a, b];",
}


@pytest.mark.parametrize("body", TRICKY.values(), ids=TRICKY.keys())
def test_what_is_known_in_tricky_places_is_so(body: str) -> None:
    check_soundness(around(body))


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (
            "function f(x: int?) -> int { x }",
            "it may be null: check with `if (x != null)`, or set a default with `??`",
        ),
        ("function f() -> float { 2 }", "an int never becomes a float by itself: write `2.0`"),
        ("function f(x: int?) -> null { if (x) { } }", "nothing but a bool is true or false: write `x != null`"),
        ("function f(x: int) -> null { while (x) { } }", "nothing but a bool is true or false: write `x != 0`"),
        ("function f(x: string) -> bool { x && true }", 'nothing but a bool is true or false: write `x != ""`'),
        ("function f(x: int[]) -> null { assert x; }", "nothing but a bool is true or false: write `xs.length() > 0`"),
        (
            "function f(x: int) -> string { x }",
            "nothing becomes a string by itself: write `x.to_string()` or a template string `${x}`",
        ),
        ("class P { } function f(x: P) -> bool { x }", None),
        ("class P { } function f(x: P) -> string { x }", None),
    ],
)
def test_what_to_do_about_it(source: str, hint: str | None) -> None:
    (found,) = bamlvm.check(source).errors
    assert found.hint == hint
