"""The formatter: what a file costs, and that twice the file costs about twice as much."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import bamlvm

pytestmark = pytest.mark.benchmark(timer=time.process_time)

SOURCE = (Path(__file__).parents[2] / "stdlib" / "llm.baml").read_text(encoding="utf-8")


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_files(benchmark: Any, copies: int) -> None:
    text = SOURCE * copies
    benchmark.extra_info["characters"] = len(text)
    assert benchmark(bamlvm.format_source, text)


@pytest.mark.parametrize("entries", [1_000, 2_000, 4_000])
def test_one_long_list(benchmark: Any, entries: int) -> None:
    text = f"function f() -> int[][] {{ [{', '.join(['[1, 2]'] * entries)}] }}"
    assert benchmark(bamlvm.format_source, text).count("\n") == entries + 4


def test_a_file_that_is_formatted(benchmark: Any) -> None:
    text = bamlvm.format_source(SOURCE)
    assert benchmark(bamlvm.format_source, text) == text
