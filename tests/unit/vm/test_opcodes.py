"""The opcode table and what is made from it: nothing missing, nothing over, nothing out of date."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bamlvm.vm import loop, make_loop, opcodes
from bamlvm.vm.opcodes import CODES, DISPATCH, FUSIONS, HOT, PSEUDO, TABLE, Opcode, markdown, plain
from bamlvm.vm.semantics import COMPOUND, LINKED_OPERANDS, SEMANTICS

ROOT = Path(opcodes.__file__).resolve().parent.parent
FUSED = [row for row in TABLE if row.parts]


def test_a_rows_place_is_its_code() -> None:
    assert [row.code for row in TABLE] == list(range(len(TABLE)))
    assert len(CODES) == len(TABLE)


def test_every_row_has_a_meaning_and_every_meaning_a_row() -> None:
    assert set(SEMANTICS) == {row.name for row in TABLE if not row.parts} | set(PSEUDO)
    assert set(LINKED_OPERANDS) <= set(DISPATCH)
    assert all(part in SEMANTICS for run in COMPOUND for part in run)


def leaves(node: ast.stmt, low: int, high: int) -> dict[int, ast.stmt]:
    """The first statement of the handler of every number that the tree below ``node`` tells apart."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and ast.unparse(node.test.left) == "op":
        (bound,) = node.test.comparators
        assert isinstance(bound, ast.Constant) and isinstance(bound.value, int)
        assert low < bound.value < high
        return {**leaves(node.body[0], low, bound.value), **leaves(node.orelse[0], bound.value, high)}
    assert high - low == 1, f"one handler for {low} to {high}"
    return {low: node}


def test_the_loop_has_one_handler_a_row() -> None:
    tree = ast.parse(Path(loop.__file__).read_text(encoding="utf-8"))
    (execute,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    inner = [node for node in ast.walk(execute) if isinstance(node, ast.While)][-1]
    handlers = leaves(inner.body[1], 0, len(DISPATCH))
    assert sorted(handlers) == sorted(DISPATCH.values()) == list(range(len(TABLE) + len(PSEUDO)))
    assert set(DISPATCH) == {row.name for row in TABLE} | set(PSEUDO)


def test_the_hot_instructions_are_found_first() -> None:
    lines = Path(loop.__file__).read_text(encoding="utf-8").splitlines()
    (first,) = (place for place, line in enumerate(lines) if line.strip() == "op, arg, step = step")
    assert lines[first + 1].strip() == f"if op < {HOT}:"
    depths = {}
    for row in TABLE:
        (line,) = (line for line in lines if line.endswith(f"  # {row.name}"))
        depths[row.name] = len(line) - len(line.lstrip())
    assert max(depths[row.name] for row in TABLE[:HOT]) < min(depths[row.name] for row in TABLE[HOT:])


def test_the_loop_is_up_to_date() -> None:
    assert Path(loop.__file__).read_text(encoding="utf-8") == make_loop.source()


def test_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / "opcodes.md").read_text(encoding="utf-8") == markdown()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_rows_are_sensible(row: Opcode) -> None:
    assert row.flow in ("next", "branch", "jump", "end")
    assert ("target" in row.operands or "table" in row.operands) == (row.flow in ("branch", "jump"))
    assert (row.per_count > 0) == (row.operands[-1:] == ("count",) and row.name != "copy")
    assert row.doc


@pytest.mark.parametrize("row", FUSED, ids=lambda row: row.name)
def test_a_fused_row_follows_from_its_parts(row: Opcode) -> None:
    parts = [TABLE[CODES[name]] for name in plain(row)]
    assert row.operands == tuple(operand for part in parts for operand in part.operands)
    assert row.pushes - row.pops == sum(part.pushes - part.pops for part in parts)
    assert all(part.flow == "next" and not part.parts for part in parts[:-1])
    assert not any(part.per_count for part in parts)
    assert FUSIONS[row.parts] == row.name
    assert 0 <= row.throws_at < len(parts)


def test_a_fused_row_takes_the_place_of_what_can_throw() -> None:
    places = {row.name: row.parts[row.throws_at] for row in FUSED}
    assert places["add_store"] == "add_int"
    assert places["load_element_locals"] == "load_element"
    assert places["return_local"] == "return"
