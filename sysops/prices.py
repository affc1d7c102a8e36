"""Prices of models, and what an attempt cost.

The table is the host's: no prices are built in, for they change.  A price is per million tokens, and amounts are
:class:`decimal.Decimal`, so that sums are exact.  A cost is None where it is not known, never 0: no price for the
model, tokens that the provider did not count, or a price that the table lacks for tokens that there were (of a
provider's cache, which costs less to read and may cost more to write).

An attempt is found by the model that answered, then by the one that was asked for, each also as ``provider/model``: by
its very name, else by the longest pattern (``gpt-4o*``) that fits.  Nothing was spent (0) where the response came from
our own cache, where a server refused the request, and where none was reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from bamlvm.sysops.records import AttemptRecord

_MILLION: Final = 1_000_000
_WILD: Final = "*?["
_REFUSED: Final = 400


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model's tokens cost, per million: those of the prompt, of the answer, of the prompt's part that the
    provider had in its cache, and of that which it wrote there."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached_input", "cache_write"):
            value = getattr(self, name)
            if value is not None and not (value.is_finite() and value >= 0):
                raise ValueError(f"{name} must be a number from 0 up, not {value}")
        if self.currency is not None and not self.currency:
            raise ValueError("currency must not be empty")


class Prices:
    """A table of prices by model; ``currency`` is that of all of them, USD unless they say otherwise.

    Raises :class:`ValueError` for prices in several currencies.
    """

    def __init__(self, table: Mapping[str, Price]) -> None:
        self.table = dict(table)
        currencies = dict.fromkeys(price.currency or "USD" for price in table.values())
        if len(currencies) > 1:
            raise ValueError(f"the prices are in several currencies: {', '.join(currencies)}")
        self.currency = next(iter(currencies), "USD")
        patterns = [name for name in self.table if any(mark in name for mark in _WILD)]
        self._patterns = sorted(patterns, key=len, reverse=True)
        self._found: dict[tuple[str, str | None, str | None], Price | None] = {}

    def of(self, provider: str, model: str | None, asked: str | None) -> Price | None:
        """Return the price of a model, or None if the table has none."""
        key = provider, model, asked
        if key not in self._found:
            if len(self._found) > 1000:  # servers name what they like
                self._found.clear()
            self._found[key] = self._find(provider, model, asked)
        return self._found[key]

    def _find(self, provider: str, model: str | None, asked: str | None) -> Price | None:
        names = [name for each in (model, asked) if each for name in (f"{provider}/{each}", each)]
        for name in names:
            if name in self.table:
                return self.table[name]
        for pattern in self._patterns:
            if any(fnmatchcase(name, pattern) for name in names):
                return self.table[pattern]
        return None

    def cost(self, attempt: AttemptRecord) -> Decimal | None:
        """Return what an attempt that has ended cost, or None if that is not known."""
        if attempt.cached:
            return Decimal(0)
        prompt, answer = attempt.input_tokens, attempt.output_tokens
        if prompt is None or answer is None:
            return Decimal(0) if _was_free(attempt) else None
        price = self.of(attempt.provider, attempt.model, attempt.request_model)
        if price is None:
            return None
        read, written = attempt.cached_input_tokens or 0, attempt.cache_write_tokens or 0
        parts = ((max(0, prompt - read - written), price.input), (answer, price.output))
        total = Decimal(0)
        for tokens, each in (*parts, (read, price.cached_input), (written, price.cache_write)):
            if tokens:
                if each is None:
                    return None
                total += tokens * each
        return total / _MILLION


def _was_free(attempt: AttemptRecord) -> bool:
    """Whether nothing can have been counted: the request was refused, or reached nobody."""
    if attempt.status is not None:
        return attempt.status >= _REFUSED
    return attempt.error is not None and attempt.error.type != "baml.errors.Timeout"


def prices_from(table: Mapping[str, Any]) -> Prices:
    """Return the prices of plain data: ``{"gpt-4o": {"input": 2.5, "output": 10, "cached_input": "1.25"}}``.

    Raises :class:`ValueError`, naming the place of what is wrong.
    """
    return Prices({name: price_from(name, price) for name, price in table.items()})


def price_from(name: str, price: Any) -> Price:
    """Return one price of plain data.  Raises :class:`ValueError`, naming the model and what is wrong."""
    if isinstance(price, Price):
        return price
    try:
        return msgspec.convert(_exact(price), Price)
    except msgspec.ValidationError as error:
        message = str(error).replace(" - at `$.", " - at `")
        raise ValueError(f'prices."{name}": {message}') from None


def _exact(price: Any) -> Any:
    """Return a price with its numbers as they are written: a float's own digits, not those of its binary form."""
    if not isinstance(price, Mapping):
        return price
    return {
        name: Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value
        for name, value in price.items()
    }
