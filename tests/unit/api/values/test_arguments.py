"""Python values as arguments: what is accepted, what it becomes, and what is said about what does not fit."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm import HostError

pytestmark = pytest.mark.slow

SOURCE = """
enum Color { Red  Green }
class Item { name string  price int }
class Order { items Item[]  note string?  color Color }
class Node { value int  next Node? }
class Cat { name string  lives int }
class Dog { name string  tricks string[] }
type Json = int | float | bool | string | null | Json[] | map<string, Json>

function int_(x: int) -> int { x }
function float_(x: float) -> float { x }
function bool_(x: bool) -> bool { x }
function string_(x: string) -> string { x }
function order(x: Order) -> Order { x }
function color(x: Color) -> Color { x }
function either(x: string | Color) -> string | Color { x }
function literal(x: "a" | 1 | true) -> "a" | 1 | true { x }
function pet(x: Cat | Dog | null) -> Cat | Dog | null { x }
function map_or_class(x: map<string, int> | Cat) -> map<string, int> | Cat { x }
function number(x: int | float) -> int | float { x }
function by_color(x: map<Color, int>) -> map<Color, int> { x }
function by_literal(x: map<"a" | "b", int>) -> map<"a" | "b", int> { x }
function json(x: Json) -> Json { x }
function anything(x: unknown) -> unknown { x }
function node(x: Node) -> Node { x }
function same_twice(x: Item[], y: Item[]) -> Item[] { x[0].price = 7; x }
function picture(x: image) -> image { x }
function optional(x: int, y: int = 10, z: string?) -> int { x + y }
function apply(x: (int) -> int) -> int { x(1) }
"""


@pytest.fixture(scope="module")
def runtime() -> bamlvm.Runtime:
    return bamlvm.Runtime.from_files({"main.baml": SOURCE})


def call(runtime: bamlvm.Runtime, name: str, value: Any) -> Any:
    return bamlvm.to_builtins(runtime.call_function_sync(name, {"x": value}))


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("int_", 3, 3),
        ("int_", -(2**63), -(2**63)),
        ("float_", 1.5, 1.5),
        ("float_", 2, 2.0),
        ("bool_", True, True),
        ("string_", "é", "é"),
        ("color", "Red", "Red"),
        ("either", "Red", "Red"),
        ("literal", 1, 1),
        ("literal", True, True),
        ("pet", {"name": "Tom", "lives": 9}, {"name": "Tom", "lives": 9}),
        ("pet", {"name": "Rex", "tricks": ["sit"]}, {"name": "Rex", "tricks": ["sit"]}),
        ("pet", None, None),
        ("number", 1, 1),
        ("number", 1.0, 1.0),
        ("by_color", {"Red": 1}, {"Red": 1}),
        ("by_literal", {"b": 1}, {"b": 1}),
        ("json", [1, {"a": [None, 2.5]}], [1, {"a": [None, 2.5]}]),
        ("anything", {"a": (1, 2)}, {"a": [1, 2]}),
        (
            "order",
            {"items": [{"name": "pen", "price": 2}], "color": "Green"},
            {"items": [{"name": "pen", "price": 2}], "note": None, "color": "Green"},
        ),
        ("picture", {"url": "http://x/y.png"}, {"url": "http://x/y.png", "media_type": None}),
    ],
)
def test_accepted(runtime: bamlvm.Runtime, name: str, value: Any, result: Any) -> None:
    got = call(runtime, name, value)
    assert got == result
    assert type(got) is type(result)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("int_", True, "args.x: expected int, got bool True"),
        ("int_", 1.0, "args.x: expected int, got float 1.0"),
        ("int_", 2**63, "out of the range of int"),
        ("int_", 10**5000, "out of the range of int"),
        ("string_", 10**5000, "args.x: expected string, got int"),
        ("int_", None, "expected int, got None"),
        ("float_", 10**5000, "out of the range of float"),
        ("bool_", 1, "expected bool, got int 1"),
        ("string_", b"x", "expected string, got bytes"),
        ("color", "Blue", "expected Color (Red, Green), got str 'Blue'"),
        ("literal", "b", 'expected "a" | 1 | true, got str'),
        ("order", {"items": [], "note": None, "color": "Red", "colour": 1}, "class Order has no field 'colour'"),
        ("order", {"items": []}, "args.x.color: expected Color, but the field is missing"),
        (
            "order",
            {"items": [{"name": "a", "price": 1}, {"name": "b", "price": "2"}], "color": "Red"},
            "args.x.items[1].price: expected int, got str",
        ),
        ("pet", {"name": "Rex", "tricks": [1]}, "args.x.tricks[0]: expected string, got int 1"),
        ("json", [1, [object()]], "args.x[1][0]: expected"),
        ("by_color", {"Blue": 1}, "args.x['Blue']: expected Color"),
        ("anything", {1: 2}, "expected a string or an enum as key, got int 1"),
        ("anything", object(), "a Python object has no BAML form"),
        ("picture", "http://x", "expected image, as Media"),
        ("picture", bamlvm.Media("audio", None, "url", "u"), "expected image, got audio"),
        ("apply", len, "a function cannot come from Python"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_refused(runtime: bamlvm.Runtime, name: str, value: Any, message: str) -> None:
    with pytest.raises(HostError) as refused:
        call(runtime, name, value)
    assert message in str(refused.value)


def test_the_programs_own_classes_are_accepted(runtime: bamlvm.Runtime) -> None:
    types = runtime.types
    order = types.Order(items=[types.Item(name="pen", price=2)], color=types.Color.Red)
    assert runtime.call_function_sync("order", {"x": order}) == order
    assert runtime.call_function_sync("anything", {"x": order}) == order
    assert runtime.call_function_sync("either", {"x": types.Color.Red}) is types.Color.Red
    assert runtime.call_function_sync("either", {"x": "Red"}) == "Red"


def test_another_runtimes_classes_are_known_by_name(runtime: bamlvm.Runtime) -> None:
    other = bamlvm.Runtime.from_files({"main.baml": SOURCE})
    given = other.types.Cat(name="Tom", lives=9)
    assert runtime.call_function_sync("pet", {"x": given}) == runtime.types.Cat(name="Tom", lives=9)


def test_foreign_enums_are_refused(runtime: bamlvm.Runtime) -> None:
    class Color(enum.Enum):
        Red = "Red"

    with pytest.raises(HostError, match="expected Color"):
        call(runtime, "color", Color.Red)


def test_subclasses_enter_as_plain_values(runtime: bamlvm.Runtime) -> None:
    class Text(str):
        pass

    assert type(runtime.call_function_sync("string_", {"x": Text("a")})) is str


def test_a_class_beats_a_map_where_both_fit(runtime: bamlvm.Runtime) -> None:
    assert isinstance(call(runtime, "map_or_class", {"a": 1}), dict)
    cat = runtime.call_function_sync("map_or_class", {"x": {"name": "Tom", "lives": 9}})
    assert isinstance(cat, runtime.types.Cat)


def test_left_out_arguments(runtime: bamlvm.Runtime) -> None:
    assert runtime.call_function_sync("optional", {"x": 1}) == 11
    assert runtime.call_function_sync("optional", {"x": 1, "y": 2, "z": None}) == 3
    with pytest.raises(HostError, match=r"the argument 'x' \(int\) is missing"):
        runtime.call_function_sync("optional", {})
    with pytest.raises(HostError, match="no parameter 'w'"):
        runtime.call_function_sync("optional", {"x": 1, "w": 1})


def test_what_is_shared_stays_shared_within_an_argument(runtime: bamlvm.Runtime) -> None:
    item = {"name": "pen", "price": 1}
    result = runtime.call_function_sync("same_twice", {"x": [item, item], "y": []})
    assert result[0] is result[1]
    assert item["price"] == 1


def test_ten_thousand_deep(runtime: bamlvm.Runtime) -> None:
    chain: Any = None
    for value in range(10_000):
        chain = {"value": value, "next": chain}
    result = runtime.call_function_sync("node", {"x": chain})
    builtins = bamlvm.to_builtins(result)
    depth = 0
    while builtins is not None:
        depth, builtins = depth + 1, builtins["next"]
    assert depth == 10_000


def test_ten_thousand_deep_through_unions(runtime: bamlvm.Runtime) -> None:
    nested: Any = 1
    for _ in range(5_000):
        nested = [nested, {"k": nested}]
    result = runtime.call_function_sync("json", {"x": nested})
    assert result[0] is result[1]["k"]


def test_a_mismatch_in_the_depth_names_both_ends_of_the_way(runtime: bamlvm.Runtime) -> None:
    chain: Any = {"value": "bad", "next": None}
    for value in range(10_000):
        chain = {"value": value, "next": chain}
    with pytest.raises(HostError, match=r"^args\.x\.next\.next.*…\.next.*\.value: expected int, got str 'bad'$"):
        runtime.call_function_sync("node", {"x": chain})


def test_cycles_are_refused(runtime: bamlvm.Runtime) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for name in ("json", "anything"):
        with pytest.raises(HostError, match="cycle"):
            call(runtime, name, loop)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_plain_data_comes_back_as_it_went(value: Any) -> None:
    runtime = _shared()
    for name in ("json", "anything"):
        got = call(runtime, name, value)
        assert got == value
        assert repr(got) == repr(value)


_RUNTIMES: list[bamlvm.Runtime] = []


def _shared() -> bamlvm.Runtime:
    if not _RUNTIMES:
        _RUNTIMES.append(bamlvm.Runtime.from_files({"main.baml": SOURCE}))
    return _RUNTIMES[0]
