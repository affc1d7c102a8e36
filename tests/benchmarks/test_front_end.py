"""What reading source costs: lexing, splitting into items, parsing, parsing again from a cache, and making the tables.

The program is ordinary: 100 functions and 100 classes, 2,800 lines, 18,000 tokens.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bamlvm.grammar.items import split_items
from bamlvm.grammar.lalr import build, load
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.parser import ItemCache, parse_file
from bamlvm.grammar.source import SourceFile

ITEMS = """/// Totals the order {i}.
function total_{i}(order: Order{i}, discount: float = 0.1) -> float throws baml.errors.InvalidArgument {{
  let sum = 0.0;
  for (let line in order.lines) {{
    if (line.quantity <= 0 || line.price < 0.0) {{
      throw baml.errors.InvalidArgument {{ message: "bad line " + line.name }}
    }}
    sum += line.price * line.quantity.to_float();
  }}
  let result = match (order.kind) {{
    Kind.Retail => sum,
    Kind.Wholesale => sum * (1.0 - discount),
    _ => {{ return 0.0 }}
  }};
  lookup(order.id, retries = 3) catch (e) {{
    baml.errors.Timeout => return result,
    _ => throw e,
  }}
  result
}}

class Order{i} {{
  id string @description("The id of the order")
  lines Line[]
  kind Kind @alias("type")
  notes map<string, string>?
}}

"""


def program(items: int) -> str:
    """A program of that many functions and classes."""
    return "".join(ITEMS.format(i=i) for i in range(items))


@pytest.fixture
def source() -> SourceFile:
    return SourceFile("main.baml", program(100))


def test_lexing(benchmark: BenchmarkFixture, source: SourceFile) -> None:
    items = [(source.text[item.start : item.end], item.keyword) for item in split_items(source.text)]
    count = sum(len(lex(*item).tokens) for item in items)
    benchmark.extra_info["tokens"] = count
    benchmark(lambda: [lex(*item) for item in items])
    assert count > 17_000


def test_splitting(benchmark: BenchmarkFixture, source: SourceFile) -> None:
    assert len(benchmark(split_items, source.text)) == 200


def test_parsing(benchmark: BenchmarkFixture, source: SourceFile) -> None:
    file, diagnostics = benchmark(parse_file, source)
    assert (len(file.items), diagnostics) == (200, [])


def test_parsing_ten_times_as_much(benchmark: BenchmarkFixture) -> None:
    """The time grows with the text and no faster."""
    file, _ = benchmark.pedantic(parse_file, (SourceFile("main.baml", program(1000)),), rounds=3)
    assert len(file.items) == 2000


def test_parsing_what_is_known(benchmark: BenchmarkFixture, source: SourceFile) -> None:
    cache: ItemCache = {}
    parse_file(source, cache)
    file, _ = benchmark(parse_file, source, cache)
    assert len(file.items) == 200


def test_parsing_after_an_edit_of_one_item(benchmark: BenchmarkFixture, source: SourceFile) -> None:
    cache: ItemCache = {}
    parse_file(source, cache)
    numbers = iter(range(10_000_000))

    def edit() -> int:
        text = source.text.replace("retries = 3", f"retries = {next(numbers)}", 1)
        return len(parse_file(SourceFile("main.baml", text), cache)[0].items)

    assert benchmark(edit) == 200


def test_loading_the_tables(benchmark: BenchmarkFixture) -> None:
    assert benchmark(load.__wrapped__).states


def test_making_the_tables(benchmark: BenchmarkFixture) -> None:
    assert benchmark.pedantic(build, rounds=2).states
