"""What types that a call adds cost: the same request without them, with known ones, and with ones never seen before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

import bamlvm

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Resume { name string  age int?  @@dynamic }
enum Category { A  B  @@dynamic }
function Extract(text: string) -> Resume { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
"""


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as made:
        yield made


def builder(runtime: bamlvm.Runtime, number: int = 0) -> bamlvm.TypeBuilder:
    types = bamlvm.TypeBuilder(runtime)
    address = types.add_class("Address")
    address.add_property("street", types.string())
    mood = types.add_enum("Mood")
    for name in ("Happy", "Sad", f"Mood{number}"):
        mood.add_value(name)
    types.Resume.add_property("email", types.string().optional()).description(f"number {number}")
    types.Resume.add_property("address", address.type().optional())
    types.Resume.add_property("mood", mood.type().optional())
    types.Category.add_value("C")
    return types


@pytest.mark.parametrize("types", ["none", "one builder", "a new builder, the same types", "types never seen"])
def test_request(benchmark: Any, runtime: bamlvm.Runtime, types: str) -> None:
    numbers = count(1)
    known = builder(runtime)
    contexts: dict[str, Callable[[], bamlvm.CallContext]] = {
        "none": lambda: bamlvm.CallContext(),
        "one builder": lambda: bamlvm.CallContext(types=known),
        "a new builder, the same types": lambda: bamlvm.CallContext(types=builder(runtime)),
        "types never seen": lambda: bamlvm.CallContext(types=builder(runtime, next(numbers))),
    }
    context = contexts[types]
    benchmark(lambda: runtime.request("Extract", {"text": "x"}, context()))
