"""A project that is loaded again and again: each version as if it were the first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bamlvm.build.cache import Cache
from bamlvm.build.loading import Loader, load
from bamlvm.errors import CompileError
from bamlvm.vm.program.unit import encode

FIRST = {
    "a.baml": "class Point { x int  y int }\nfunction sum(p: Point) -> int { p.x + p.y }\n",
    "b.baml": "function main() -> int { sum(Point { x: 1, y: 2 }) }\n",
}
VERSIONS = (
    FIRST,
    {**FIRST, "b.baml": "// moved\n" + FIRST["b.baml"]},
    {**FIRST, "a.baml": FIRST["a.baml"].replace("p.y", "p.z")},  # E
    {**FIRST, "a.baml": FIRST["a.baml"].replace("y int", "y int  z int?")},  # E
    {"a.baml": FIRST["a.baml"]},
    FIRST,
    {"c.baml": "class Point {"},  # E
    FIRST,
)


@pytest.mark.parametrize("starts_cached", [False, True])
def test_each_version_is_what_it_would_be_alone(tmp_path: Path, starts_cached: bool) -> None:
    cache, other = Cache(tmp_path / "one"), Cache(tmp_path / "other")
    if starts_cached:
        load(FIRST, True, cache)
    loader = Loader(True, cache)
    for files in VERSIONS:
        try:
            expected = load(files, True, other)
        except CompileError as error:
            with pytest.raises(CompileError) as raised:
                loader.load(files)
            assert raised.value.diagnostics == error.diagnostics
            continue
        found = loader.load(files)
        assert encode(found.unit) == encode(expected.unit)
        assert found.diagnostics == expected.diagnostics
        assert loader.stages(files).unit == expected.unit


def test_only_what_has_changed_is_compiled(tmp_path: Path) -> None:
    loader = Loader(True, Cache(tmp_path))
    before = loader.load(FIRST).unit.functions
    after = loader.load({**FIRST, "b.baml": FIRST["b.baml"].replace("1", "3")}).unit.functions
    assert after["sum"].function is before["sum"].function
    assert after["main"].function is not before["main"].function


def test_threads_may_share_one(tmp_path: Path) -> None:
    loader = Loader(True, Cache(tmp_path))
    wrong: list[str] = []

    def follow(number: int) -> None:
        for version in range(20):
            value = f"{number}{version}"
            unit = loader.load({**FIRST, "b.baml": f"function main() -> int {{ {value} }}"}).unit
            if unit.functions["main"].function.constants != (int(value),):
                wrong.append(value)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
