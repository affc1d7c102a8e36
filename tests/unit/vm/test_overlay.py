"""A program with additions: what is merged, what is refused, and what stays the program's."""

from __future__ import annotations

import pytest

from bamlvm.vm.linker import Program
from bamlvm.vm.overlay import AdditionError, Overlay
from bamlvm.vm.program.declarations import Additions, Attribute, ClassInfo, EnumInfo, FieldInfo, VariantInfo
from bamlvm.vm.program.types import INT, STRING, AliasType, ClassType, EnumType, ListType, MapType, Type, VariantType
from bamlvm.vm.program.unit import Unit

DYNAMIC = (Attribute("dynamic"),)
UNIT = Unit(
    classes={
        "Open": ClassInfo("Open", (FieldInfo("a", INT),), DYNAMIC),
        "Closed": ClassInfo("Closed", (FieldInfo("a", INT),)),
    },
    enums={"E": EnumInfo("E", (VariantInfo("X"),), DYNAMIC), "F": EnumInfo("F", (VariantInfo("X"),))},
    annotated_aliases={"Text": STRING},
)
PROGRAM = Program.link([UNIT], {}, {})


def fields(name: str, **types: Type) -> Additions:
    return Additions((ClassInfo(name, tuple(FieldInfo(field, type_) for field, type_ in types.items())),))


def test_fields_come_behind_the_declared_ones() -> None:
    overlay = Overlay(PROGRAM, [fields("Open", b=STRING), fields("Open", c=INT)])
    assert overlay.loaded_class("Open").field_names == ("a", "b", "c")
    assert overlay.loaded_class("Open") is overlay.loaded_class("Open")
    assert overlay.loaded_class("Closed") is PROGRAM.loaded_class("Closed")
    assert PROGRAM.loaded_class("Open").field_names == ("a",) and overlay.changed == {"Open"}
    assert overlay.new_instance("Open", {"c": 1}).fields == [None, None, 1]


def test_a_declared_field_may_get_other_attributes() -> None:
    alias = (Attribute("alias", ("z",)),)
    overlay = Overlay(PROGRAM, [Additions((ClassInfo("Open", (FieldInfo("a", INT, alias),)),))])
    assert overlay.classes["Open"].fields == (FieldInfo("a", INT, alias),)
    with pytest.raises(AdditionError, match=r"Open\.a is there already, as int"):
        Overlay(PROGRAM, [fields("Open", a=STRING)])


def test_variants_of_the_program_stay_the_same_objects() -> None:
    overlay = Overlay(PROGRAM, [Additions(enums=(EnumInfo("E", (VariantInfo("Y"),)),))])
    assert overlay.enum_value("E", "X") is PROGRAM.enum_value("E", "X")
    assert overlay.enum_value("E", "Y") is overlay.enum_value("E", "Y")
    assert overlay.enum_value("E", "Y").index == 1
    assert overlay.enum_value("F", "X") is PROGRAM.enum_value("F", "X")


def test_an_instance_with_some_of_the_added_fields() -> None:
    overlay = Overlay(PROGRAM, [fields("Open", b=STRING, c=INT)])
    value = overlay.open_instance("Open", {"c": 1, "unknown": 2})
    assert value.cls.field_names == ("a", "c", "unknown") and value.fields == [None, 1, 2]
    assert value.cls is overlay.open_instance("Open", {"c": 3, "unknown": 4}).cls


def test_an_alias_can_be_tested() -> None:
    json = ListType(AliasType("Json"))
    overlay = Overlay(PROGRAM, [Additions(annotated_aliases=(("Json", json),))])
    assert overlay.tester(AliasType("Json"))([[], [[]]]) and not overlay.tester(AliasType("Json"))([1])


@pytest.mark.parametrize(
    ("additions", "message"),
    [
        (fields("Closed", b=INT), "the class Closed is not dynamic"),
        (Additions(enums=(EnumInfo("F", (VariantInfo("Y"),)),)), "the enum F is not dynamic"),
        (fields("E", b=INT), "E is an enum already"),
        (fields("Text", b=INT), "Text is an alias already"),
        (fields("int", b=INT), "int is a built-in type already"),
        (Additions(enums=(EnumInfo("Open", (VariantInfo("Y"),)),)), "Open is a class already"),
        (Additions(enums=(EnumInfo("New", ()),)), "the enum New has no variants"),
        (fields("Open", b=ClassType("Opn")), r"Open.b: unknown type Opn \(did you mean `Open`\?\)"),
        (fields("Open", b=EnumType("Nothing")), "Open.b: unknown type Nothing"),
        (fields("Open", b=VariantType("E", "Z")), "Open.b: unknown variant E.Z"),
        (fields("Open", b=MapType(INT, INT)), "a map's key is a string or an enum, not int"),
        (fields("New", b=ClassType("New")), "no value of New can be made: New → New"),
        (Additions(annotated_aliases=(("Text", INT),)), "Text is an alias already"),
        (Additions(annotated_aliases=(("N", ClassType("Nothing")),)), "N: unknown type Nothing"),
    ],
)
def test_what_does_not_fit(additions: Additions, message: str) -> None:
    with pytest.raises(AdditionError, match=message):
        Overlay(PROGRAM, [additions])


def test_one_type_added_twice() -> None:
    new = fields("New", b=INT)
    assert Overlay(PROGRAM, [new, new]).changed == {"New"}
    with pytest.raises(AdditionError, match="the class New is added twice, in different ways"):
        Overlay(PROGRAM, [new, fields("New", b=STRING)])


def test_a_cycle_through_a_declared_class() -> None:
    with pytest.raises(AdditionError, match="New → Open → New"):
        Overlay(PROGRAM, [fields("New", b=ClassType("Open")), fields("Open", b=ClassType("New"))])
