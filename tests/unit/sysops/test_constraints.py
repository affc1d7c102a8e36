"""``@assert`` and ``@check`` over values: what goes, what fails and where, what is reported."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm.sysops.constraints import AssertionFailed
from bamlvm.values.arguments import Arguments
from bamlvm.vm.program.types import Type

SOURCE = """
enum Mood { Happy Sad  @@assert(cheerful, {{ this == "Happy" }}) }

class Item {
  name string @assert({{ this|length > 0 }})
  price float @assert(positive, {{ this > 0 }}) @assert(small, {{ 1 / (this - 1) > -100 }})
  @@assert(honest, {{ this.name != "free" or this.price < 1 }})
}

class Order {
  items Item[] @assert(some, {{ this|length > 0 }})
  codes (int @assert(odd, {{ this % 2 == 1 }}))[]
  notes map<string, string @assert(short, {{ _|length < 4 }})>
  either (int @assert(big, {{ this > 9 }}) | string @assert(word, {{ this|length > 3 }}) | bool)
  small Small?
}

type Small = int @assert(small, {{ this < 10 }})
type Tree = (int @assert(leaf, {{ this > 0 }})) | Tree[]

class Node { value int @assert(v, {{ this > 0 }})  next Node? }
class Wrong { a int @assert(odd_one, {{ 1 / (this - 1) > 0 }}) }
class Plain { a int[]  b map<string, Plain> }
class Rated {
  stars int? @assert(range, {{ 1 <= this and this <= 5 }})
  title string? @assert(some, {{ this|length > 0 }})
  low int?
  high int?
  @@assert(in_order, {{ this.low <= this.high }})
}

class Checked {
  age int @check(adult, {{ this >= 18 }}) @check(human, {{ this < 130 }}) @check(none, {{ 1 / (this - 20) > 1 }})
}

