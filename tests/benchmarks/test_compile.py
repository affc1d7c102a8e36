"""Compile-time work: whole projects, and a warm project after one edit.

Goals: ``empty_project`` under 1 ms warm, ``single_simple_file`` under 10 ms cold of cache, ``scale_100_functions``
under 150 ms cold and 5 ms from the disk cache, 1,000 functions about ten times 100; after an edit, all diagnostics
again: ``no_change`` under 150 µs, one-item edits under 3 ms.  CPU time, so that a busy machine measures the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.compiler.project import Project, compile_project
from bamlvm.vm.program.unit import Unit
from tests.snapshots.cases import standard_stages

pytestmark = pytest.mark.benchmark(timer=time.process_time)

SIMPLE = """
class Person { name string  age int? }

function describe(person: Person) -> string {
  if (person.age == null) { return person.name }
  `${person.name} is ${person.age}`
}

function main() -> string { describe(Person { name: "Ada", age: 36 }) }
"""


@cache
def standard() -> Unit:
    unit = standard_stages().unit
    assert unit is not None
    return unit


def class_source(number: int, classes: int) -> str:
    return f"""class C{number} {{
  name string
  count int
  tags string[]
  next C{(number + 1) % classes}?
}}
"""


def function_source(number: int, classes: int) -> str:
    return f"""function f{number}(c: C{number % classes}, n: int) -> int {{
  let total = 0;
  for (let tag in c.tags) {{
    if (tag.length() > n) {{ total += tag.length() }} else {{ total -= 1 }}
  }}
  let other = C{number % classes} {{ name: "x", count: total, tags: ["a", "b"] }};
  match (other.count) {{ 0 => 1, 1 => 2, _ => total + n }}
}}
"""


def scaled(functions: int, classes: int = 20, files: int = 10) -> dict[str, str]:
    """A project of ``functions`` functions over ``classes`` classes, spread over ``files`` files."""
    items = [class_source(n, classes) for n in range(classes)] + [function_source(n, classes) for n in range(functions)]
    return {f"part{n}.baml": "\n".join(items[n::files]) for n in range(files)}


def deeply_nested(levels: int = 12) -> dict[str, str]:
    """Classes each inside the next, and a function that reaches to the bottom."""
    classes = [f"class L{n} {{ inner L{n + 1}  value int }}" for n in range(levels)]
    path = ".inner" * levels
    reach = f"function reach(top: L0) -> int {{ top{path}.value }}"
    return {"main.baml": "\n".join([*classes, f"class L{levels} {{ value int }}", reach])}


def compiled(files: dict[str, str]) -> Unit:
    result = compile_project(files, standard())
    assert result.unit is not None, result.diagnostics
    return result.unit


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="empty_project"),
        pytest.param({"main.baml": SIMPLE}, id="single_simple_file"),
        pytest.param(scaled(100), id="scale_100_functions"),
        pytest.param(scaled(1000), id="scale_1000_functions"),
        pytest.param(deeply_nested(), id="scale_deep_nesting"),
    ],
)
def test_compile(benchmark: Any, files: dict[str, str]) -> None:
    standard()
    benchmark.pedantic(compiled, (files,), rounds=3 if len(files) > 5 else 10, warmup_rounds=1)


def test_scale_100_functions_from_the_disk_cache(benchmark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("BAMLVM_CACHE_DIR", str(tmp_path))
    files = scaled(100)
    bamlvm.Runtime.from_files(files).close()
    benchmark.pedantic(lambda: bamlvm.Runtime.from_files(files).close(), rounds=10, warmup_rounds=1)


def replaced(path: str, old: str, new: str) -> Callable[[dict[str, str], int], dict[str, str]]:
    """An edit that puts ``new`` (with ``#`` for the round's number) in place of the first ``old``."""

    def edit(files: dict[str, str], number: int) -> dict[str, str]:
        assert old in files[path]
        return {**files, path: files[path].replace(old, new.replace("#", str(number)), 1)}

    return edit


def with_file(files: dict[str, str], number: int) -> dict[str, str]:
    return {**files, "new.baml": f"function fresh{number}(x: int) -> int {{ x + {number} }}\n"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda files, number: dict(files), id="no_change"),
        pytest.param(replaced("part1.baml", "total + n", "total + n + #"), id="modify_function"),
        pytest.param(replaced("part1.baml", "  count int\n", "  count int\n  extra# int?\n"), id="add_field"),
        pytest.param(replaced("part1.baml", "class C1 {", "class D# {"), id="rename_type"),
        pytest.param(with_file, id="add_new_file"),
        pytest.param(replaced("part1.baml", "  count int\n", '  count int @alias("n#")\n'), id="add_attribute"),
        pytest.param(replaced("part1.baml", 'name: "x"', 'name: "x#"'), id="add_string_char"),
        pytest.param(replaced("part1.baml", 'name: "x"', 'name: "x#'), id="close_string"),
    ],
)
def test_edit(benchmark: Any, edit: Callable[[dict[str, str], int], dict[str, str]]) -> None:
    files = scaled(100)
    project = Project(standard())
    numbers = iter(range(1000))

    def setup() -> tuple[tuple[dict[str, str]], dict[str, bool]]:
        project.update(files, emit=False)
        return (edit(files, next(numbers)),), {"emit": False}

    benchmark.pedantic(project.update, setup=setup, rounds=10, warmup_rounds=1)
