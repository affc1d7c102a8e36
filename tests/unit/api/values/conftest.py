"""A program with values of every kind: classes, shared and cyclic ones, deep ones, and those that stay opaque."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bamlvm

SOURCE = """
enum Color { Red  mro }
/// Somebody.
class Person { name string  nick string?  friends Person[]  color Color  scores map<Color, float> }
class Ring { next Ring? }
class List { value int  next List? }

function person() -> Person {
    Person { name: "Ann", nick: null, friends: [], color: Color.Red, scores: { Color.Red: 1.0 } }
}
function people() -> Person[] { let p = person(); [p, p] }
function ring() -> Ring { let r = Ring { next: null }; r.next = r; r }
function self_list() -> unknown { let xs: unknown[] = []; xs.push(xs); xs }
function chain(length: int) -> List? {
    let head: List? = null;
    for (let i = 0; i < length; i += 1) { head = List { value: i, next: head }; }
    head
}
function closure() -> (int) -> int { let n = 2; (x: int) -> int { x + n } }
function closures() -> map<string, (int) -> int> { {"f": closure()} }
function odd() -> Color { Color.mro }
function throws_ring() -> int { throw ring() }
"""


@pytest.fixture
def runtime(make: Callable[..., bamlvm.Runtime]) -> bamlvm.Runtime:
    return make(SOURCE)
