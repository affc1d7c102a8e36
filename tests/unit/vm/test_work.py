"""Work in pieces gives what the same work at once gives; no piece is long."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bamlvm.vm.arithmetic import COMPARE_FUNCTIONS
from bamlvm.vm.equality import deep_copy, deep_copy_at_once, deep_equals, deep_equals_at_once
from bamlvm.vm.natives import load_natives
from bamlvm.vm.opcodes import COMPARE
from bamlvm.vm.rendering import display, display_at_once, show
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import LONGEST, Lengthy, extend, finish, update, whole

NATIVES = load_natives()
MANY = 30_000
TEXT = "Ein Fuß, ΑΣ ΣΑΣ, 8 Äpfel\r\n" * 4000
LONG_A = "a" * (1 << 21)
NUMBERS = [(place * 7919) % 10_007 - 5000 for place in range(MANY)]


def pieces(function: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Return what a native returns, and in how many pieces its work was done."""
    try:
        return function(*arguments), 0
    except Lengthy as lengthy:
        count = 0
        while True:
            try:
                next(lengthy.work)
            except StopIteration as end:
                return end.value, count
            count += 1


LARGE: dict[str, list[tuple[tuple[Any, ...], Any]]] = {
    "baml.String.split": [((TEXT, ","), TEXT.split(",")), ((TEXT, ""), list(TEXT)), ((TEXT, "x" * 99), [TEXT])],
    "baml.String.chars": [((TEXT,), list(TEXT))],
    "baml.String.lines": [((TEXT,), TEXT.replace("\r", "").split("\n")[:-1])],
    "baml.String.includes": [((TEXT, "nie"), False), ((TEXT + "nie", "nie"), True)],
    "baml.String.index_of": [((TEXT, "nie"), None), ((TEXT + "nie", "nie"), len(TEXT)), ((TEXT, TEXT), 0)],
    "baml.String.last_index_of": [(("nie" + TEXT, "nie"), 0), ((TEXT, "Ein"), TEXT.rfind("Ein"))],
    "baml.String.to_lower_case": [((TEXT,), TEXT.lower()), (("Σ" * 200_000,), ("Σ" * 200_000).lower())],
    "baml.String.to_upper_case": [((TEXT,), TEXT.upper())],
    "baml.String.replace": [((TEXT + "nie", "nie", "ja"), TEXT + "ja")],
    "baml.String.replace_all": [
        ((TEXT, "Fuß", "F"), TEXT.replace("Fuß", "F")),
        ((TEXT, "", "-"), TEXT.replace("", "-")),
        (("aaa" * MANY, "aa", "b" * 9), ("aaa" * MANY).replace("aa", "b" * 9)),
    ],
    "baml.String.trim": [(("\u2003 " * MANY * 9 + "a b" + " " * MANY * 9,), "a b"), ((" " * MANY * 20,), "")],
    "baml.String.trim_start": [((" " * MANY * 20 + "a ",), "a ")],
    "baml.String.trim_end": [((" a" + " " * MANY * 20,), " a")],
    "baml.String.substring": [((TEXT * 20, 1, 10**9), (TEXT * 20)[1:])],
    "baml.String.repeat": [(("ab", 10**6), "ab" * 10**6)],
    "baml.String.pad_start": [(("xyz", 2 * 10**6, "ab"), ("ab" * 10**6)[: 2 * 10**6 - 3] + "xyz")],
    "baml.String.pad_end": [(("xyz", 2 * 10**6, "ab"), "xyz" + ("ab" * 10**6)[: 2 * 10**6 - 3])],
    "baml.String.starts_with": [((LONG_A, LONG_A[:-1] + "b"), False), ((LONG_A, LONG_A[:-9]), True)],
    "baml.String.ends_with": [((LONG_A, "b" + LONG_A[1:]), False), ((LONG_A, LONG_A[9:]), True)],
    "baml.String.byte_length": [(("\u00e9" * (1 << 20),), 1 << 21), (("a\u4e00" * (1 << 19),), 1 << 21)],
    "baml.Array.sum": [((NUMBERS,), sum(NUMBERS))],
    "baml.Array.sum_floats": [(([0.5] * MANY,), 0.5 * MANY)],
    "baml.Array.splice": [((NUMBERS * 20, 1, 3, [7] * 600_000), None)],
    "baml.Map.has": [(({LONG_A: 1}, "a" * len(LONG_A)), True), (({LONG_A: 1}, LONG_A[1:]), False)],
    "baml.Map.get": [(({LONG_A: 1}, "a" * len(LONG_A)), 1), (({LONG_A: 1}, LONG_A[1:]), None)],
    "baml.Map.remove": [(({LONG_A: 1}, "a" * len(LONG_A)), 1)],
    "baml.base64.encode": [((TEXT,), base64.b64encode(TEXT.encode()).decode())],
    "baml.base64.decode": [((base64.b64encode(TEXT.encode()).decode(),), TEXT), (("YQ" + "=" * MANY * 20,), "a")],
    "baml.to_string": [((NUMBERS,), str(NUMBERS)), (([{"a": "ß\n" * MANY}],), None)],
    "baml.unstable.string": [((NUMBERS,), str(NUMBERS)), (("ß\n" * MANY,), '"' + "ß\\n" * MANY + '"')],
    "baml.Array.sort": [
        ((NUMBERS[:],), sorted(NUMBERS)),
        (([float(each) for each in NUMBERS],), sorted(map(float, NUMBERS))),
        (([str(each) for each in NUMBERS],), sorted(map(str, NUMBERS))),
    ],
    "baml.Array.sort_by_keys": [((NUMBERS[:], NUMBERS), sorted(NUMBERS))],
    "baml.Array.sort_order": [((NUMBERS,), sorted(range(MANY), key=NUMBERS.__getitem__))],
    "baml.Array.concat": [((NUMBERS, NUMBERS), NUMBERS * 2)],
    "baml.Array.reverse": [((NUMBERS,), NUMBERS[::-1])],
    "baml.Array.slice": [((NUMBERS, 5, -5), NUMBERS[5:-5]), ((NUMBERS, 9, 2), [])],
    "baml.Array.join": [((NUMBERS, ", "), ", ".join(map(str, NUMBERS)))],
    "baml.Array.includes": [((NUMBERS, 10**9), False)],
    "baml.Array.index_of": [(([[each] for each in range(MANY)], [MANY - 1]), MANY - 1)],
    "baml.Array.unique": [((NUMBERS * 2,), list(dict.fromkeys(NUMBERS)))],
    "baml.Array.chunk": [((NUMBERS, 7), [NUMBERS[place : place + 7] for place in range(0, MANY, 7)])],
    "baml.Map.keys": [((dict.fromkeys(map(str, range(MANY))),), list(map(str, range(MANY))))],
    "baml.Map.values": [(({str(each): each for each in range(MANY)},), list(range(MANY)))],
    "baml.range": [((0, MANY), list(range(MANY)))],
    "baml.deep_equals": [((NUMBERS, NUMBERS[:]), True), ((NUMBERS, [*NUMBERS[:-1], 10**6]), False)],
    "baml.deep_copy": [(({"a": [[each] for each in range(MANY)]},), {"a": [[each] for each in range(MANY)]})],
    "baml.json.stringify": [(([{"a": 1.5, "b": ["x"]}] * 999,), "[" + ",".join(['{"a":1.5,"b":["x"]}'] * 999) + "]")],
    "baml.json.parse": [(('[{"a":1.5e3,"b":["x\\n",null,true]}' + ", 12" * MANY * 3 + " ]",), None)],
}


