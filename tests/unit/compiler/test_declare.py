"""Declarations: what is reported about them."""

from __future__ import annotations

import bamlvm


def test_a_parameter_given_twice_shows_the_first() -> None:
    source = "function f(a: int, b: int, a: string) -> int { b }"
    (found,) = bamlvm.check(source).errors
    (label,) = found.labels
    assert (found.code, source[label.span.start : label.span.end]) == ("E0012", "a: int")


def errors(source: str) -> list[tuple[str, str | None]]:
    return [(each.message, each.hint) for each in bamlvm.check(source).errors]


def test_a_type_before_the_name_of_a_field() -> None:
    hint = "a field's name comes before its type: write `name string`"
    assert errors("class Q { string name; }") == [("unknown type `name`", hint)]
    assert errors("class Q { str first_name }")[0][1] == (
        "a field's name comes before its type: write `first_name str`"
    )
    assert errors("class Q { image string  number int  text Q? }") == []


def test_a_field_that_is_left_out_is_optional() -> None:
    assert errors("class Q { a int @skip }") == [
        ("`@skip` leaves out `a`, which is not optional", "write `int?`"),
    ]
    assert errors("class Q { a int | string @skip }")[0][1] == "write `(int | string)?`"
    assert errors("type A = B\ntype B = int?\nclass Q { a A @skip  b int? @skip  c (int | null) @skip }") == []


def test_a_key_that_names_a_variable_of_the_shell() -> None:
    source = 'client<llm> C { provider openai options { model "m" api_key "$NAME" } }'
    (found,) = bamlvm.check(source).diagnostics
    assert (found.code, found.hint) == ("E0106", "write `env.NAME`")


def test_words_of_other_template_languages() -> None:
    client = 'client<llm> C { provider openai options { model "m" } }\n'
    prompt = 'function F(x: string) -> string { client C prompt #"{% if x %}a{% else if x %}b{% endif %}"# }'
    ((message, _),) = errors(client + prompt)
    assert message == "expected `%}`, found `if`: write `{% elif … %}`"
    found = errors(client + "function F(x: string) -> string { client C prompt `hi` }")
    assert "a prompt is a raw string" in (found[0][1] or "")
