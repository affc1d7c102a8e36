"""Documents: where lines are broken."""

from __future__ import annotations

import pytest

from bamlvm.grammar.formatter.documents import (
    FRESH,
    HARD,
    LINE,
    SOFT,
    SPACE,
    Doc,
    IfBroken,
    Remark,
    Verbatim,
    choice,
    concat,
    group,
    indent,
    render,
)

# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        (group("f(", indent(SOFT, "aaaa", IfBroken(",")), SOFT, ")"), "f(aaaa)"),
        (group("f(", indent(SOFT, "aaaaaaaaaa", IfBroken(",")), SOFT, ")"), "f(\n  aaaaaaaaaa,\n)"),
        (group("aaaaa", LINE, group("bbb", LINE, "ccc")), "aaaaa\nbbb ccc"),
        (concat("a", SPACE, HARD, SPACE, "b"), "a\nb"),
        (concat("a", SPACE, Remark("// a long remark"), HARD, "b"), "a // a long remark\nb"),
        (group("aaaa", LINE, Verbatim("bb\ncccccccccccccccc")), "aaaa bb\ncccccccccccccccc"),
        (concat("a", FRESH, FRESH, "b"), "a\nb"),
        (group("a", LINE, concat("b", HARD, "c")), "a\nb\nc"),
        (choice("f(", group("{", indent(LINE, "aaaaaa"), LINE, "}"), ")", "no"), "f({\n  aaaaaa\n})"),
        (choice("f(aaaaaaaaaa, ", group("{", LINE, "}"), ")", concat("yes")), "yes"),
    ],
)
def test_documents(doc: Doc, expected: str) -> None:
    assert render(doc, width=12) == expected