@pytest.mark.parametrize(
    ("path", "arguments", "expected"),
    [pytest.param(path, *case, id=f"{path}-{at}") for path, cases in LARGE.items() for at, case in enumerate(cases)],
)
def test_large_data_is_worked_on_in_pieces(path: str, arguments: tuple[Any, ...], expected: Any) -> None:
    result, count = pieces(NATIVES[path], *arguments)
    if path == "baml.json.parse":
        expected = [{"a": 1500.0, "b": ["x\n", None, True]}, *[12] * MANY * 3]
    if path == "baml.to_string" and expected is None:
        expected = '[{"a": "' + "ß\\n" * MANY + '"}]'
    assert result == expected
    assert (
        count
        or result in (0, "", [])
        or path in ("baml.String.index_of", "baml.String.last_index_of", "baml.Array.slice")
    )


def test_equal_items_keep_their_order_and_not_a_number_goes_last() -> None:
    items = [float(place % 3) if place % 5 else math.nan for place in range(5000)]
    order = whole(NATIVES["baml.Array.sort_order"], items)
    assert order == sorted(range(5000), key=lambda place: (items[place] != items[place], items[place] % 3, place)) or (
        order == sorted(range(5000), key=lambda place: (items[place] != items[place], items[place]))
    )


LISTS = st.recursive(
    st.integers(0, 3) | st.text(max_size=3) | st.none(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=2), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=40)
