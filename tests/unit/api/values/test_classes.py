"""The Python classes of a program's classes and enums."""

from __future__ import annotations

import copy
import enum
import pickle
from typing import Any

import msgspec
import pytest

import bamlvm


def test_class_values_are_structs_of_one_class(runtime: bamlvm.Runtime) -> None:
    person = runtime.call_function_sync("person")
    assert type(person) is runtime.types.Person
    assert isinstance(person, msgspec.Struct)
    assert person.name == "Ann"
    assert person.nick is None
    assert person.color is runtime.types.Color.Red
    assert person.scores == {runtime.types.Color.Red: 1.0}
    assert person == runtime.call_function_sync("person")
    assert runtime.types.Person.__doc__ == "Somebody."


def test_the_classes_can_be_made_and_decoded_by_the_host(runtime: bamlvm.Runtime) -> None:
    types = runtime.types
    person = types.Person(name="Bob", friends=[], color=types.Color.Red, scores={})
    assert person.nick is None
    text = '{"name": "Bob", "nick": null, "friends": [], "color": "Red", "scores": {"Red": 2}}'
    decoded = msgspec.json.decode(text, type=types.Person)
    assert decoded == types.Person(name="Bob", friends=[], color=types.Color.Red, scores={types.Color.Red: 2.0})
    with pytest.raises(TypeError, match="name"):
        types.Person(friends=[], color=types.Color.Red, scores={})


def test_enums(runtime: bamlvm.Runtime) -> None:
    color = runtime.types.Color
    assert issubclass(color, enum.Enum)
    assert color("Red") is color.Red
    assert str(color.Red) == "Red"
    assert runtime.call_function_sync("odd") is color["mro_"]
    assert bamlvm.to_builtins(color["mro_"]) == "mro"


def test_names_of_the_standard_library_are_nested(runtime: bamlvm.Runtime) -> None:
    timeout = runtime.types.baml.errors.Timeout
    assert timeout is runtime.types["baml.errors.Timeout"]
    assert "Person" in dir(runtime.types)
    with pytest.raises(AttributeError, match=r"no class or enum 'baml\.errors\.Nope'"):
        _ = runtime.types.baml.errors.Nope
    with pytest.raises(AttributeError):
        _ = runtime.types.Nope


def test_values_can_be_copied_and_pickled(runtime: bamlvm.Runtime) -> None:
    people = runtime.functions.people()
    copied = copy.deepcopy(people)
    assert copied == people and copied[0] is copied[1] and type(copied[0]) is runtime.types.Person
    pickled, again = pickle.loads(pickle.dumps(people)), pickle.loads(pickle.dumps(people))
    assert bamlvm.to_builtins(pickled) == bamlvm.to_builtins(people)
    assert pickled[0] is pickled[1] and pickled == again
    assert type(pickled[0]).__name__ == "Person"
    odd = runtime.functions.odd()
    assert copy.copy(odd) is copy.deepcopy(odd) is odd
    assert pickle.loads(pickle.dumps(odd)).value == "mro"


def test_a_chain_of_classes_may_be_of_any_length() -> None:
    count = 3000
    chain = "".join(f"class C{place} {{ a C{place + 1} }}\n" for place in range(count))
    source = chain + f"class C{count} {{ a int }}\nfunction Last() -> C{count} {{ C{count} {{ a: 1 }} }}"
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        made = runtime.types.C0
        for each in (runtime.types, runtime.partial_types):
            inner = each.C0.__baml_annotations__()["a"]
            assert inner in (each.C1, each.C1 | None)
        assert made.__struct_fields__ == ("a",)
        assert runtime.call_function_sync("Last", {}) == runtime.types[f"C{count}"](a=1)


def test_classes_that_need_each_other_are_of_any_type_within() -> None:
    source = "class A { b B c C }\nclass B { a A[] c C }\nclass C { b B? }\nfunction main() -> int { 1 }"
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        types = runtime.types
        assert types.A.__annotations__ == {"b": types.B, "c": types.C}
        assert types.B.__annotations__ == {"a": list[Any], "c": types.C}
        assert types.C.__annotations__ == {"b": Any}
