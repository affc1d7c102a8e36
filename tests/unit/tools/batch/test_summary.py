"""What the end of a batch says of tokens and money."""

from __future__ import annotations

from decimal import Decimal

from bamlvm.collector import Usage
from bamlvm.tools.batch.results import RowResult
from bamlvm.tools.batch.summary import Summary


def expense(*usages: Usage) -> str:
    summary = Summary()
    for usage in usages:
        summary.add(RowResult(usage=usage))
    return summary.expense


def cost(amount: str | None, currency: str | None = "USD") -> Usage:
    if amount is None:
        return Usage(10, 2, unpriced=1)
    return Usage(10, 2, known_cost=Decimal(amount), currency=currency)


def test_a_cost_is_shown_where_all_of_it_is_known() -> None:
    assert expense(cost("0.10"), cost("0.20")) == "20+4 tokens, 0.3 USD"
    assert expense(cost("0.10"), Usage()) == "10+2 tokens, 0.1 USD"  # no attempt was made
    assert expense(cost("0.10"), cost(None, None)) == "20+4 tokens"
    assert expense(cost(None, None), cost("0.10")) == "20+4 tokens"
    assert expense() == "0+0 tokens"


def test_amounts_of_two_currencies_are_not_added() -> None:
    assert expense(cost("0.10"), cost("0.20", "EUR"), cost("0.30")) == "30+6 tokens"
