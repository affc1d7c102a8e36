"""Diagnostics as text for a terminal."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from bamlvm.grammar.diagnostics import Label, error, warning
from bamlvm.grammar.excerpts import render, render_all, summary
from bamlvm.grammar.source import SourceFile, Span

MAIN = SourceFile("main.baml", "class A {\n\tname string\n  age int\n}\n\nfunction f(a: A) -> int {\n  a.nme\n}\n")


OTHER = SourceFile("lib/other.baml", "enum A { X }\n")


SOURCES = {"main.baml": MAIN, "lib/other.baml": OTHER}


def span(text: str, source: SourceFile = MAIN) -> Span:
    start = source.text.index(text)
    return Span(source.path, start, start + len(text))


def shown(*lines: str) -> str:
    return "\n".join(lines)


def test_a_place_with_an_excerpt_and_a_hint() -> None:
    diagnostic = error("E0007", "`A` has no field `nme`", span("nme"), (), "did you mean `name`?")
    assert render(diagnostic, SOURCES) == shown(
        "error[E0007]: `A` has no field `nme`",
        " --> main.baml:7:5",
        "  |",
        "7 |   a.nme",
        "  |     ^^^",
        "  |",
        "  = hint: did you mean `name`?",
    )


def test_a_label_in_another_file_and_one_far_away() -> None:
    diagnostic = error(
        "E0011",
        "`A` is defined twice",
        span("A {"),
        (Label(span("A", OTHER), "first here"), Label(span("a.nme"), "used here")),
    )
    assert render(diagnostic, SOURCES) == shown(
        "error[E0011]: `A` is defined twice",
        " --> main.baml:1:7",
        "  |",
        "1 | class A {",
        "  |       ^^^",
        "..",
        "7 |   a.nme",
        "  |   ----- used here",
        "  |",
        " ::: lib/other.baml:1:6",
        "  |",
        "1 | enum A { X }",
        "  |      - first here",
        "  |",
    )


def test_labels_on_one_line_hang_below_each_other_and_one_line_between_is_shown() -> None:
    diagnostic = warning(
        "E0097",
        "message",
        span("int {"),
        (Label(span("function"), "one"), Label(span("a: A"), "two"), Label(span("a.nme"), "three")),
    )
    source = SourceFile("main.baml", MAIN.text.replace("{\n  a.nme", "{\n\n  a.nme"))
    assert render(diagnostic, {"main.baml": source}).replace("  a.nme", "  a.nme").splitlines()[:9] == [
        "warning[E0097]: message",
        " --> main.baml:6:21",
        "  |",
        "6 | function f(a: A) -> int {",
        "  | --------   ----     ^^^^^",
        "  | |          two",
        "  | one",
        "7 |",
        "8 |   a.nme",
    ]


def test_tabs_and_wide_characters_keep_the_carets_below() -> None:
    source = SourceFile("a", 'x\tlet s = "日本";\ty é́z')
    assert render(error("E0003", "m", span("y", source)), {"a": source}).splitlines()[3:5] == [
        '1 | x    let s = "日本";    y é́z',
        "  |                         ^",
    ]
    assert render(error("E0003", "m", span("日本", source)), {"a": source}).splitlines()[4] == "  |               ^^^^"
    assert (
        render(error("E0003", "m", span("z", source)), {"a": source}).splitlines()[4]
        == "  |                            ^"
    )


LINES = SourceFile(
    "lines.baml",
    "function f() -> int {\n  let s: int = match (x) {\n\t_ => {\n    g()\n  }\n  };\n  if (x) {\n    1\n  }\n}\n",
)


def test_a_range_over_lines_stands_beside_a_rail() -> None:
    start = LINES.text.index("match")
    whole = error("E0001", "m", Span("lines.baml", start, LINES.text.index(";")), (Label(span("g()", LINES), "here"),))
    assert render(whole, {"lines.baml": LINES}) == shown(
        "error[E0001]: m",
        " --> lines.baml:2:16",
        "  |",
        "2 |     let s: int = match (x) {",
        "  |  ________________^",
        "3 | |     _ => {",
        "4 | |     g()",
        "  | |     --- here",
        "5 | |   }",
        "6 | |   };",
        "  | |___^",
        "  |",
    )


def test_a_range_over_lines_that_opens_its_line() -> None:
    start = LINES.text.index("if (x)")
    end = LINES.text.index("}\n}", start) + 2  # with the line break, which does not count
    assert render(error("E0001", "m", Span("lines.baml", start, end)), {"lines.baml": LINES}) == shown(
        "error[E0001]: m",
        " --> lines.baml:7:3",
        "  |",
        "7 | /   if (x) {",
        "8 | |     1",
        "9 | |   }",
        "  | |___^",
        "  |",
    )


def test_of_a_range_over_many_lines_both_ends_are_shown() -> None:
    source = SourceFile("a", "f(\n" + "  1,\n" * 20 + "  g(2))\n")
    diagnostic = error("E0001", "m", Span("a", 0, len(source.text)), (Label(span("2", source), "here"),))
    assert render(diagnostic, {"a": source}) == shown(
        "error[E0001]: m",
        "  --> a:1:1",
        "   |",
        " 1 | / f(",
        " 2 | |   1,",
        "... |",
        "21 | |   1,",
        "22 | |   g(2))",
        "   | |     - here",
        "   | |_______^",
        "   |",
    )


def test_a_label_over_lines_is_marked_on_its_first() -> None:
    label = Label(Span("lines.baml", LINES.text.index("{"), len(LINES.text)), "here")
    diagnostic = error("E0001", "m", span("f()", LINES), (label,))
    assert render(diagnostic, {"lines.baml": LINES}).splitlines()[3:] == [
        "1 | function f() -> int {",
        "  |          ^^^        - here",
        "  |",
    ]


def test_what_takes_no_room_moves_no_caret() -> None:
    source = SourceFile("a", "\u2764\ufe0f\u0e01\u0e33e\u0301 y")
    assert render(error("E0003", "m", span("y", source)), {"a": source}).splitlines()[4] == "  |      ^"


def test_a_file_with_carriage_returns() -> None:
    source = SourceFile("a", "let x = (\r\n  y\r\n)\r\n")
    assert render(error("E0003", "m", Span("a", 8, len(source.text))), {"a": source}).splitlines()[3:7] == [
        "1 |   let x = (",
        "  |  _________^",
        "2 | |   y",
        "3 | | )",
    ]


def test_an_empty_file() -> None:
    source = SourceFile("a", "")
    assert render(error("E0009", "m", Span("a", 0, 0)), {"a": source}).splitlines()[1:] == [
        " --> a:1:1",
        "  |",
        "1 |",
        "  | ^",
        "  |",
    ]


def test_the_end_of_a_file_and_an_empty_range_have_a_caret() -> None:
    source = SourceFile("a", "let")
    assert render(error("E0009", "m", Span("a", 3, 3)), {"a": source}).splitlines()[1:5] == [
        " --> a:1:4",
        "  |",
        "1 | let",
        "  |    ^",
    ]


def test_a_very_long_line_is_cut_around_the_place() -> None:
    source = SourceFile("a", "x" * 1000 + "HERE" + "y" * 1000)
    line, marks = render(error("E0010", "m", span("HERE", source)), {"a": source}).splitlines()[3:5]
    assert len(line) < 180
    assert line[marks.index("^") :].startswith("HERE") and marks.count("^") == 4
    assert line.endswith("…") and "…x" in line


def test_without_the_source_the_place_is_only_named() -> None:
    diagnostic = error("E0010", "m", Span("gone.baml", 3, 4), (Label(Span("gone.baml", 1, 2), "a label"),), "a\nb")
    assert render(diagnostic, {}) == shown(
        "error[E0010]: m", " --> gone.baml", "  | a label", "  = hint: a", "          b"
    )


def test_color_only_adds_color() -> None:
    diagnostic = error("E0007", "message", span("nme"), (Label(span("name"), "here"),), "hint")
    colored = render(diagnostic, SOURCES, color=True)
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(diagnostic, SOURCES)
    assert "\x1b" not in render(diagnostic, SOURCES)


def test_control_characters_do_not_reach_the_terminal() -> None:
    source = SourceFile("a", "x\x1b[31m\x00\u202ey")
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", render(error("E0010", "m", span("y", source)), {"a": source}))


def test_all_of_them_with_a_summary() -> None:
    text = render_all([error("E0003", "b", span("nme")), warning("E0097", "c", span("age"))], SOURCES)
    assert text.count("-->") == 2
    assert text.endswith("\n\n1 error, 1 warning\n")
    assert render_all([], SOURCES) == ""
    assert summary([]) == "no errors"


CHARACTERS = st.sampled_from("ab \t\n\r\u0301\u200d\ufe0f日😀\x1b\x00\u2028…") | st.characters(codec="utf-8")


PLACES = st.tuples(st.integers(-1, 60), st.integers(-1, 12))


@given(text=st.text(CHARACTERS, max_size=60), main=PLACES, others=st.lists(PLACES, max_size=3), long=st.booleans())
def test_any_place_in_any_text_has_an_excerpt(
    text: str, main: tuple[int, int], others: list[tuple[int, int]], long: bool
) -> None:
    source = SourceFile("a", text + ("x" * 300 if long else ""))
    spans = [Span("a", start, start + length) for start, length in (main, *others)]
    labels = tuple(Label(span, f"label {number}") for number, span in enumerate(spans[1:]))
    shown = render(error("E0001", "m", spans[0], labels), {"a": source})
    lines = shown.split("\n")
    assert all(line.isprintable() for line in lines)
    assert all(label.message in shown for label in labels)
    assert any("^" in line for line in lines[3:])
    assert max(map(len, lines)) < 600
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(error("E0001", "m", spans[0], labels), {"a": source}, True)) == shown
