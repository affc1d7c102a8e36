"""Random types, values of them, and texts in which a model might have written such a value."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, VariantInfo
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    AliasType,
    Attribute,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Type,
    UnionType,
    optional,
    union,
)
from bamlvm.vm.program.unit import Unit
from bamlvm.vm.values import EnumValue, Instance

JSON_ALIAS = AliasType("Json")


def done(name: str) -> Attribute:
    return Attribute(f"stream.{name}")


UNIT = Unit(
    classes={
        info.name: info
        for info in (
            ClassInfo(
                "Person",
                (
                    FieldInfo("name", STRING, (Attribute("alias", ("full name",)),)),
                    FieldInfo("age", INT),
                    FieldInfo("nick", optional(STRING)),
                    FieldInfo("tags", ListType(STRING)),
                ),
            ),
            ClassInfo("Point", (FieldInfo("x", FLOAT), FieldInfo("y", FLOAT))),
            ClassInfo("Tree", (FieldInfo("label", STRING), FieldInfo("kids", ListType(ClassType("Tree"))))),
            ClassInfo("Cat", (FieldInfo("kind", LiteralType("cat")), FieldInfo("name", STRING))),
            ClassInfo("Dog", (FieldInfo("kind", LiteralType("dog")), FieldInfo("name", STRING), FieldInfo("age", INT))),
            ClassInfo("Email", (FieldInfo("to", STRING), FieldInfo("subject", STRING))),
            ClassInfo("Call", (FieldInfo("to", STRING), FieldInfo("minutes", INT))),
            ClassInfo("Wrapped", (FieldInfo("value", INT),)),
            ClassInfo("baml.stream.State", (FieldInfo("value", NULL), FieldInfo("state", STRING))),
            ClassInfo(
                "Marked",
                (
                    FieldInfo("title", STRING, (done("not_null"),)),
                    FieldInfo("text", STRING, (done("done"),)),
                    FieldInfo("note", STRING, (done("with_state"),)),
                    FieldInfo("points", ListType(ClassType("Point"))),
                ),
            ),
            ClassInfo("Whole", (FieldInfo("a", STRING), FieldInfo("b", STRING)), (done("done"),)),
        )
    },
    enums={
        "Color": EnumInfo(
            "Color",
            (VariantInfo("Red"), VariantInfo("DarkBlue", (Attribute("alias", ("dark blue",)),)), VariantInfo("Green")),
        )
    },
    annotated_aliases={
        "Json": union((STRING, INT, FLOAT, BOOL, NULL, ListType(JSON_ALIAS), MapType(STRING, JSON_ALIAS))),
    },
)
PROGRAM = Program.link([UNIT], {}, {})


def value(name: str, **fields: Any) -> Instance:
    """An instance of one of the classes."""
    return PROGRAM.new_instance(name, fields)


_LEAVES = st.sampled_from(
    [STRING, STRING, INT, FLOAT, BOOL, EnumType("Color"), ClassType("Person"), ClassType("Point")]
)


def types() -> st.SearchStrategy[Type]:
    """Types with parts, whose values JSON shows without ambiguity."""
    inner = st.recursive(
        _LEAVES,
        lambda each: st.one_of(
            each.map(ListType),
            each.map(lambda item: MapType(STRING, item)),
            each.map(optional),
            st.just(union((ClassType("Cat"), ClassType("Dog")))),
            st.just(union((ClassType("Email"), ClassType("Call"), NULL))),
            st.just(ClassType("Tree")),
            st.just(union((INT, STRING))),
            st.just(LiteralType("yes please")),
        ),
        max_leaves=4,
    )
    return st.one_of(
        st.sampled_from([ClassType(name) for name in ("Person", "Tree", "Point", "Dog", "Email")]),
        inner.map(ListType),
        inner.map(lambda item: MapType(STRING, item)),
        st.just(union((ClassType("Cat"), ClassType("Dog")))),
        st.just(JSON_ALIAS).map(lambda item: MapType(STRING, item)),
    )


# Without backspace and form feed: of `\\b` and `\\f` the parser keeps the backslash.
TEXTS = st.one_of(
    st.sampled_from(
        [
            "a,b",
            "it's",
            "http://a.b/c",
            "a:b",
            "#tag",
            "`",
            "\\",
            "null",
            "true",
            "12",
            "//c",
            "/**/",
            "```",
            "}",
            "]",
            ",",
            "{x}",
            "[1]",
            'a","b',
            '":',
            "\u2028",
            "😀",
            "Red",
        ]
    ),
    st.sampled_from(["", " ", 'say "hi"', "line\nbreak", "a, b", "// c", "x" * 300]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00\b\f"), max_size=12),
)


@st.composite
def values(draw: st.DrawFn, type_: Type, depth: int = 0) -> Any:
    """A value of a type."""
    match type_:
        case AliasType():
            return draw(values(PROGRAM.aliases[type_.name], depth + 1))
        case UnionType(parts):
            flat = [part for part in parts if depth < 4 or not isinstance(part, (ListType, MapType))]
            return draw(values(draw(st.sampled_from(flat)), depth + 1))
        case ListType(item):
            count = draw(st.integers(0, 3 if depth < 3 else 0))
            return [draw(values(item, depth + 1)) for _ in range(count)]
        case MapType(_, item):
            keys = draw(st.lists(st.sampled_from(["a", "b c", "key", "k-1", "ünï"]), unique=True, max_size=3))
            return {key: draw(values(item, depth + 1)) for key in keys}
        case ClassType(name):
            fields = PROGRAM.classes[name].fields
            return PROGRAM.new_instance(name, {field.name: draw(values(field.type, depth + 1)) for field in fields})
        case EnumType(name):
            variant = draw(st.sampled_from([each.name for each in PROGRAM.enums[name].variants]))
            return PROGRAM.enum_value(name, variant)
        case LiteralType(literal):
            return literal
    if type_ == STRING:
        return draw(TEXTS)
    if type_ == INT:
        return draw(st.integers(-(2**63), 2**63 - 1))
    if type_ == FLOAT:
        return draw(st.floats(allow_nan=False, allow_infinity=False))
    return draw(st.booleans()) if type_ == BOOL else None


class Style:
    """A way to write JSON, and what is said around it."""

    def __init__(self, draw: st.DrawFn) -> None:
        some = st.booleans()
        self.draw = draw
        self.space = draw(st.sampled_from([[""], [" "], ["", " ", "\n  ", "\t"]]))
        self.bare_keys = draw(some)
        self.single = draw(some)
        self.trailing = draw(some)
        self.comments = draw(some)
        self.raw_breaks = draw(some)
        self.python = draw(some)
        self.ascii = draw(some)
        self.before = draw(
            st.sampled_from(
                (
                    *("", "", "Here you go:\n", "```json\n", "I think {this} is [it].\n\n```json\n"),
                    *('<think>\n{"name": "draft", "x": 1} or [1, 2]\n</think>\n', "Let me see: {\n"),
                )
            )
        )
        self.after = draw(st.sampled_from(["\n", "\n```\nHope that helps {x}!", " bye", "\n}\n```"]))

    def text(self, value: Any) -> str:
        """The whole answer."""
        return self.before + self.show(value) + self.after

    def show(self, value: Any) -> str:
        """A value."""
        if isinstance(value, Instance):
            aliases = {"name": "full name"} if value.class_name == "Person" else {}
            names = [aliases.get(name, name) for name in value.cls.field_names]
            return self._object(dict(zip(names, value.fields, strict=True)))
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            items = ",".join(self._space() + self.show(item) for item in value)
            note = "/* a list */" if self.comments else ""
            return f"[{note}{items}{',' if self.trailing and value else ''}{self._space()}]"
        if isinstance(value, EnumValue):
            return self._quoted("dark blue" if value.variant == "DarkBlue" else value.variant)
        if isinstance(value, str):
            return self._quoted(value)
        if self.python and (value is None or isinstance(value, bool)):
            return repr(value)
        return json.dumps(value)

    def _object(self, entries: dict[str, Any]) -> str:
        parts = []
        for key, entry in entries.items():
            written = key if self.bare_keys and key.isalnum() else self._quoted(key)
            parts.append(f"{self._space()}{written}{self._space()}:{self._space()}{self.show(entry)}")
        end = "," if self.trailing and parts else ""
        note = " // that is all, { and }\n" if self.comments else ""
        return "{" + ",".join(parts) + end + note + self._space() + "}"

    def _quoted(self, text: str) -> str:
        if self.single:
            escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
            return f"'{escaped}'"
        written = json.dumps(text, ensure_ascii=self.ascii)
        return written.replace("\\n", "\n") if self.raw_breaks and "\\\\n" not in written else written

    def _space(self) -> str:
        return str(self.draw(st.sampled_from(self.space))) if len(self.space) > 1 else self.space[0]


@st.composite
def answers(draw: st.DrawFn) -> tuple[Type, Any, Style]:
    """A type, a value of it, and a style."""
    type_ = draw(types())
    return type_, draw(values(type_)), Style(draw)