@given(LISTS, st.integers(60, 200))
def test_copies_texts_and_json_of_large_values(part: Any, times: int) -> None:
    small, large = [part], [part] * times
    assert deep_equals(large, deep_copy(large)) == deep_equals(small, deep_copy(small)) is True
    assert not deep_equals(large, [*large[:-1], "another"])
    assert display(large) == "[" + ", ".join([display(small)[1:-1]] * times) + "]"
    assert show(large) == "[" + ", ".join([show(small)[1:-1]] * times) + "]"
    text = whole(NATIVES["baml.json.stringify"], large)
    assert text == "[" + ",".join([whole(NATIVES["baml.json.stringify"], part)] * times) + "]"
    assert whole(NATIVES["baml.json.parse"], text) == large
    if len(text) > 70_000:
        padded = text + " " * (1 << 18)
        assert whole(NATIVES["baml.json.parse"], padded) == large


def doubled(times: int) -> Any:
    value: Any = [1, 2]
    for _ in range(times):
        value = [value, value]
    return value


def test_what_is_shared_is_compared_and_copied_once() -> None:
    assert pieces(deep_equals_at_once, doubled(30), doubled(30)) == (True, 0)
    assert pieces(deep_copy_at_once, doubled(30))[1] == 0


@pytest.mark.parametrize("function", [display_at_once, NATIVES["baml.json.stringify"]])
def test_a_text_that_doubles_ends_at_the_limit(function: Callable[..., Any]) -> None:
    with pytest.raises(Thrown, match="MemoryLimit"):
        whole(function, ["x" * (LONGEST // 4 - 9)] * 5)


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("baml.String.repeat", ("ab", 10**12)),
        ("baml.String.pad_start", ("ab", 10**12)),
        ("baml.String.pad_end", ("ab", 10**12, "xy")),
        ("baml.String.replace_all", ("a" * 10_000, "a", "b" * 10_000)),
        ("baml.range", (0, 10**12)),
        ("baml.Array.join", (["x" * (1 << 20)] * 99, "")),
    ],
)
def test_what_would_be_too_long_is_not_made(path: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Thrown, match="MemoryLimit"):
        whole(NATIVES[path], *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1,", "truncated at line 1, column 4"),
        ("[1 2]", "unexpected '2' at line 1, column 4"),
        ("{1:2}", "object keys must be strings"),
        ('{"a" 2}', "unexpected '2'"),
        ('["a', "invalid string"),
        ('["a\\', "invalid string"),
        ('[1,"a\nb"]', "invalid string at line 1, column 6"),
        ('["\\ud800"]', "surrogate"),
        ("[tru]", "invalid character"),
        ("[1e999]", "out of range"),
        ("[99999999999999999999]", "the integer 99999999999999999999 is out of range"),
        ("[] []", "trailing characters"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "1" * 100_000 + "]", "thousands of digits"),
    ],
)
def test_invalid_json_of_any_size_is_placed(text: str, message: str) -> None:
    with pytest.raises(Thrown) as caught:
        whole(NATIVES["baml.json.parse"], text + " " * (1 << 18))
    assert message in caught.value.fields["message"] or "truncated" in message


LONG = 1 << 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"' + "a" * LONG + '"', "a" * LONG),
        ('"' + "a\\n" * LONG + '"', "a\n" * LONG),
        ('"' + "\\ud83d\\ude00" * (LONG // 8) + '"', "😀" * (LONG // 8)),
        ('{"' + "é\\u00e9" * LONG + '" : [ ]}', {"éé" * LONG: []}),
        (" \n" * LONG + "[" + "\t" * LONG + "1" + " " * LONG + "]" + " " * LONG, [1]),
    ],
    ids=["plain", "escapes", "pairs", "key", "white space"],
)
def test_long_strings_and_white_space_of_json_are_read_in_pieces(text: str, value: Any) -> None:
    result, count = pieces(NATIVES["baml.json.parse"], text)
    assert result == value and count >= len(text) >> 17


@pytest.mark.parametrize("digits", ["1", "0.1", "1e1", "-1"])
def test_a_number_of_many_digits_is_refused_before_it_is_read(digits: str) -> None:
    with pytest.raises(Thrown, match="thousands of digits at line 1, column 2"):
        whole(NATIVES["baml.json.parse"], "[" + digits + "0" * LONG + "]")


