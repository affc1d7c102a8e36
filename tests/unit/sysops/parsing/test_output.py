"""A model's text to a value: strict at the end, permissive on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.sysops.parsing import final_parse, output_of, partial_parse, reasoning
from bamlvm.vm.program.declarations import EnumInfo, VariantInfo
from bamlvm.vm.program.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STRING,
    Attribute,
    ClassType,
    EnumType,
    ListType,
    LiteralType,
    MapType,
    Primitive,
    Type,
    VariantType,
    optional,
    union,
)
from bamlvm.vm.values import Thrown

ENUMS = {
    "Kind": EnumInfo(
        "Kind",
        (
            VariantInfo("SPAM"),
            VariantInfo("NOT_SPAM"),
            VariantInfo("BillingIssue", (Attribute("alias", ("billing problem",)),)),
            VariantInfo("Café"),
            VariantInfo("SECRET", (Attribute("skip"),)),
        ),
    )
}
KIND = EnumType("Kind")
AB = union((LiteralType("a"), LiteralType("b"), LiteralType("the long answer")))
NUMBERS = union((LiteralType(1), LiteralType(10), LiteralType(-2)))


class Declared:
    """What a program declares, as far as parsing asks."""

    enums = ENUMS

    def enum_value(self, enum: str, variant: str) -> Any:
        return enum, variant


SCHEMA: Any = Declared()


def final(type_: Type, content: str) -> Any:
    return final_parse(output_of(type_, SCHEMA), content)


def partial(type_: Type, content: str) -> Any:
    return partial_parse(output_of(type_, SCHEMA), content)


def refused(type_: Type, content: str) -> str:
    with pytest.raises(Thrown) as caught:
        final(type_, content)
    assert caught.value.class_name == "baml.errors.ParseFailed"
    assert caught.value.fields["raw"] == content
    return str(caught.value.fields["message"])


@given(st.text().filter(lambda text: not reasoning.START.search(text) and not reasoning.END.search(text)))
def test_a_string_is_the_text_as_it_is(text: str) -> None:
    assert final(STRING, text) is text
    assert partial(STRING, f"x{text}.") == f"x{text}."  # spaces only, or half a tag, may still be of reasoning


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42),
        (" -7\n", -7),
        ("\u22127", -7),
        ("The answer is 42.", 42),
        ("**42**", 42),
        ("`42`", 42),
        ("```\n42\n```", 42),
        ('{"value": 42}', 42),
        ('{"value":42}', 42),
        ("answer=42", 42),
        ("Answer:42!", 42),
        ("1,234,567", 1234567),
        ("1_000", 1000),
        ("$5", 5),
        ("-$5", -5),
        ("about 50%", 50),
        ("3.0", 3),
        ("1e3", 1000),
        ("Of the 3 apples and 4 pears, **7** are left", 7),
        ("so \\boxed{12} (from 3 and 4)", 12),
        ("12 is the answer: 12", 12),
        ("gpt-4 says 7 at 12:30 on 2024-01-05, version 3.10.2", 7),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_ints(text: str, number: int) -> None:
    found = final(INT, text)
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1.0), ("3.14", 3.14), (".5", 0.5), ("1,234.50", 1234.5), ("1/4", 0.25), ("-2.5e-3", -0.0025)],
)
def test_floats(text: str, number: float) -> None:
    found = final(FLOAT, f"It is {text}.")
    assert found == number
    assert type(found) is float


@pytest.mark.parametrize("text", ["", "none", "seven", "gpt-4", "1.2.3", "0x10", "4th", "1/0", "1e999"])
def test_what_is_no_number(text: str) -> None:
    assert refused(FLOAT, text).startswith("expected a float, got")


def test_why_a_number_is_refused() -> None:
    assert "ambiguous: 3, 4" in refused(INT, "3 or 4")
    assert "3.7 is not a whole number" in refused(INT, "3.7")
    assert "does not fit in 64 bits" in refused(INT, "9223372036854775808")
    assert refused(INT, "") == "expected an int, got nothing"


@given(st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_any_int_is_read_back(number: int, grouped: bool) -> None:
    assert final(INT, f"The result: {number:,}." if grouped else str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_read_back(number: float) -> None:
    assert final(FLOAT, repr(number)) == number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False.", False),
        ("**TRUE**", True),
        ("Yes, it is.", True),
        ("no", False),
        ("There is no doubt that it is true", True),
        ('{"ok": false}', False),
    ],
)
def test_bools(text: str, value: bool) -> None:
    assert final(BOOL, text) is value


@pytest.mark.parametrize("text", ["", "true or false", "perhaps", "untrue", "1"])
def test_what_is_no_bool(text: str) -> None:
    assert refused(BOOL, text).startswith("expected a bool, got")


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("SPAM", "SPAM"),
        ("spam", "SPAM"),
        ('"SPAM"', "SPAM"),
        ("**Spam**.", "SPAM"),
        ("not spam", "NOT_SPAM"),
        ("NOT_SPAM", "NOT_SPAM"),
        ("I think this is NOT_SPAM because", "NOT_SPAM"),
        ("billing problem", "BillingIssue"),
        ("Billing-Problem!", "BillingIssue"),
        ("It is a billing problem, clearly", "BillingIssue"),
        ("BillingIssue", "BillingIssue"),
        ("CAFE", "Café"),
        ('{"kind": "SPAM"}', "SPAM"),
        ("SPAM, I say, SPAM", "SPAM"),
    ],
)
def test_enums(text: str, variant: str) -> None:
    assert final(KIND, text) == ("Kind", variant)


def test_what_is_no_variant() -> None:
    message = refused(KIND, "SPAM or a billing problem")
    assert "ambiguous: SPAM, billing problem" in message
    assert 'one of "SPAM", "NOT_SPAM", "billing problem", "Café"' in message
    for text in ("", "EGGS", "SPAMMER", "SECRET"):
        refused(KIND, text)


def test_an_excerpt_is_short() -> None:
    assert len(refused(KIND, "EGGS " * 1000)) < 300


def test_literals() -> None:
    assert final(AB, "A") == "a"
    assert final(AB, "It is the LONG answer, really") == "the long answer"
    assert final(NUMBERS, "10") == 10
    assert final(NUMBERS, "I say 1") == 1
    assert final(LiteralType(True), "true") is True
    assert final(VariantType("Kind", "SPAM"), "spam") == ("Kind", "SPAM")
    assert final(union((KIND, LiteralType("other"))), "Other") == "other"
    refused(AB, "c")
    letters = union((LiteralType("A"), LiteralType("B")))
    assert final(letters, "This is a case of B.") == "B"
    assert "ambiguous" in refused(letters, "A or B")
    refused(NUMBERS, "100")


def test_optionals() -> None:
    for text in ("null", "", " None. ", "`null`", "N/A"):
        assert final(optional(INT), text) is None
    assert final(optional(INT), "7") == 7
    assert final(optional(STRING), "null") is None
    assert final(optional(STRING), "None") == "None"
    assert refused(optional(INT), "what?").startswith("expected an int or null, got 'what?'")
    assert final(NULL, "null") is None
    refused(NULL, "x")


# --- partials ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (INT, "12 "),  # "12 is too many: 11"
        (FLOAT, "3.1\n"),
        (BOOL, "true "),  # "true or false?"
        (KIND, "SPAM\n"),
        (optional(INT), "null "),
        (optional(STRING), "nul"),
        (optional(STRING), "```\nnull"),
    ],
)
def test_a_scalar_is_shown_only_when_no_text_can_change_it(type_: Type, text: str) -> None:
    assert partial(type_, text) is None


def test_an_optional_string_is_shown_when_it_is_not_null() -> None:
    assert partial(optional(STRING), "nulls") == "nulls"


@given(st.sampled_from([INT, FLOAT, BOOL, KIND, AB, optional(INT)]), st.text())
def test_partials_never_throw(type_: Type, text: str) -> None:
    partial(type_, text)


@given(st.sampled_from([INT, FLOAT, BOOL, KIND, AB, optional(KIND)]), st.text())
def test_only_parse_failed_is_thrown(type_: Type, text: str) -> None:
    try:
        final(type_, text)
    except Thrown as thrown:
        assert thrown.class_name == "baml.errors.ParseFailed"


# --- types without a parser -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "part"),
    [
        (Primitive("image"), "no answer can be read as image"),
        (ListType(MapType(STRING, Primitive("audio"))), "no answer can be read as audio ([]{})"),
        (union((INT, Primitive("unknown"))), "no answer can be read as unknown"),
        (ClassType("baml.http.Request"), "no answer can be read as baml.http.Request"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_by_name(type_: Type, part: str) -> None:
    with pytest.raises(Thrown) as caught:
        output_of(type_, SCHEMA)
    assert caught.value.class_name == "baml.errors.InvalidArgument"
    assert f"an LLM function cannot return {type_}: {part}" in caught.value.fields["message"]


def test_a_long_chain_of_types_takes_no_stack() -> None:
    long = 3_000
    classes = "".join(f"class K{number} {{ a K{number + 1}? }}\n" for number in range(long))
    aliases = "".join(f"type A{number} = A{number + 1} | string\n" for number in range(long))
    function = 'client C { provider openai  options { model gpt } }\nfunction F() -> K0 { client C  prompt #""# }'
    program = f"{classes}class K{long} {{ a A0 }}\n{aliases}type A{long} = int\n{function}"
    with bamlvm.Runtime.from_files({"main.baml": program}) as runtime:
        linked = runtime.engine.program
    value = final_parse(output_of(linked.signatures["F"].result, linked), '{"a": {"a": null}}')
    assert value.get("a").get("a") is None


# --- the trace --------------------------------------------------------------------------------------------------------


def test_the_decisions_are_traced() -> None:
    lines: list[str] = []
    assert final_parse(output_of(INT, SCHEMA), "I saw 3.\n```\n7\n```", trace=lines.append) == 7
    assert lines == ["the whole text: expected an int, got I saw 3.\n```\n7\n```", "a fence: 7"]
