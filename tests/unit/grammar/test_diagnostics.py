"""Diagnostics as data: codes, order, places."""

from __future__ import annotations

import re

import pytest

from bamlvm.grammar.diagnostics import CODES, Diagnostic, Label, error, sort, warning
from bamlvm.grammar.source import Span


def test_sorting_drops_exact_duplicates() -> None:
    early, late = error("E0003", "b", Span("a", 1, 2)), error("E0001", "a", Span("a", 5, 6))
    also, other = warning("E0063", "a", Span("a", 1, 2)), error("E0001", "a", Span("A", 9, 9))
    assert sort([late, also, early, other, early]) == [other, early, also, late]


@pytest.mark.parametrize("code", CODES)
def test_codes_are_titled(code: str) -> None:
    assert re.fullmatch(r"E\d{4}", code)
    assert CODES[code]


def test_moving_a_diagnostic_moves_its_labels() -> None:
    diagnostic = Diagnostic("E0001", "error", "m", Span("", 1, 2), (Label(Span("", 3, 4), "l"),), "h")
    moved = diagnostic.shifted("f", 10)
    assert (moved.span, moved.labels[0].span) == (Span("f", 11, 12), Span("f", 13, 14))
    assert (moved.message, moved.hint, moved.code) == ("m", "h", "E0001")
