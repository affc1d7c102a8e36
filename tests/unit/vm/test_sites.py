"""The packed sites of a translation: those that went in, and small."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bamlvm.vm.native import Native
from bamlvm.vm.sites import SiteTable
from tests.support.compiling import compile_text, errors, link

SOURCE = """
function small(xs: int[], i: int) -> int { xs[i] / i }
function main(xs: int[], n: int) -> int {
  let s = 0;
  for (let i = 0; i < n; i += 1) { s += small(xs, i) catch_all (e) { _ => xs[0] % n }; }
  s + xs.map((x: int) -> int { x * s }).length()
}
"""


@pytest.fixture(scope="module")
def native() -> Native:
    made = compile_text(SOURCE)
    assert made.unit is not None, errors(made)
    return Native(link(made.unit), "eager")


def sites_of(native: Native, name: str) -> Any:
    return native.translation(native.program.function(name)).sites


@pytest.mark.parametrize("name", ["small", "main"])
def test_what_went_in_comes_out(native: Native, name: str) -> None:
    sites = sites_of(native, name)
    assert {each.body is None for each in sites.values()} == ({True} if name == "small" else {True, False})
    assert any(each.failure is not None for each in sites.values())
    table = SiteTable(sites)
    lines = range(max(sites) + 3)
    for _ in range(2):
        assert [table.get(line) for line in lines] == [sites.get(line) for line in lines]


def test_a_line_that_is_left_again_has_the_same_site(native: Native) -> None:
    sites = sites_of(native, "main")
    table = SiteTable(sites)
    line = next(iter(sites))
    assert table.get(line) is table.get(line)


def test_what_is_kept_is_small(native: Native) -> None:
    sites = sites_of(native, "main")
    table: Any = SiteTable(sites)
    kept = sys.getsizeof(table._packed) + sys.getsizeof(table._objects) + sys.getsizeof(table._found)
    assert kept < 40 * len(sites) + 400
