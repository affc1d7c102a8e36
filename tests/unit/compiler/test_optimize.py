"""The bytecode is lean: nothing in it that a reader of it would take out.

Held over the standard library, every project of ``tests/projects``, the behaviour programs and generated ones.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from bamlvm.compiler import mir
from bamlvm.compiler.fold import fold
from bamlvm.compiler.project import compile_project
from bamlvm.vm.opcodes import CODES, OPERATORS, TABLE, plain
from bamlvm.vm.program.code import Function
from bamlvm.vm.program.unit import Unit
from tests.generators.typed_programs import program
from tests.support.compiling import compile_text, standard

pytestmark = pytest.mark.no_program

TESTS = Path(__file__).parent.parent.parent
BRANCHES = ("pop_jump_if_false", "pop_jump_if_true")


class Plain(NamedTuple):
    """A plain instruction: one that is not fused, or a part of one that is.  ``index`` is the instruction's."""

    index: int
    opcode: str
    operands: tuple[int, ...]


def units() -> Iterator[tuple[str, Unit]]:
    """Everything there is to compile, by a name for what is found."""
    yield "stdlib", standard()
    for folder in sorted((TESTS / "projects").iterdir()):
        files = {str(file): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.baml"))}
        unit = compile_project(files, standard()).unit
        if unit is not None:
            yield folder.name, unit
    for file in sorted((TESTS / "behaviour").rglob("*.baml")):
        unit = compile_text(file.read_text(encoding="utf-8")).unit
        if unit is not None:
            yield file.stem, unit
    for seed in range(12):
        unit = compile_text(program(random.Random(seed).randbytes(1200))).unit
        assert unit is not None
        yield f"generated {seed}", unit


@cache
def functions() -> Sequence[tuple[str, Function]]:
    return [
        (f"{name}: {placed.function.name}", placed.function)
        for name, unit in units()
        for placed in unit.functions.values()
    ]


def instructions(function: Function) -> list[Plain]:
    """The plain instructions of a function, in order."""
    found: list[Plain] = []
    place = index = 0
    while place < len(function.code):
        row = TABLE[function.code[place]]
        operands = list(function.code[place + 1 : place + 1 + len(row.operands)])
        place += 1 + len(row.operands)
        for name in plain(row):
            count = len(TABLE[CODES[name]].operands)
            found.append(Plain(index, name, tuple(operands[:count])))
            del operands[:count]
        index += 1
    return found


def targets(function: Function, each: Plain) -> list[int]:
    """The instructions that one may jump to."""
    found: list[int] = []
    for kind, operand in zip(TABLE[CODES[each.opcode]].operands, each.operands, strict=True):
        if kind == "target":
            found.append(operand)
        elif kind == "table":
            table = function.tables[operand]
            found += [*table.targets, table.default]
    return found


def entered(function: Function) -> set[int]:
    """The instructions that control may come to other than from the one before."""
    found = {handler.target for handler in function.handlers}
    return found.union(*(targets(function, each) for each in instructions(function)))


def test_there_is_much_to_look_at() -> None:
    assert len(functions()) > 300


def test_no_dead_code() -> None:
    for where, function in functions():
        by_index: dict[int, list[Plain]] = {}
        for each in instructions(function):
            by_index.setdefault(each.index, []).append(each)
        seen: set[int] = set()
        waiting = [0]
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            for each in by_index[index]:
                waiting += targets(function, each)
            if TABLE[CODES[by_index[index][-1].opcode]].flow in ("next", "branch"):
                waiting.append(index + 1)
            waiting += [handler.target for handler in function.handlers if handler.start <= index < handler.end]
        assert seen == set(by_index), where


def test_no_jump_to_a_jump_or_to_what_follows() -> None:
    for where, function in functions():
        code = instructions(function)
        first = {each.index: each for each in reversed(code)}
        for each in code:
            for target in targets(function, each):
                assert first[target].opcode != "jump", where
                assert each.opcode != "jump" or target != each.index + 1, where
        for handler in function.handlers:
            assert first[handler.target].opcode != "jump", where


def test_constants_are_folded() -> None:
    for where, function in functions():
        joined = entered(function)
        constants: list[mir.Const] = []
        for each in instructions(function):
            if each.index in joined:
                constants = []
            if each.opcode == "load_const":
                constants.append(mir.constant(function.constants[each.operands[0]]))
                continue
            row = TABLE[CODES[each.opcode]]
            if 0 < row.pops <= len(constants) and not row.per_count:
                operands = tuple(
                    OPERATORS[each.opcode][operand] if kind == "operator" else operand
                    for kind, operand in zip(row.operands, each.operands, strict=True)
                )
                popped = [constant.value for constant in constants[-row.pops :]]
                assert fold(mir.Instruction(each.opcode, operands, 0), popped) is None, (where, each, popped)
            constants = []


def test_conditions_are_not_made_values_to_be_tested() -> None:
    for where, function in functions():
        code = instructions(function)
        joined = entered(function)
        first = {each.index: each for each in reversed(code)}
        for one, other in pairwise(code):
            constant = one.opcode == "load_const" and isinstance(function.constants[one.operands[0]], bool)
            if other.opcode in BRANCHES and other.index not in joined:
                assert not constant, where
                assert one.opcode != "unary_op" or OPERATORS["unary_op"][one.operands[0]] != "!", where
            if constant:
                after = first[other.operands[0]] if other.opcode == "jump" else other
                assert after.opcode not in BRANCHES, where


PREAMBLE = 'enum C { A  B  D }\nclass P { x int }\nfunction g(n: int) -> int { if (n > 1) { throw "x" } n }\n'


def compiled(*bodies: str) -> list[list[Plain]]:
    """The instructions of functions with such bodies."""
    parameters = "n: int, c: C, s: string, u: int | string | null | P, b: bool"
    written = [f"function f{place}({parameters}) -> int {{ {body} }}" for place, body in enumerate(bodies)]
    unit = compile_text(PREAMBLE + "\n".join(written)).unit
    assert unit is not None
    return [instructions(unit.functions[f"f{place}"].function) for place in range(len(bodies))]


@pytest.mark.parametrize(
    "source",
    [
        "match (n) { 0 => 5, 1 => 6, 2 => 7, _ => 8 }",
        "match (n) { -1 => 5, 3 | 4 => 6, _ => 8 }",
        "match (c) { C.A => 5, C.B => 6, C.D => 7 }",
        'match (s) { "a" => 5, "b" => 6, "c" => 7, _ => 8 }',
        "match (u) { int => 5, string => 6, null => 7, P => 8 }",
        "match (n) { 0 => 5, 1 if b => 6, 1 => 7, 2 => 8, _ => 9 }",
        "match (c) { C.A if b => 5, C.A if n > 1 => 6, C.A => 7, C.B => 8, C.D => 9 }",
    ],
)
def test_a_match_looks_at_its_value_once(source: str) -> None:
    (code,) = compiled(source)
    opcodes = [each.opcode for each in code]
    assert opcodes.count("jump_table") == 1
    assert not {"equal", "cmp_op", "is_type"} & set(opcodes)


@pytest.mark.parametrize(
    ("guarded", "bare"),
    [
        ("g(n) catch (e) { _ => 0 }", "g(n)"),
        ("(g(n) catch (e) { string => 0 }) + 1", "g(n) + 1"),
        ("let x = g(n) catch (e) { string => return 5, _ => 1 }; x * x", "let x = g(n); x * x"),
        ("{ g(n) + g(n) } catch (e) { string => 7 } catch (e) { _ => 8 }", "g(n) + g(n)"),
        (
            "for (let i = 0; i < n; i += 1) { g(i) catch (e) { string => continue, _ => break }; } 0",
            "for (let i = 0; i < n; i += 1) { g(i); } 0",
        ),
    ],
)
def test_catch_costs_nothing_while_nothing_is_thrown(guarded: str, bare: str) -> None:
    with_catch, without = compiled(guarded, bare)
    assert [each.opcode for each in with_catch[: len(without)]] == [each.opcode for each in without]


@pytest.mark.parametrize(
    ("source", "most"),
    [
        ("if (b && n > 3 || !b) { 1 } else { 2 }", 12),
        ("if (!(b || n == 3)) { 1 } else { 2 }", 10),
        ("assert b && n > 3; 1", 10),
        ("if (u == null) { 1 } else { 2 }", 7),
        ("1 + 2 * 3 - 4 / 2", 2),
    ],
)
def test_sizes(source: str, most: int) -> None:
    """Counted in plain instructions, whatever is fused."""
    (code,) = compiled(source)
    assert len(code) <= most
    assert len({each.index for each in code}) < most
