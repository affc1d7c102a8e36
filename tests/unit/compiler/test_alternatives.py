"""Large unions: the answers of the algebra, in steps that grow no faster than the source."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.compiler import alternatives, solver
from bamlvm.compiler.solver import Solver
from bamlvm.compiler.symbols import Symbols
from bamlvm.vm.program import types
from bamlvm.vm.program.declarations import EnumInfo, VariantInfo
from bamlvm.vm.program.types import Type, union
from tests.support.compiling import compile_text, standard

pytestmark = pytest.mark.no_program


def steps(source: str) -> int:
    """Return how many functions are called to compile a source; the standard library is there already."""
    standard()
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        compile_text(source)
    finally:
        sys.setprofile(before)
    return count


def _literals(count: int) -> str:
    return " | ".join(f'"v{i}"' for i in range(count))


def _chain(condition: str, count: int, parameter: str, branch: str = "return {i};", before: str = "") -> str:
    tests = " ".join(f"if ({condition.format(i=i)}) {{ {branch.format(i=i)} }}" for i in range(count))
    return f"{before}\nfunction main({parameter}) -> int {{ {tests} 0 }}"


def _classes(count: int) -> str:
    return "\n".join(f"class C{i} {{ a int }}" for i in range(count))


SHAPES: dict[str, Callable[[int], str]] = {
    "literals": lambda n: _chain('x == "v{i}"', n, f"x: {_literals(n)}"),
    "literals, not": lambda n: _chain('x != "v{i}"', n, f"x: {_literals(n)}", "}} else {{ return {i};"),
    "literals, tested": lambda n: _chain('x is "v{i}"', n, f"x: {_literals(n)}"),
    "literals, joined": lambda n: _chain('x == "v{i}"', n, f"x: {_literals(n)}, f: (int) -> int", "f({i});"),
    "literals of a field": lambda n: _chain('c.x == "v{i}"', n, "c: C", before=f"class C {{ x {_literals(n)} }}"),
    "variants": lambda n: _chain(
        "x == E.V{i}", n, "x: E", before=f"enum E {{ {' '.join(f'V{i}' for i in range(n))} }}"
    ),
    "classes": lambda n: _chain("x is C{i}", n, f"x: {' | '.join(f'C{i}' for i in range(n))}", before=_classes(n)),
    "lists": lambda n: _chain("x is C{i}[]", n, f"x: {' | '.join(f'C{i}[]' for i in range(n))}", before=_classes(n)),
    "assignments": lambda n: (
        f'function main(x: {_literals(n)}) -> int {{ {" ".join(f"""x = "v{i}";""" for i in range(n))} 0 }}'
    ),
    "unions in another order": lambda n: (
        f"function main(x: {_literals(n)}) -> {' | '.join(reversed(_literals(n).split(' | ')))} {{ x }}"
    ),
    "arms over lists": lambda n: (
        f"{_classes(n)}\nfunction main(x: {' | '.join(f'C{i}[]' for i in range(n))}) -> int "
        f"{{ match (x) {{ {', '.join(f'C{i}[] => {i}' for i in range(n))} }} }}"
    ),
    "parameters of a function type": lambda n: (
        f"function main(f: ({', '.join(['int'] * n)}) -> int) -> ({', '.join(['int'] * n)}) -> int {{ f }}"
    ),
    "variants of an enum": lambda n: (
        f"enum E {{ {' '.join(f'V{i}' for i in range(n))} }}\nfunction main(x: E) -> E {{ x }}"
    ),
    "filters of a prompt": lambda n: (
        f'function F(x: string) -> string {{ client "openai/gpt-4o" prompt #"{{{{ x{"|upper" * n} }}}}"# }}'
    ),
    "additions of a prompt": lambda n: (
        f'function F(x: string) -> string {{ client "openai/gpt-4o" prompt #"{{{{ x{" + x" * n} }}}}"# }}'
    ),
    "dots of a prompt": lambda n: (
        f'function F(x: string) -> string {{ client "openai/gpt-4o" prompt #"{{{{ x{".a" * n} }}}}"# }}'
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_source_takes_at_most_twice_the_steps(shape: str) -> None:
    steps(SHAPES[shape](1))  # loads what is loaded once
    smallest = steps(SHAPES[shape](1))
    once, twice = (steps(SHAPES[shape](count)) - smallest for count in (100, 200))
    assert twice < 2.5 * once


ENUMS = {
    name: EnumInfo(name, tuple(VariantInfo(each) for each in variants))
    for name, variants in (("E", "ABC"), ("F", "A"), ("G", "AB"))
}
SINGLE = st.one_of(
    st.sampled_from("abc").map(types.LiteralType),
    st.integers(0, 2).map(types.LiteralType),
    st.booleans().map(types.LiteralType),
    st.sampled_from([types.VariantType(name, each.name) for name, info in ENUMS.items() for each in info.variants]),
    st.sampled_from([types.EnumType(name) for name in ENUMS]),
    st.sampled_from([types.BOOL, types.NULL, types.FLOAT, types.LiteralType("d"), types.ClassType("C")]),
    st.sampled_from([types.ListType(types.ClassType("C")), types.ListType(types.LiteralType("a"))]),
    st.sampled_from([types.PRIMITIVES["int"], types.PRIMITIVES["string"], types.UNKNOWN]),
)
UNION = st.lists(SINGLE, min_size=1, max_size=8).map(union)


def _answers(one: Type, other: Type) -> list[object]:
    algebra = Solver(Symbols(standard(), enums=ENUMS))
    return [
        algebra.subtract(one, other),
        algebra.intersect(one, other),
        algebra.assignable(one, other),
        algebra.join([one, other]),
        set(types.members(algebra.widen(one))),
    ]


@given(UNION, UNION)
def test_tables_answer_as_the_algebra_does(one: Type, other: Type) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alternatives, "SMALL", 1000)
        patch.setattr(solver, "SMALL", 1000)
        without = _answers(one, other)
        patch.setattr(alternatives, "SMALL", 2)
        patch.setattr(solver, "SMALL", 2)
        assert _answers(one, other) == without