function F() -> int @assert(ok, {{ this > 0 }}) { 1 }
function Uses(o: Order, m: Mood, t: Tree, n: Node, w: Wrong, p: Plain, c: Checked, r: Rated) -> null { null }
"""


@pytest.fixture(scope="module")
def runtime() -> bamlvm.Runtime:
    return bamlvm.Runtime.from_files({"main.baml": SOURCE})


def enforced(runtime: bamlvm.Runtime, name: str, value: Any) -> Any:
    types = {each.name: each.type for each in runtime.signature("Uses").parameters}
    type_ = types[name]
    given = Arguments(runtime.engine.program, runtime.types).convert(value, type_, name)
    result = runtime.engine.services.readers.constraints.enforce(given, type_)
    return bamlvm.to_builtins(runtime.engine.results.to_host(result))


ORDER: dict[str, Any] = {
    "items": [{"name": "a", "price": 2.5}],
    "codes": [1, 3],
    "notes": {"a": "x"},
    "either": 10,
    "small": None,
}


def test_what_holds_stays_as_it_is(runtime: bamlvm.Runtime) -> None:
    assert enforced(runtime, "o", ORDER) == ORDER


def test_items_and_entries_that_fail_go(runtime: bamlvm.Runtime) -> None:
    items = [{"name": "", "price": 2.0}, {"name": "a", "price": -1.0}, {"name": "free", "price": 2.0}]
    value = {
        **ORDER,
        "items": [*items, *ORDER["items"]],
        "codes": [1, 2, 3, 4],
        "notes": {"a": "x", "b": "far too long"},
    }
    assert enforced(runtime, "o", value) == ORDER


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": [{"name": "", "price": 1.0}]}, "items: the assertion `some` {{ this|length > 0 }} does not hold"),
        ({"either": 3}, "either: the assertion `big` {{ this > 9 }} does not hold"),
        ({"either": "abc"}, "either: the assertion `word` {{ this|length > 3 }} does not hold"),
        ({"small": 10}, "small: the assertion `small` {{ this < 10 }} does not hold"),
    ],
)
def test_anything_else_that_fails_fails_the_whole(runtime: bamlvm.Runtime, change: Any, message: str) -> None:
    with pytest.raises(AssertionFailed) as caught:
        enforced(runtime, "o", ORDER | change)
    assert str(caught.value) == message


def test_alternatives_without_an_assert_accept(runtime: bamlvm.Runtime) -> None:
    assert enforced(runtime, "o", ORDER | {"either": True})["either"] is True


def test_paths_and_recursive_types(runtime: bamlvm.Runtime) -> None:
    chain = {"value": 1, "next": {"value": 2, "next": {"value": -3, "next": None}}}
    with pytest.raises(AssertionFailed) as caught:
        enforced(runtime, "n", chain)
    assert caught.value.path == "next.next.value"
    assert enforced(runtime, "t", [1, [2, -2], -1]) == [1, [2]]
    with pytest.raises(AssertionFailed, match="cheerful"):
        enforced(runtime, "m", "Sad")


def test_an_assert_that_has_no_answer_says_why(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(AssertionFailed) as caught:
        enforced(runtime, "w", {"a": 1})
    assert str(caught.value) == "a: the assertion `odd_one` {{ 1 / (this - 1) > 0 }}: division by zero"


def test_the_first_assert_that_fails_is_told_and_no_later_one_asked(runtime: bamlvm.Runtime) -> None:
    """The second divides by zero at a price of 1."""
    value = ORDER | {"items": [{"name": "a", "price": 1.0}, *ORDER["items"]]}
    assert enforced(runtime, "o", value) == ORDER


def test_only_types_with_constraints_concern(runtime: bamlvm.Runtime) -> None:
    constraints = runtime.engine.services.readers.constraints
    concerned = {each.name: each.type for each in runtime.signature("Uses").parameters}
    asserts = {name for name, type_ in concerned.items() if constraints.concern("assert", type_)}
    assert asserts == {"o", "m", "t", "n", "w", "r"}
    assert {name for name, type_ in concerned.items() if constraints.concern("check", type_)} == {"c"}


def test_checks_report_and_one_without_an_answer_has_failed(runtime: bamlvm.Runtime) -> None:
    [field] = runtime.engine.program.classes["Checked"].fields
    outcomes = runtime.engine.services.readers.constraints.outcomes(20, field.attributes)
    found = [(each.name, each.holds) for each in outcomes]
    assert found == [("adult", True), ("human", True), ("none", False)]


def test_annotations_are_beside_the_types_that_programs_see(runtime: bamlvm.Runtime) -> None:
    fields = {field.name: field for field in runtime.engine.program.classes["Order"].fields}
    assert str(fields["codes"].type) == "int[]"
    assert str(fields["codes"].annotated) == "(int @assert)[]"
    assert str(fields["either"].type) == "int | string | bool"
    assert fields["items"].annotated is fields["items"].type
    signature = runtime.signature("F")
    assert str(signature.result) == "int"
    kept: Type | None = signature.annotated
    assert str(kept) == "int @assert"
    assert str(runtime.engine.program.aliases["Tree"]) == "int | Tree[]"
    assert "Tree" in runtime.engine.program.annotated_aliases


def test_trailing_attributes_of_a_result_are_the_whole_unions(runtime: bamlvm.Runtime) -> None:
    source = """
        function F() -> int | bool @assert(p, {{ this == 1 }}) { 1 }
        function G() -> (int | bool @assert(p, {{ this }})) { 1 }
    """
    program = bamlvm.Runtime.from_files({"main.baml": source})
    assert str(program.signature("F").annotated) == "(int | bool) @assert"
    assert str(program.signature("G").annotated) == "int | bool @assert"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": 1}, "args.x: the assertion `big` {{ this > 5 }} does not hold"),
        ({"xs": [9, 1]}, "args.xs[1]: the assertion `big` {{ this > 5 }} does not hold"),
        ({"m": {"a": {"n": 1}}}, "args.m['a'].n: the assertion `one` {{ this == 2 }} does not hold"),
        ({"p": {"n": 3}}, "args.p.n: the assertion `one` {{ this == 2 }} does not hold"),
    ],
)
def test_arguments_of_the_host_are_held_to_asserts(arguments: Any, message: str) -> None:
    """Nothing is dropped: the host knows what it gives."""
    source = """
        class P { n int @assert(one, {{ this == 2 }}) }
        function F(
            x: int @assert(big, {{ this > 5 }}), xs: (int @assert(big, {{ this > 5 }}))[], m: map<string, P>, p: P
        ) -> int { x }
    """
    fitting = {"x": 9, "xs": [9], "m": {"a": {"n": 2}}, "p": {"n": 2}}
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert runtime.call_function_sync("F", fitting) == 9
        with pytest.raises(bamlvm.HostError) as caught:
            runtime.call_function_sync("F", fitting | arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("attribute", "message"),
    [("@assert(x)", "`@assert` has no expression"), ("@check({{ this > 1 }})", "`@check` has no name")],
)
def test_constraints_that_lack_something(attribute: str, message: str) -> None:
    with pytest.raises(bamlvm.CompileError) as caught:
        bamlvm.Runtime.from_files({"main.baml": f"class A {{ a int {attribute} }}"})
    assert message in caught.value.render()


def test_an_optional_field_may_be_null_whatever_its_asserts_say(runtime: bamlvm.Runtime) -> None:
    """So baml-py reads it; there a value that breaks the assert becomes null as well, here it is refused."""
    empty = {"stars": None, "title": None, "low": None, "high": None}
    assert enforced(runtime, "r", empty) == empty
    assert enforced(runtime, "r", {**empty, "stars": 5, "high": 1}) == {**empty, "stars": 5, "high": 1}
    with pytest.raises(AssertionFailed, match=r"stars: the assertion `range` .* does not hold"):
        enforced(runtime, "r", {**empty, "stars": 9})
    with pytest.raises(AssertionFailed, match="in_order"):
        enforced(runtime, "r", {**empty, "low": 1})
