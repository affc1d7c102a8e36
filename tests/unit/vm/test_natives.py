"""Native functions, called as the machine calls them: each by examples, some against other ways to compute them."""

from __future__ import annotations

import json
import math
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.vm.equality import deep_equals
from bamlvm.vm.natives import load_natives
from bamlvm.vm.program.declarations import ClassInfo, FieldInfo
from bamlvm.vm.program.types import UNKNOWN
from bamlvm.vm.values import I64_MAX, I64_MIN, Closure, EnumValue, Instance, LoadedClass, Media, Thrown
from bamlvm.vm.work import whole

NATIVES = {path: partial(whole, native) for path, native in load_natives().items()}
RED = EnumValue("Color", "Red", 0)
POINT = LoadedClass(ClassInfo("P", (FieldInfo("x", UNKNOWN), FieldInfo("y", UNKNOWN))))
INVALID = "baml.errors.InvalidArgument"
USER = "baml.panics.UserPanic"
MEMORY = "baml.panics.MemoryLimit"
OVERFLOW = "baml.panics.IntegerOverflow"
SELF: list[Any] = []
SELF.append(SELF)

# path: (arguments, result or the class thrown)
MEDIA = ("Image", "Audio", "Pdf", "Video")
LINK = Media("image", None, "url", "u")
BYTES = Media("image", "a/b", "base64", "aGk=")