def test_an_escape_does_not_widen_a_text_beyond_the_limit() -> None:
    with pytest.raises(Thrown, match="MemoryLimit"):
        whole(NATIVES["baml.json.parse"], '["' + "a" * (LONGEST // 2) + '\\ud83d\\ude00"]')


STRING_PARTS = st.sampled_from(
    ["a", "é", "😀", "\\\\", '\\"', "\\n", "\\u00e9", "\\ud83d\\ude00", "x" * 63, "y" * 64, "\\/" * 1023, "z" * 65535]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(STRING_PARTS, max_size=12), st.sampled_from(["", "\n", "\\", "\\u12", "\\ud83d", "\\ude00", "\\x", "\x00"])
)
def test_a_long_string_of_json_is_read_as_at_once(parts: list[str], broken: str) -> None:
    inner = "".join(parts)
    text = '["' + "a" * (1 << 18) + inner + '"]'
    assert whole(NATIVES["baml.json.parse"], text) == json.loads(text)
    if broken:
        with pytest.raises(Thrown, match=r"invalid string|surrogate") as caught:
            whole(NATIVES["baml.json.parse"], '["' + "a" * (1 << 18) + inner + broken + 'q"]')
        assert "invalid JSON" in caught.value.fields["message"]


@given(st.lists(st.sampled_from(["a", "ab", "aab", "b" * 3000, "a" * 5000, "aba" * 1500]), max_size=12), st.data())
def test_a_long_text_is_split_as_at_once(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts) + "c" * 3000
    delimiters = ["a", "ab", "aa", "aba", "b" * 3000, "bab", "c", "x", "a" * 8000]
    delimiter = data.draw(st.sampled_from(delimiters))
    assert whole(NATIVES["baml.String.split"], text, delimiter) == text.split(delimiter)


AT_ONCE = {
    "baml.Array.": {"length", "push", "pop", "at", "is_empty", "first", "last"},
    "baml.Map.": {"length"},
    "baml.String.": {"length", "is_ascii", "char_at", "at", "code_point_at", "to_string", "parse_int", "parse_float"},
    "baml.": {"panic"},
    "baml.Int.": {"to_string", "abs", "pow"},
    "baml.Float.": {"to_string", "abs", "floor", "ceil", "round", "trunc", "pow"},
    "baml.Bool.": {"to_string"},
    **{
        f"baml.{kind}.": {*["from_url", "from_base64", "url", "mime_type", "base64"]}
        for kind in ("Image", "Audio", "Pdf", "Video")
    },
    "baml.math.": {"trunc", "floor", "ceil", "round", "sqrt", "min", "max"},
}
"""Natives whose time does not depend on the size of their data."""

ELSEWHERE = {
    "baml.String.": {
        *("matches", "captures", "replace_pattern", "toLowerCase", "toUpperCase", "startsWith", "endsWith")
    }
}
"""Those with tests of their own, and second names."""


def test_every_native_is_in_pieces_or_needs_none() -> None:
    known = {prefix + name for table in (AT_ONCE, ELSEWHERE) for prefix, names in table.items() for name in names}
    assert known | set(LARGE) == set(NATIVES)
    assert not known & set(LARGE)


def test_texts_are_compared_after_the_driver_was_asked() -> None:
    one, equal, other = LONG_A + "", "a" * len(LONG_A), LONG_A[:-1] + "b"
    for symbol, function in zip(COMPARE, COMPARE_FUNCTIONS, strict=True):
        for a, b in (one, equal), (one, other), (other, one):
            result, count = pieces(function, a, b)
            assert (result, bool(count)) == (eval(f"a {symbol} b"), True)
    for a, b in ([one] * 9, [equal] * 9), ({"x": one}, {"x": other}), ({one: 1}, {equal: 1}):
        with pytest.raises(Lengthy) as lengthy:
            deep_equals_at_once(a, b)
        assert finish(lengthy.value.work) == (a == b)


@pytest.mark.parametrize("length", [10, 70, 5000, 100_000])
def test_lists_and_maps_are_spread_in_pieces(length: int) -> None:
    items, entries = list(range(length)), {str(each): each for each in range(length)}
    for before in [], [-1]:
        made = before[:]
        result, count = pieces(extend, made, items)
        assert (made if result is None else result) == before + items and (count > 0) >= (length > 20_000)
    for first in {}, {"x": 0}:
        table = dict(first)
        result, count = pieces(update, table, entries)
        assert list((table if result is None else result).items()) == [*first.items(), *entries.items()]
        assert (count > 0) >= (length > 5000)
