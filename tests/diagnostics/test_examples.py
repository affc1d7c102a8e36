"""Each code has an example, and each example reports what it says, where it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bamlvm
from bamlvm import compiler, grammar
from bamlvm.grammar.diagnostics import CODES
from bamlvm.tools.explain import FILE, Example, examples, explain


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_reports_its_code_at_the_marked_lines(example: Example) -> None:
    found = bamlvm.check({FILE: example.program}).diagnostics
    lines = [(example.program.count("\n", 0, each.span.start) + 1, each.code) for each in found]
    assert lines == list(example.marks)
    assert {code for _, code in lines} == {example.code}


def test_no_other_code_is_reported() -> None:
    sources = [path for folder in (grammar, compiler) for path in Path(folder.__path__[0]).rglob("*.py")]
    reported = {code for path in sources for code in re.findall(r"\bE\d{4}\b", path.read_text(encoding="utf-8"))}
    assert reported == set(CODES)


def test_each_code_has_an_example() -> None:
    assert {example.code for example in examples()} == set(CODES)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_explained(example: Example) -> None:
    assert example.explanation[0].isupper() and example.explanation.endswith((".", "`."))
    assert max(map(len, example.explanation.splitlines())) <= 120


def test_a_code_is_explained_with_what_is_reported() -> None:
    text = explain("e0062")
    assert text.startswith("E0062: match not exhaustive\n\n") and "\n\nerror[E0062]: " in text
    with pytest.raises(bamlvm.HostError, match="did you mean `E0062`"):
        explain("E0062x")
