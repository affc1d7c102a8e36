"""Prices: which one a model has, and what an attempt and a sum of them cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.collector import Usage, usage_of
from bamlvm.mock import ThreadedMockServer
from bamlvm.sysops.prices import prices_from
from bamlvm.sysops.records import AttemptRecord, ErrorRecord

TABLE: dict[str, Mapping[str, Any]] = {
    "gpt-4o": {"input": 2.5, "output": 10, "cached_input": "1.25"},
    "gpt-4o-mini*": {"input": 0.15, "output": 0.6},
    "gpt-*": {"input": 1, "output": 2},
    "azure-openai/gpt-4o": {"input": 3, "output": 11},
    "claude-*": {"input": 3, "output": 15, "cached_input": 0.3, "cache_write": 3.75},
}
PRICES = prices_from(TABLE)


def attempt(**fields: Any) -> AttemptRecord:
    given = {
        "provider": "openai",
        "model": "gpt-4o",
        "status": 200,
        "input_tokens": 1000,
        "output_tokens": 100,
        **fields,
    }
    return AttemptRecord("F", "C", given.pop("provider"), 1, 1, 0.0, **given)


@pytest.mark.parametrize(
    ("provider", "model", "asked", "expected"),
    [
        ("openai", "gpt-4o", "gpt-4o", "2.5"),
        ("openai", "gpt-4o-2024-08-06", "gpt-4o", "2.5"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini", "0.15"),
        ("openai", "gpt-5", "gpt-5", "1"),
        ("azure-openai", "gpt-4o", "deployment", "3"),
        ("anthropic", "claude-x", None, "3"),
        ("openai", None, "gpt-4o", "2.5"),
        ("openai", "o9", "o9", None),
        ("openai", None, None, None),
    ],
)
def test_the_price_of_a_model(provider: str, model: str | None, asked: str | None, expected: str | None) -> None:
    price = PRICES.of(provider, model, asked)
    assert (price and price.input) == (expected and Decimal(expected))


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({}, "0.0035"),
        ({"cached_input_tokens": 400}, "0.003"),
        ({"output_tokens": 0, "input_tokens": 0}, "0"),
        ({"cache_write_tokens": 5}, None),
        ({"model": "gpt-4o-mini", "cached_input_tokens": 1}, None),
        (
            {"provider": "anthropic", "model": "claude-x", "cached_input_tokens": 100, "cache_write_tokens": 200},
            "0.00438",
        ),
        ({"model": "unheard-of"}, None),
        ({"output_tokens": None}, None),
        ({"cached": True}, "0"),
        ({"status": 429, "input_tokens": None, "output_tokens": None}, "0"),
        ({"status": 200, "input_tokens": None, "output_tokens": None}, None),
        ({"status": None, "input_tokens": None, "error": ErrorRecord("baml.errors.Network", "")}, "0"),
        ({"status": None, "input_tokens": None, "error": ErrorRecord("baml.errors.Timeout", "")}, None),
    ],
)
def test_the_cost_of_an_attempt(fields: dict[str, Any], cost: str | None) -> None:
    assert PRICES.cost(attempt(**fields)) == (None if cost is None else Decimal(cost))


def priced(**fields: Any) -> AttemptRecord:
    record = attempt(**fields)
    record.cost, record.currency = PRICES.cost(record), PRICES.currency
    return record


def test_sums_are_exact_and_unknown_where_a_part_is() -> None:
    thousand = usage_of([priced(input_tokens=1, output_tokens=1) for _ in range(1000)])
    assert thousand.cost == Decimal("0.0125")
    assert thousand.currency == "USD"
    unknown = usage_of([priced(), priced(model="unheard-of")])
    assert (unknown.cost, unknown.known_cost, unknown.unpriced) == (None, Decimal("0.0035"), 1)
    assert usage_of([]).cost is None
    assert sum([usage_of([priced()]), usage_of([priced()])], Usage()).cost == Decimal("0.007")
    assert (usage_of([priced()]) + unknown).cost is None
    other = usage_of([priced()])
    euro = Usage(1, 1, known_cost=Decimal(1), currency="EUR")
    assert (other + euro).cost is None
    bare = usage_of([attempt()])
    assert bare.cost is None
    assert (bare + other).cost is None, "one of them is not known"


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=20), st.integers(0, 20))
def test_sums_do_not_depend_on_their_order(tokens: list[tuple[int, int]], at: int) -> None:
    records = [priced(input_tokens=one, output_tokens=two) for one, two in tokens]
    whole = usage_of(records)
    assert usage_of(records[:at]) + usage_of(records[at:]) == whole == usage_of(records[::-1])
    if records:
        assert whole.cost == (Decimal("2.5") * whole.input_tokens + 10 * whole.output_tokens) / 1_000_000


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({"input": 1}, 'prices."m": Object missing required field `output`'),
        ({"input": 1, "output": "x"}, 'prices."m": Invalid decimal string - at `output`'),
        ({"input": -1, "output": 1}, 'prices."m": input must be a number from 0 up, not -1'),
        ({"input": float("nan"), "output": 1}, 'prices."m": input must be a number from 0 up, not NaN'),
        ({"input": 1, "output": 1, "cached": 1}, 'prices."m": Object contains unknown field `cached`'),
        ({"input": 1, "output": 1, "currency": ""}, 'prices."m": currency must not be empty'),
        ({"input": True, "output": 1}, 'prices."m": Expected `decimal`, got `bool` - at `input`'),
        (3, 'prices."m": Expected `object`, got `int`'),
        ({"input": 1, "output": 1, "currency": "EUR"}, "the prices are in several currencies: USD, EUR"),
    ],
)
def test_what_is_wrong_is_named(price: Any, message: str) -> None:
    with pytest.raises(bamlvm.HostError) as caught:
        bamlvm.Runtime.from_files({"m.baml": ""}, prices={"a": {"input": 1, "output": 2}, "m": price})
    assert str(caught.value) == message


def test_the_settings_of_a_project(tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> None:
    sources = tmp_path / "baml_src"
    sources.mkdir()
    base = threaded_mock_server.url
    (sources / "main.baml").write_text(
        f"""
        client<llm> C {{ provider openai  options {{ model "gpt-4o-mini"  api_key "k"  base_url "{base}/v1" }} }}
        function Say(text: string) -> string {{ client C  prompt #"{{{{ text }}}}"# }}
        """
    )
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.bamlvm.prices."gpt-4o-*"]\ninput = 0.10\noutput = 0.7\ncurrency = "EUR"\n')
    threaded_mock_server.play({"rules": [{"answers": [{"text": "a b c"}]}]})
    collector = bamlvm.Collector()
    with bamlvm.Runtime.from_directory(sources) as runtime:
        runtime.call_function_sync("Say", {"text": "one two"}, bamlvm.CallContext(collectors=[collector]))
    assert (collector.usage.cost, collector.usage.currency) == (Decimal("0.0000023"), "EUR")
    assert collector.attempts[0].cost == Decimal("0.0000023")
    assert collector.last is not None
    assert collector.last.usage.cost == collector.usage.cost
    assert "0.0000023 EUR" in repr(collector).replace("E-7", "") or "0.0000023 EUR" in repr(collector.attempts[0])
    with bamlvm.Runtime.from_directory(sources, prices=None, collectors=[collector]) as runtime:
        runtime.functions.Say(text="x")
    assert collector.usage.cost is None
    settings.write_text('[tool.bamlvm.prices."gpt-4o-*"]\ninput = "much"\noutput = 0.7\n')
    with pytest.raises(
        bamlvm.HostError, match=r'pyproject.toml: prices."gpt-4o-\*": Invalid decimal string - at `input`'
    ):
        bamlvm.Runtime.from_directory(sources)
