"""Lines and columns of offsets."""

from __future__ import annotations

import pytest

from bamlvm.grammar.source import SourceFile


@pytest.mark.parametrize(
    ("offset", "position"),
    [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (6, (4, 1)), (7, (4, 2)), (99, (4, 2)), (-1, (1, 1))],
)
def test_lines_and_columns(offset: int, position: tuple[int, int]) -> None:
    source = SourceFile("a", "a\u2028\nb\r\n\n😀"[0:2] + "\nb\n\n😀")
    assert source.text == "a\u2028\nb\n\n😀"
    assert source.position(offset) == position
    assert [source.line_text(line) for line in (1, 2, 3, 4)] == ["a\u2028", "b", "", "😀"]
