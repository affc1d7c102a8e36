"""Runs every program below this folder, with the optimiser and without, and holds it against its own comments.

    // expect: {"a": [1, 2.5]}            main() returns this (JSON; 1, 1.0 and true differ)
    // expect thrown: baml.panics.DivisionByZero by zero        main() throws this class, its message contains the rest
    // expect error [E0062] line 7 "missing"      the program is refused: code, line, and what the message contains
    // expect warning [E0063] line 9      it compiles, with this warning
    // args: {"x": 1}                     the arguments of main

Without ``line N`` the line of the comment itself is meant; the text in quotes may be left out.  What is reported but
not expected fails as much as what is expected but not reported, except for lints: a program may show what is odd.  A
program expects errors, or one end of main.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.grammar.diagnostics import LINTS

FOLDER = Path(__file__).parent
PROGRAMS = sorted(FOLDER.rglob("*.baml"))

_COMMENT = re.compile(r"//\s*(expect\b.*|args:.*)$")
_DIAGNOSTIC = re.compile(r'expect (error|warning) \[(E\d{4})\](?: line (\d+))?(?: "(.*)")?$')
_THROWN = re.compile(r"expect thrown: (\S+)(?: (.*))?$")


@dataclass(frozen=True)
class Reported:
    """A diagnostic, as far as programs talk about it."""

    severity: str
    code: str
    line: int


@dataclass
class Expectation:
    """What the comments of one program say."""

    value: Any = None
    has_value: bool = False
    thrown: tuple[str, str] | None = None
    diagnostics: dict[Reported, str] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        return any(each.severity == "error" for each in self.diagnostics)


def read_expectation(source: str) -> Expectation:
    """The expectation in a program's comments.  Raises :class:`ValueError` if they make none, or none of sense."""
    found = Expectation()
    for number, line in enumerate(source.splitlines(), start=1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        text = comment.group(1).strip()
        if text.startswith("args:"):
            found.args = json.loads(text.removeprefix("args:"))
        elif text.startswith("expect:"):
            if found.has_value:
                raise ValueError(f"line {number}: a second value")
            found.value, found.has_value = json.loads(text.removeprefix("expect:")), True
        elif thrown := _THROWN.match(text):
            found.thrown = (thrown.group(1), thrown.group(2) or "")
        elif diagnostic := _DIAGNOSTIC.match(text):
            severity, code, at, message = diagnostic.groups()
            found.diagnostics[Reported(severity, code, int(at or number))] = message or ""
        else:
            raise ValueError(f"line {number}: not an expectation: {text}")
    if found.refused + found.has_value + (found.thrown is not None) != 1:
        raise ValueError("a program expects errors, or a value, or something thrown")
    return found


def same(left: Any, right: Any) -> bool:
    """Equality that tells 1, 1.0 and true apart, and takes maps in their order."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) or (left != left and right != right)


def check_diagnostics(expected: dict[Reported, str], diagnostics: Any, source: str) -> None:
    """Compare what was reported with what was expected."""
    reported = {}
    for diagnostic in diagnostics:
        line = source.count("\n", 0, diagnostic.span.start) + 1
        found = Reported(diagnostic.severity, diagnostic.code, line)
        if diagnostic.code not in LINTS or found in expected:
            reported[found] = diagnostic.message
    assert set(reported) == set(expected), "\n".join(f"{each}: {message}" for each, message in reported.items())
    for each, part in expected.items():
        assert part in reported[each]


@pytest.mark.parametrize("optimize", [True, False], ids=["optimized", "plain"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_program(program: Path, optimize: bool) -> None:
    source = program.read_text(encoding="utf-8")
    expectation = read_expectation(source)
    if expectation.refused:
        with pytest.raises(bamlvm.CompileError) as refused:
            bamlvm.Runtime.from_files({program.name: source}, optimize=optimize)
        check_diagnostics(expectation.diagnostics, refused.value.diagnostics, source)
        return
    with bamlvm.Runtime.from_files({program.name: source}, optimize=optimize) as runtime:
        check_diagnostics(expectation.diagnostics, runtime.diagnostics, source)
        if expectation.thrown is not None:
            with pytest.raises(bamlvm.ThrownError) as thrown:
                runtime.call_function_sync("main", expectation.args)
            assert thrown.value.class_name == expectation.thrown[0]
            assert expectation.thrown[1] in thrown.value.message
        else:
            value = bamlvm.to_builtins(runtime.call_function_sync("main", expectation.args))
            assert same(value, expectation.value), f"{json.dumps(value)} instead of {json.dumps(expectation.value)}"
        assert runtime.handles == 0


def test_there_are_programs() -> None:
    assert PROGRAMS


@pytest.mark.parametrize(
    "source",
    [
        "function main() -> int { 1 }",
        "// expect: 1\n// expect: 2",
        "// expect eror [E0001]",
        "// expect: 1\n// expect thrown: X",
    ],
    ids=["nothing", "two values", "misspelt", "two ends"],
)
def test_bad_expectations_are_refused(source: str) -> None:
    with pytest.raises(ValueError):
        read_expectation(source)


def test_values_are_compared_with_their_types() -> None:
    assert same([1, {"a": None}], [1, {"a": None}])
    assert not same(1, 1.0)
    assert not same(1, True)
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})