EXAMPLES: dict[str, list[tuple[tuple[Any, ...], Any]]] = {
    "baml.deep_copy": [(([1, {"a": 2}],), [1, {"a": 2}])],
    "baml.deep_equals": [(([1], [1]), True), ((1, 1.0), False)],
    "baml.to_string": [(("s",), "s"), ((RED,), "Red"), (([1, "s"],), '[1, "s"]'), ((None,), "null")],
    "baml.unstable.string": [(("s",), '"s"'), (({"a": 1},), '{\n    "a": 1\n}')],
    "baml.panic": [(("no",), USER)],
    "baml.range": [((1, 4), [1, 2, 3]), ((3, 3), []), ((4, 1), []), ((0, I64_MAX), MEMORY)],
    "baml.base64.encode": [(("hé",), "aMOp"), (("",), "")],
    "baml.base64.decode": [
        (("aMOp",), "hé"),
        (("YQ",), "a"),
        (("YQ==",), "a"),
        (("?",), INVALID),
        (("/w==",), INVALID),
    ],
    "baml.String.length": [(("",), 0), (("é😀",), 2), (("e\u0301",), 2)],
    "baml.String.toLowerCase": [(("ABCÉ",), "abcé"), (("ΑΣ",), "ας")],
    "baml.String.to_lower_case": [(("ABC",), "abc")],
    "baml.String.toUpperCase": [(("straße",), "STRASSE")],
    "baml.String.to_upper_case": [(("abc",), "ABC")],
    "baml.String.trim": [((" \u00a0\n\u3000x\u200b\t",), "x\u200b"), (("\x1fx",), "\x1fx"), (("",), "")],
    "baml.String.includes": [(("abc", "bc"), True), (("abc", ""), True), (("abc", "d"), False)],
    "baml.String.startsWith": [(("abc", "ab"), True), (("abc", "b"), False)],
    "baml.String.starts_with": [(("abc", ""), True)],
    "baml.String.endsWith": [(("abc", "bc"), True), (("abc", "b"), False)],
    "baml.String.ends_with": [(("abc", ""), True)],
    "baml.String.split": [
        (("a,b,,c", ","), ["a", "b", "", "c"]),
        (("", ","), [""]),
        (("a😀", ""), ["a", "😀"]),
        (("", ""), []),
    ],
    "baml.String.substring": [
        (("abcdef", 1, 3), "bc"),
        (("abcdef", -2, 3), "abc"),
        (("abcdef", 4, 2), ""),
        (("abcdef", 2, 100), "cdef"),
        (("abcdef", 100, 200), ""),
        (("abcdef", 0, -1), ""),
        (("a😀c", 1, 2), "😀"),
    ],
    "baml.String.replace": [(("aXbX", "X", "y"), "aybX"), (("abc", "", "y"), "yabc"), (("abc", "z", "y"), "abc")],
    "baml.String.repeat": [
        (("ab", 3), "ababab"),
        (("ab", 0), ""),
        (("ab", -1), ""),
        (("ab", I64_MAX), MEMORY),
        (("", I64_MAX), ""),
    ],
    "baml.String.to_string": [(("s",), "s")],
    "baml.String.replace_all": [(("aXbX", "X", "y"), "ayby"), (("ab", "", "-"), "-a-b-"), (("a", "b", "c"), "a")],
    "baml.String.matches": [(("a-12", "[a-z]-[0-9]+"), True), (("a-", "[0-9]"), False)],
    "baml.String.captures": [(("a-12", "([a-z])-([0-9]+)"), ["a-12", "a", "12"]), (("a", "b"), None)],
    "baml.String.replace_pattern": [(("a1b22", "[0-9]+", "#"), "a#b#")],
    "baml.String.index_of": [(("abab", "b"), 1), (("a😀b", "b"), 2), (("a", "b"), None), (("", ""), 0)],
    "baml.String.last_index_of": [(("abab", "b"), 3), (("a", "b"), None)],
    "baml.String.char_at": [(("a😀", 1), "😀"), (("ab", -2), "a"), (("ab", 2), None), (("ab", -3), None)],
    "baml.String.chars": [(("a😀",), ["a", "😀"]), (("",), [])],
    "baml.String.lines": [(("a\nb\r\n\nc",), ["a", "b", "", "c"]), (("\n",), [""]), (("",), []), (("a\rb",), ["a\rb"])],
    "baml.String.pad_start": [
        (("7", 3, "0"), "007"),
        (("x", 6, "ab"), "ababax"),
        (("abc", 2), "abc"),
        (("a", 2, ""), "a"),
    ],
    "baml.String.pad_end": [(("7", 3), "7  "), (("x", 4, "ab"), "xaba"), (("x", I64_MAX), MEMORY)],
    "baml.String.trim_start": [((" \u3000x ",), "x "), (("\x1fx",), "\x1fx")],
    "baml.String.trim_end": [((" x\u3000 ",), " x")],
    "baml.String.parse_int": [
        (("-12",), -12),
        (("+007",), 7),
        ((str(I64_MAX),), I64_MAX),
        ((str(I64_MAX + 1),), None),
        (("1" * 50,), None),
        (("1_0",), None),
        (("٣",), None),
        (("",), None),
    ],
    "baml.String.parse_float": [
        (("1.5e3",), 1500.0),
        ((".5",), 0.5),
        (("-2",), -2.0),
        (("nan",), None),
        (("1_0",), None),
    ],
    "baml.Array.is_empty": [(([],), True), (([None],), False)],
    "baml.Array.first": [(([1, 2],), 1), (([],), None)],
    "baml.Array.last": [(([1, 2],), 2), (([],), None)],
    "baml.Array.unique": [(([1, 1.0, True, 1, [1], [1], RED, RED, None, None],), [1, 1.0, True, [1], RED, None])],
    "baml.Array.chunk": [(([1, 2, 3], 2), [[1, 2], [3]]), (([], 1), []), (([1], 0), USER)],
    "baml.Array.sort_order": [
        ((["b", "a", "b"],), [1, 0, 2]),
        (([2, 1.5, math.nan, 0],), [3, 1, 0, 2]),
        (([1, "a"],), USER),
    ],
    "baml.Array.sort_by_keys": [
        ((["x", "y", "z"], [2, 1, 2]), ["y", "x", "z"]),
        (([1, 2], [math.nan, 0]), [2, 1]),
        (([], []), []),
        (([1], [1, 2]), USER),
    ],
    "baml.Array.length": [(([],), 0), (([1, 2],), 2)],
    "baml.Array.push": [(([1], 2), 2)],
    "baml.Array.sum": [(([],), 0), (([1, 2],), 3), (([I64_MAX, -1, 1],), I64_MAX), (([I64_MAX, 1, -1],), OVERFLOW)],
    "baml.Array.sum_floats": [(([1e16, 1.0, 1.0],), 1e16), (([0.5, 0.25],), 0.75)],
    "baml.Array.pop": [(([1, 2],), 2), (([],), None)],
    "baml.Array.at": [(([1, 2], 0), 1), (([1, 2], -1), 2), (([1, 2], 2), None), (([1, 2], -3), None)],
    "baml.Array.concat": [(([1], [2]), [1, 2])],
    "baml.Array.slice": [
        (([1, 2, 3, 4], 1, 3), [2, 3]),
        (([1, 2, 3], -2, 10), [2, 3]),
        (([1, 2, 3], 2, 1), []),
        (([1, 2, 3], 0, -1), [1, 2]),
    ],
    "baml.Array.join": [
        ((["a", "b"], ", "), "a, b"),
        ((["a", 1, 2.5, None, True, RED], "|"), "a|1|2.5|null|true|Red"),
        (([], "x"), ""),
    ],
    "baml.Array.includes": [(([[1], [2]], [2]), True), (([1], 1.0), False), (([], None), False)],
    "baml.Array.index_of": [(([1, 2, 2], 2), 1), (([1], True), None)],
    "baml.Array.reverse": [(([1, 2, 3],), [3, 2, 1])],
    "baml.Array.sort": [
        (([3, 1, 2],), [1, 2, 3]),
        (([2.5, 1, -1.0],), [-1.0, 1, 2.5]),
        ((["b", "a", "Z"],), ["Z", "a", "b"]),
        (([True, False],), [False, True]),
        (([],), []),
        ((["a", 1],), USER),
        (([None],), USER),
        (([True, 1],), USER),
        (([[1], [0]],), USER),
    ],
    "baml.Map.length": [(({},), 0), (({"a": 1},), 1)],
    "baml.Map.has": [(({"a": None}, "a"), True), (({RED: 1}, RED), True), (({}, "a"), False)],
    "baml.Map.get": [(({"a": 1}, "a"), 1), (({"a": 1}, "b"), None)],
    "baml.Map.keys": [(({"z": 1, "a": 2},), ["z", "a"])],
    "baml.Map.values": [(({"z": 1, "a": 2},), [1, 2])],
    "baml.Map.remove": [(({"a": 1}, "a"), 1), (({"a": 1}, "b"), None)],
    "baml.Int.to_string": [((-5,), "-5"), ((I64_MIN,), "-9223372036854775808")],
    "baml.Int.abs": [((-5,), 5), ((5,), 5), ((I64_MIN,), OVERFLOW)],
    "baml.Float.to_string": [((1.0,), "1.0"), ((1e21,), "1000000000000000000000.0"), ((math.inf,), "inf")],
    "baml.Float.abs": [((-1.5,), 1.5)],
    "baml.Int.pow": [
        ((2, 10), 1024),
        ((-2, 63), I64_MIN),
        ((2, 63), OVERFLOW),
        ((3, 1 << 40), OVERFLOW),
        ((-1, (1 << 62) + 1), -1),
        ((2, -1), 0),
        ((-1, -3), -1),
        ((0, 0), 1),
    ],
    "baml.Float.floor": [((-0.5,), -1.0), ((math.inf,), math.inf)],
    "baml.Float.ceil": [((0.5,), 1.0), ((1e300,), 1e300)],
    "baml.Float.round": [((2.5,), 3.0), ((-2.5,), -3.0), ((0.49999999999999994,), 0.0)],
    "baml.Float.trunc": [((-2.7,), -2.0)],
    "baml.Float.pow": [
        ((2.0, 0.5), math.sqrt(2)),
        ((10.0, 400.0), math.inf),
        ((-10.0, 401.0), -math.inf),
        ((-10.0, 400.0), math.inf),
        ((0.0, -1.0), math.inf),
        ((-0.0, -1.0), -math.inf),
        ((-0.0, -2.0), math.inf),
    ],
    **{f"baml.{kind}.from_url": [(("u",), Media(kind.lower(), None, "url", "u"))] for kind in MEDIA},
    **{f"baml.{kind}.from_base64": [(("aGk=", "a/b"), Media(kind.lower(), "a/b", "base64", "aGk="))] for kind in MEDIA},
    **{f"baml.{kind}.url": [((LINK,), "u"), ((BYTES,), None)] for kind in MEDIA},
    **{f"baml.{kind}.mime_type": [((LINK,), None), ((BYTES,), "a/b")] for kind in MEDIA},
    **{f"baml.{kind}.base64": [((LINK,), ""), ((BYTES,), "aGk=")] for kind in MEDIA},
    "baml.Array.splice": [(([1, 2, 3], -1, 9, [5]), None)],
    "baml.String.at": [(("ab", -1), "b")],
    "baml.String.code_point_at": [(("a👍", 1), 0x1F44D), (("a", -1), 97), (("a", 1), None)],
    "baml.String.byte_length": [(("é👍",), 6), (("",), 0)],
    "baml.String.is_ascii": [(("é",), False), (("",), True)],
    "baml.Bool.to_string": [((True,), "true"), ((False,), "false")],
    "baml.math.trunc": [
        ((-2.7,), -2),
        ((1e30,), OVERFLOW),
        ((math.nan,), OVERFLOW),
        ((2.0**63,), OVERFLOW),
        ((-(2.0**63),), I64_MIN),
    ],
    "baml.math.floor": [((-2.1,), -3), ((2.9,), 2), ((math.inf,), OVERFLOW)],
    "baml.math.ceil": [((-2.9,), -2), ((2.1,), 3)],
    "baml.math.round": [
        ((2.5,), 3),
        ((-2.5,), -3),
        ((0.49999999999999994,), 0),
        ((2.4,), 2),
        ((4503599627370497.5,), 4503599627370498),
    ],
    "baml.math.sqrt": [((4.0,), 2.0), ((math.inf,), math.inf)],
    "baml.math.min": [((1, 2), 1), ((2.5, 1), 1), (("b", "a"), "a"), ((math.nan, 1.0), 1.0), ((1.0, math.nan), 1.0)],
    "baml.math.max": [((1, 2), 2), (("b", "a"), "b"), ((math.nan, 1.0), 1.0), ((1.0, math.nan), 1.0)],
    "baml.json.parse": [
        (('{"a": [1, 2.0, true, null, "x"]}',), {"a": [1, 2.0, True, None, "x"]}),
        (('{"a": 1, "a": 2}',), {"a": 2}),
        ((" 1 ",), 1),
        (("9223372036854775807",), I64_MAX),
        (("[-9223372036854775808]",), [I64_MIN]),
        (("[9223372036854775808]",), INVALID),
        (('{"a": [123456789012345678901234567890]}',), INVALID),
        (("1e400",), INVALID),
        (("NaN",), INVALID),
        (("[1,]",), INVALID),
        (("",), INVALID),
        (("[" * 100_000,), INVALID),
        (('"\\ud800"',), INVALID),
        (('"\ud800"',), INVALID),
        (('"\\ud83d\\ude00"',), "😀"),
    ],
    "baml.json.stringify": [
        (({"a": [1, 1.0, None, True, "é\n\x01/😀"]},), '{"a":[1,1.0,null,true,"é\\n\\u0001/😀"]}'),
        ((Instance(POINT, [1, RED]),), '{"x":1,"y":"Red"}'),
        (({RED: [{RED: Instance(POINT, [{RED: 1}, None])}]},), '{"Red":[{"Red":{"x":{"Red":1},"y":null}}]}'),
        ((Media("image", "image/png", "url", "http://x"),), '{"url":"http://x","media_type":"image/png"}'),
        ((math.nan,), INVALID),
        (([math.inf],), INVALID),
        ((SELF,), INVALID),
        (({RED: SELF},), INVALID),
        ((Closure(None, ()),), INVALID),
    ],
}


