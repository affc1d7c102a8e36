"""Structs and Pydantic models as the Python classes of BAML classes."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pydantic
import pytest

import bamlvm
from bamlvm.values.host_classes import fields_of, host_class

SOURCE = """
class Item { name string  from string?  @@dynamic }
class Order { items Item[]  total int @check(some, {{ this > 0 }}) }
function Same(order: Order) -> Order { order }
function Read(text: string) -> Order { client "openai/x"  prompt "{{ text }} {{ ctx.output_format }}" }
"""


class Struct(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    name: str
    from_: str | None = None


class Item(pydantic.BaseModel):
    __baml_name__: ClassVar[str] = "Item"
    model_config = pydantic.ConfigDict(extra="allow", populate_by_name=True)
    name: str
    from_: str | None = pydantic.Field(default=None, alias="from")


class Order(pydantic.BaseModel):
    __baml_name__: ClassVar[str] = "Order"
    items: list[Item]
    total: Any


@pytest.mark.parametrize("made", [Struct, Item])
def test_both_kinds_are_described_alike(made: Any) -> None:
    described = host_class(made)
    assert (described.hosts, described.names) == (("name", "from_"), ("name", "from"))
    value = described.new(name="a", from_="b")
    assert type(value) is made
    assert fields_of(value) == {"name": "a", "from": "b"}


@pytest.mark.parametrize("value", [1, "a", {}, object(), Struct, Item])
def test_other_values_have_no_fields(value: Any) -> None:
    assert fields_of(value) is None


def test_models_are_arguments_and_results() -> None:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        runtime.types.bind([Item, Order])
        order = Order(items=[Item(name="a", from_="b"), Item(name="c", more=1)], total=2)  # type: ignore[call-arg]  # made by hand, not from its fields
        result = runtime.call_function_sync("Same", {"order": order.model_copy(update={"items": order.items[:1]})})
        assert type(result) is Order
        assert result.items == order.items[:1]
        assert (result.total.value, result.total.checks["some"].status) == (2, "succeeded")
        read = runtime.parse("Read", '{"items": [{"name": "c", "more": 1}], "total": 2}')
        assert read.items == order.items[1:]
        assert bamlvm.to_builtins(read, checks=False) == {
            "items": [{"name": "c", "from": None, "more": 1}],
            "total": 2,
        }
