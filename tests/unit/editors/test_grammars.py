"""The committed grammars are those that are made, and know every word of the language."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bamlvm.grammar.tokens import INFIX_WORDS, ITEM_KEYWORDS, LITERAL_WORDS
from bamlvm.vm.program.types import MEDIA
from editors import grammars

WORDS = sorted({*INFIX_WORDS, *ITEM_KEYWORDS, *LITERAL_WORDS, *MEDIA, "spawn", "await", "match", "for", "while"})


def test_the_grammars_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert grammars.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("make", [grammars.textmate, grammars.vim])
def test_they_know_every_word(make: Callable[[], str]) -> None:
    found = set(re.findall(r"[a-z_]+", make().replace("\\b", " ")))
    assert [word for word in WORDS if word not in found] == []