def test_every_native_has_examples() -> None:
    assert set(EXAMPLES) == set(NATIVES)


@pytest.mark.parametrize(
    ("path", "arguments", "expected"),
    [
        pytest.param(path, arguments, expected, id=f"{path}-{number}")
        for path, cases in EXAMPLES.items()
        for number, (arguments, expected) in enumerate(cases)
    ],
)
def test_what_it_gives(path: str, arguments: tuple[Any, ...], expected: Any) -> None:
    try:
        result = whole(NATIVES[path], *arguments)
    except Thrown as thrown:
        result = thrown.class_name
        assert thrown.fields["message"]
    assert deep_equals(result, expected), result


def test_what_changes_its_receiver() -> None:
    items = [2, 1]
    NATIVES["baml.Array.push"](items, 0)
    assert NATIVES["baml.Array.sort"](items) is items == [0, 1, 2]
    assert NATIVES["baml.Array.pop"](items) == 2 and items == [0, 1]
    for unchanged in ("reverse", "slice", "concat"):
        extra = {"reverse": (), "slice": (0, 9), "concat": ([],)}[unchanged]
        assert NATIVES[f"baml.Array.{unchanged}"](items, *extra) is not items
    entries = {"a": 1, "b": 2}
    assert NATIVES["baml.Map.remove"](entries, "a") == 1 and entries == {"b": 2}


