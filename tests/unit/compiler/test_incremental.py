"""Compiling a changed project again gives what compiling it afresh gives, whatever the edits."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bamlvm.compiler.project import Project, compile_project
from bamlvm.vm.program.unit import Unit
from tests.snapshots.cases import standard_stages

pytestmark = [pytest.mark.slow, pytest.mark.no_program]

FILES = {
    "types.baml": """
class Point { x int  y int?  tags string[] }
enum Color { Red  Green  Blue }
type Id = int | string
""",
    "shapes.baml": """
function sum(p: Point) -> int { p.x + (p.y ?? 0) }
function name(c: Color) -> string { match (c) { Color.Red => "r", Color.Green => "g", Color.Blue => "b" } }
function show(id: Id) -> string { match (id) { int => "number", string => "text" } }
""",
    "main.baml": """
function risky(n: int) -> int { if (n > 3) { throw "big" } n }
function even(n: int) -> bool { if (n == 0) { true } else { odd(n - 1) } }
function odd(n: int) -> bool { if (n == 0) { false } else { even(n - 1) } }
const LIMIT = START + 1
const START: int = 1
function main() -> string {
  let p = Point { x: risky(LIMIT), y: null, tags: ["a"] };
  let total = sum(p) + p.tags.length();
  name(Color.Red) + show(total)
}
""",
}
EDITS = [
    ("types.baml", "y int?", "y int"),
    ("types.baml", "x int", "x string"),
    ("types.baml", "Green  Blue", "Green  Blue  Grey"),
    ("types.baml", "int | string", "int | string | bool"),
    ("types.baml", "class Point", "class Pixel"),
    ("types.baml", "tags string[]", 'tags string[] @alias("labels")'),
    ("shapes.baml", "p.x + ", "p.x * 2 + "),
    ("shapes.baml", "function sum(p: Point)", "function sum(p: Point, by: int = 1)"),
    ("shapes.baml", '"text" }', '"text }'),
    ("main.baml", 'throw "big"', "throw 1"),
    ("main.baml", "risky(LIMIT)", "(risky(LIMIT) catch (e) { string => 0 })"),
    ("main.baml", "odd(n - 1)", 'if (n > 99) { throw "deep" } else { odd(n - 1) }'),
    ("main.baml", "let total", "let totall"),
    ("main.baml", "function risky", "\n\nfunction risky"),
    ("new.baml", "", "function name(c: int) -> int { c }"),
    ("main.baml", "START + 1", '"one"'),
    ("main.baml", "START + 1", "risky(START)"),
    ("main.baml", "START: int = 1", "START: int = LIMIT"),
    ("main.baml", "START: int = 1", "START: string = baml.time.now_iso()"),
    ("new.baml", "", "const START = 5"),
    ("new.baml", "", "class Other { p Point }"),
    ("shapes.baml", FILES["shapes.baml"], ""),
]


@cache
def standard() -> Unit:
    unit = standard_stages().unit
    assert unit is not None
    return unit


def edited(files: dict[str, str], edit: tuple[str, str, str]) -> dict[str, str]:
    """``files`` with an edit made, or undone where it is made already."""
    path, old, new = edit
    text = files.get(path, "")
    if new and new in text:
        return {**files, path: text.replace(new, old, 1)}
    return {**files, path: text.replace(old, new, 1) if old else text + new}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(EDITS), min_size=1, max_size=8))
def test_again_is_afresh(edits: list[tuple[str, str, str]]) -> None:
    project, files = Project(standard()), dict(FILES)
    project.update(files)
    for edit in edits:
        files = edited(files, edit)
        again = project.update(files)
        afresh = compile_project(files, standard())
        assert again.diagnostics == afresh.diagnostics
        assert again.unit == afresh.unit


def test_an_untouched_function_is_not_made_again() -> None:
    project = Project(standard())
    before = project.update(FILES)
    after = project.update(edited(FILES, ("shapes.baml", "p.x + ", "p.x * 2 + ")))
    assert after.tir["main"] is before.tir["main"]
    assert after.tir["sum"] is not before.tir["sum"]
    assert after.mir["main"] is before.mir["main"]


def test_diagnostics_alone_emit_nothing() -> None:
    project = Project(standard())
    assert project.update(FILES, emit=False).unit is None
    assert project.update(FILES).unit is not None
