"""What values hold: near what the interpreter says, each object once, and no further than the limit."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bamlvm.vm.memory import size_of
from bamlvm.vm.values import Future
from bamlvm.vm.work import finish

pytestmark = pytest.mark.no_program


def size(*values: Any, limit: int = 1 << 40) -> int:
    return finish(size_of(values, limit))


def test_large_values_are_counted_as_large_as_they_are() -> None:
    text = "x" * 1_000_000
    assert size(text) == sys.getsizeof(text)
    numbers = list(range(10**6, 10**6 + 100_000))
    assert 0.9 < size(numbers) / (sys.getsizeof(numbers) + 32 * 100_000) < 1.1
    assert size([None] * 100_000) < 900_000
    entries = {str(each): [each] for each in range(10_000)}
    real = sys.getsizeof(entries) + sum(sys.getsizeof(key) + sys.getsizeof(each) + 32 for key, each in entries.items())
    assert 0.9 < size(entries) / real < 1.1


def test_what_is_shared_counts_once() -> None:
    text = "x" * 1_000_000
    assert size([text] * 1000) < 1_100_000
    value: Any = [1]
    for _ in range(40):
        value = [value, value]
    value[0].append(value)
    assert size(value) < 10_000


def test_a_settled_future_holds_its_value() -> None:
    future = Future(1, None)
    future.value = "x" * 1_000_000
    assert size([future]) > 1_000_000


def test_counting_ends_at_the_limit() -> None:
    work = size_of([[[each] for each in range(500_000)]], 1_000_000)
    count = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            assert 1_000_000 < end.value < 8_000_000
            break
        count += 1
    assert count < 200
