"""Patterns find what Python's ``re`` finds, and take time linear in the text."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bamlvm.vm.natives import load_natives
from bamlvm.vm.patterns import (
    MAX_LENGTH,
    MAX_REPEAT,
    PatternError,
    compile_pattern,
    search,
    template_of,
)
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import Lengthy, finish, whole

pytestmark = pytest.mark.no_program

ATOMS = ["a", "b", "1", ".", r"\d", r"\w", r"\S", "[ab]", "[^a]", r"[a\d_-]", "[]b]", r"\.", r"\x61", "é"]
ASSERTIONS = ["^", r"\b", r"\B"]


def _patterns() -> st.SearchStrategy[tuple[str, bool]]:
    """Patterns, and whether each may match the empty string; what is repeated may not, since matchers differ there."""

    def repeated(inner: tuple[str, bool], sign: str, lazy: str) -> tuple[str, bool]:
        text, nullable = inner
        if nullable:
            return inner
        return f"(?:{text}){sign}{lazy}", sign in ("*", "?", "{0,2}")

    def extended(inner: st.SearchStrategy[tuple[str, bool]]) -> st.SearchStrategy[tuple[str, bool]]:
        signs = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}"])
        return st.one_of(
            st.builds(lambda a, b: (a[0] + b[0], a[1] and b[1]), inner, inner),
            st.builds(lambda a, b: (f"(?:{a[0]}|{b[0]})", a[1] or b[1]), inner, inner),
            st.builds(lambda a: (f"({a[0]})", a[1]), inner),
            st.builds(repeated, inner, signs, st.sampled_from(["", "?"])),
        )

    leaves = st.sampled_from([*((atom, False) for atom in ATOMS), *((each, True) for each in ASSERTIONS)])
    return st.recursive(leaves, extended, max_leaves=8)


def spans(pattern: str, text: str, start: int = 0) -> Any:
    return finish(search(compile_pattern(pattern), text, start))


@given(
    _patterns(), st.text("ab1 \n_é.", min_size=1, max_size=12)
)  # `\\B` finds nothing in an empty text in Python before 3.14
@settings(max_examples=400, deadline=None)
def test_it_finds_what_re_finds(pattern: tuple[str, bool], text: str) -> None:
    found = re.search(pattern[0], text)
    expected = None if found is None else tuple(each for g in range(found.re.groups + 1) for each in found.span(g))
    assert spans(pattern[0], text) == expected
    anywhere = finish(search(compile_pattern(pattern[0]), text, 0, any_match=True))
    assert (anywhere is None) == (expected is None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?i)straße", "STRASSE straße"),
        ("(?i)[a-c]+", "xABCd"),
        ("(?m)^b$", "a\nb\nc"),
        ("(?s)a.b", "a\nb"),
        ("(?P<n>a)", "ba"),
        ("a{,2}", "a{,2}"),
        ("x{a}", "x{a}"),
        ("", "ab"),
        ("a||b", "b"),
        (r"[\]\-^]+", "a]-^"),
        ("a+?b??", "aab"),
        (r"\s\S\D\W", " ab-"),
    ],
)
def test_forms(pattern: str, text: str) -> None:
    expected = re.search("a\\{,2\\}" if pattern == "a{,2}" else pattern, text)
    assert expected is not None and spans(pattern, text)[:2] == expected.span()


def test_the_end_is_the_end_only() -> None:
    assert spans("a$", "a\n") is None
    assert spans("(?m)a$", "a\n") == (0, 1)


def test_empty_repetitions_end() -> None:
    assert spans("(a*)*b", "aab")[:2] == (0, 3)
    assert spans("(?:a?){3}a{3}", "aaa")[:2] == (0, 3)
    assert spans("(|a)+b", "aab")[:2] == (0, 3)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "this group is never closed, at character 1"),
        ("a)", "closes nothing, at character 2"),
        ("[a", "this set is never closed, at character 1"),
        ("*a", "nothing that could be repeated"),
        ("a**", "needs a group"),
        ("^*", "nothing that could be repeated"),
        ("a{3,2}", "the lower number first"),
        (f"a{{{MAX_REPEAT + 1}}}", "from 0 to"),
        ("(?:a{1000}){1000}", "too large"),
        (f"[{'a' * MAX_LENGTH}]", "too large"),
        ("(?=a)", "look-around"),
        ("(?<=a)b", "look-around"),
        (r"(a)\1", "is no escape"),
        ("\\", "is no escape"),
        ("[b-a]", "is empty"),
        ("(" * 60 + ")" * 60, "nested too deep"),
        ("(?<1>a)", "a group's name"),
    ],
)
def test_invalid_patterns(pattern: str, message: str) -> None:
    with pytest.raises(PatternError, match=re.escape(message)):
        compile_pattern(pattern)


@given(st.text("ab()[]{}|*+?\\^$.-,0123xdw<>:=P", max_size=12))
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_pattern_or_an_error(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternError:
        return
    finish(search(compiled, "ab01(x)-d", 0))


@pytest.mark.parametrize("pattern", ["(a+)+$b", "(a|a)*b", "(a|aa)+$b", "(.*)*x", "(?:a?){30}a{30}"])
def test_no_pattern_blows_up(pattern: str) -> None:
    # A piece takes some thousand steps; a character at most a step for each instruction.
    length = 500
    compiled = compile_pattern(pattern)
    pieces = sum(1 for _ in search(compiled, "a" * length + "c", 0))
    assert pieces <= len(compiled.code) * (length + 2) / 1000 + 1


def test_replacements() -> None:
    replace = partial(whole, load_natives()["baml.String.replace_pattern"])
    assert replace("xac", "(a)(b)?", "<$0|$1|$2|$$|${1}0|$x|${|${x}|${}>") == "x<a|a||$|a0|$x|${|${x}|${}>c"
    with pytest.raises(Thrown, match="has 1 groups, but the replacement names `\\$2`"):
        replace("a", "(a)", "$2")


@pytest.mark.parametrize("part", ["$", "$x", "$$", "${", "$1", "${1}"])
def test_a_replacement_is_read_in_time_linear_in_it_and_in_pieces(part: str) -> None:
    pieces = 0
    for _ in template_of(part * 100_000, 1):
        pieces += 1
    assert pieces >= 100 or part in ("$x", "${")


def test_a_replacement_that_names_a_long_match_again_and_again_ends_at_the_limit() -> None:
    with pytest.raises(Thrown, match="MemoryLimit"):
        whole(load_natives()["baml.String.replace_pattern"], "a" * 10_000, "a+", "$0" * 1_000_000)


def test_groups_are_copied_one_by_one() -> None:
    captures = load_natives()["baml.String.captures"]
    with pytest.raises(Lengthy) as lengthy:
        captures("a" * 1000, "((((a+))))")
    sizes = [len(made) for made in lengthy.value.work if made]
    assert sizes == [1, 2, 3, 4, 5]


@given(
    st.lists(st.tuples(st.sampled_from("abcxyz09ß"), st.sampled_from("abcxyz09ß")).map(sorted), min_size=1, max_size=9),
    st.booleans(),
    st.sampled_from("abcdxyz0189ßX"),
)
def test_a_set_is_the_union_of_its_ranges(ranges: list[list[str]], negated: bool, character: str) -> None:
    pattern = "[" + "^" * negated + "".join(f"{low}-{high}" for low, high in ranges) + "]"
    assert (spans(pattern, character) is not None) == (re.search(pattern, character) is not None)


def test_a_set_of_thousands_of_characters_is_searched_not_read() -> None:
    """The characters that a test compares itself with are counted."""
    compared = 0

    class Character(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str(self) == other

        def __lt__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str(self) < other

        def __le__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str(self) <= other

        __hash__ = str.__hash__

    pattern = compile_pattern("[" + "".join(chr(300 + 2 * place) for place in range(9000)) + "]")
    accepts = next(step[1] for step in pattern.code if step[0] not in ("save", "match"))
    assert accepts(Character(chr(300 + 2 * 8000))) and not accepts(Character(chr(301)))
    assert compared < 40