def test_not_a_number_sorts_last_and_order_is_kept() -> None:
    result = NATIVES["baml.Array.sort"]([math.nan, 2, 1, 2.0, 1.0])
    assert math.isnan(result[-1]) and list(map(repr, result[:-1])) == ["1", "1.0", "2", "2.0"]
    assert math.isnan(NATIVES["baml.math.sqrt"](-1.0)) and math.isnan(NATIVES["baml.math.sqrt"](math.nan))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": }', "line 1, column 7"),
        ('{"é":\n  x}', "line 2, column 3"),
        ("[1,", "line 1, column 4"),
        ("", "line 1, column 1"),
    ],
)
def test_invalid_json_is_placed(text: str, place: str) -> None:
    with pytest.raises(Thrown, match=f"invalid JSON: .* at {place}$"):
        NATIVES["baml.json.parse"](text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(I64_MIN, I64_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_json_comes_back(value: Any) -> None:
    text = NATIVES["baml.json.stringify"](value)
    assert json.loads(text) == value
    assert deep_equals(whole(NATIVES["baml.json.parse"], text), value)


def test_deep_values_are_refused_in_so_many_words() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Thrown, match="nested so deeply"):
        whole(NATIVES["baml.json.stringify"], deep)


@given(st.text(), st.text(max_size=2), st.integers(-5, 30), st.integers(-5, 30))
def test_strings(text: str, part: str, start: int, end: int) -> None:
    assert part.join(NATIVES["baml.String.split"](text, part)) == text
    scalars = [each for place, each in enumerate(text) if start <= place < end]
    assert NATIVES["baml.String.substring"](text, start, end) == "".join(scalars)
