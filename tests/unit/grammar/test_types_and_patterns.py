"""Types and patterns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Shape = Callable[[str], str]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("int", "int"),
        ("a.b.C", "a.b.C"),
        ('"a"', "'a'"),
        ("-1", "-1"),
        ("true", "True"),
        ("null", "null"),
        ("int[][]", "(ListTypeExpr (ListTypeExpr int))"),
        ("int?[]", "(ListTypeExpr (OptionalTypeExpr int))"),
        ("map<string, int>", "(MapTypeExpr string int)"),
        (
            'map<"a" | "b", map<string, int[]>>',
            "(MapTypeExpr (UnionTypeExpr ['a', 'b']) (MapTypeExpr string (ListTypeExpr int)))",
        ),
        ("A | B | C", "(UnionTypeExpr [A, B, C])"),
        ("| A | B", "(UnionTypeExpr [A, B])"),
        ("(A | B)[]", "(ListTypeExpr (UnionTypeExpr [A, B]))"),
        ("A | B[]", "(UnionTypeExpr [A, (ListTypeExpr B)])"),
        ("Array<T>", "Array<T>"),
        ("Map<string, Array<Array<T>>>", "Map<string Array<Array<T>>>"),
        ("() -> int", "(FunctionTypeExpr [] int nothing)"),
        ("(int) -> int | string", "(FunctionTypeExpr [int] (UnionTypeExpr [int, string]) nothing)"),
        ("(x: int) -> A", "(FunctionTypeExpr [int] A nothing)"),
        ("(int, y: string) -> A throws E | F", "(FunctionTypeExpr [int, string] A (UnionTypeExpr [E, F]))"),
        ("(int) -> (int) -> int", "(FunctionTypeExpr [int] (FunctionTypeExpr [int] int nothing) nothing)"),
        ("((int) -> int)[]", "(ListTypeExpr (FunctionTypeExpr [int] int nothing))"),
        ("A | (int) -> int", "(UnionTypeExpr [A, (FunctionTypeExpr [int] int nothing)])"),
        ("((int) -> int) | A", "(UnionTypeExpr [(FunctionTypeExpr [int] int nothing), A])"),
        ("(int @assert(x, {{ this > 0 }}))[]", "(ListTypeExpr (AttributedTypeExpr int [@assert]))"),
        ("int @a @b | string", "(UnionTypeExpr [(AttributedTypeExpr int [@a, @b]), string])"),
    ],
)
def test_types(type_: Shape, text: str, shape: str) -> None:
    assert type_(text) == shape


def test_a_functions_throws_belongs_to_the_function_itself(declaration: Callable[[str], object]) -> None:
    function = declaration("function f() -> (() -> int) throws E { 1 }")
    assert function.throws.path == "E"  # type: ignore[attr-defined]
    inner = declaration("function f() -> () -> int throws E { 1 }")
    assert inner.throws is None  # type: ignore[attr-defined]
    assert inner.result.throws.path == "E"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("_", "(WildcardPattern nothing)"),
        ("x", "x"),
        ("1", "1"),
        ("-1", "-1"),
        ("-1.5", "-1.5"),
        ("2.0", "2.0"),
        ('"a"', "'a'"),
        ("true", "True"),
        ("null", "None"),
        ("Color.Red", "Color.Red"),
        ("1 | 2 | -3", "(OrPattern [1, 2, -3])"),
        ("Color.Red | null", "(OrPattern [Color.Red, None])"),
        ("int[]", "(TypePattern (ListTypeExpr int))"),
        ("string?", "(TypePattern (OptionalTypeExpr string))"),
        ("map<string, int>", "(TypePattern (MapTypeExpr string int))"),
        ("x: int", "(BindPattern x int)"),
        ("x: int | string", "(BindPattern x (UnionTypeExpr [int, string]))"),
        ("_: T", "(WildcardPattern T)"),
        ("let x: T", "(BindPattern x T)"),
        ("let _: T", "(WildcardPattern T)"),
        ("let x", "(BindPattern x nothing)"),
        ("type: T", "(BindPattern type T)"),
        ("A | x: B | C", "(OrPattern [A, (BindPattern x (UnionTypeExpr [B, C]))])"),
    ],
)
def test_patterns(pattern: Shape, text: str, shape: str) -> None:
    assert pattern(text) == shape
    if "x" not in text:
        assert pattern(f"{text} if a > 1") == shape
