"""What the patterns of a match leave, held against every value of small types."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

import bamlvm

CLASSES = "class P { a bool b bool } class Q { p P? n bool }"
P_VALUES = [f"P {{ a: {a}, b: {b} }}" for a, b in itertools.product(("true", "false"), repeat=2)]
VALUES = [f"Q {{ p: {p}, n: {n} }}" for p in (*P_VALUES, "null") for n in ("true", "false")]
BOOLS = st.sampled_from(["true", "false", "_"])
P_PATTERNS = st.one_of(
    st.sampled_from(["_", "null", "P", "P {}"]),
    st.builds("P {{ a: {}, b: {} }}".format, BOOLS, BOOLS),
    st.builds("P {{ b: {} }}".format, BOOLS),
)
PATTERNS = st.one_of(
    st.builds("Q {{ p: {}, n: {} }}".format, P_PATTERNS, BOOLS),
    st.builds("Q {{ n: {}, p: {} | {} }}".format, BOOLS, P_PATTERNS, P_PATTERNS),
)
LISTS = ["[]", "[true]", "[false]", *(f"[{a}, {b}]" for a in ("true", "false") for b in ("true", "false"))]
LISTS += ["[true, true, true]", "[true, false, true]", "[false, false, false]"]
LIST_PATTERNS = st.lists(BOOLS | st.just(".."), max_size=3).filter(lambda items: items.count("..") < 2)


def _results(type_: str, values: list[str], arms: list[str]) -> tuple[list[int | None] | None, list[str]]:
    """The arm that each value takes, None where none does, or None for all if the match is refused; the codes."""
    written = ", ".join(f"{pattern} => {place}" for place, pattern in enumerate(arms))
    source = f"{CLASSES} function f(x: {type_}) -> int {{ match (x) {{ {written} }} }}"
    found = [each.code for each in bamlvm.check({"a.baml": source}).diagnostics]
    open_source = f"{CLASSES} function f(x: {type_}) -> int {{ match (x) {{ {written}, _ => -1 }} }}"
    calls = ", ".join(f"f({value})" for value in values)
    runtime = bamlvm.Runtime.from_files({"a.baml": f"{open_source} function main() -> int[] {{ [{calls}] }}"})
    return runtime.functions.main(), found


@given(st.lists(PATTERNS, min_size=1, max_size=5))
def test_a_match_of_classes_is_refused_if_and_only_if_a_value_is_left(arms: list[str]) -> None:
    taken, codes = _results("Q", VALUES, arms)
    assert taken is not None
    assert ("E0062" in codes) == (-1 in taken), (arms, codes)
    # the values are all there are: an arm that none takes is reported, and no other
    assert codes.count("E0063") == sum(place not in taken for place in range(len(arms))), (arms, codes)


@given(st.lists(LIST_PATTERNS.map(lambda items: f"[{', '.join(items)}]"), min_size=1, max_size=4))
def test_a_match_of_lists_is_refused_if_a_value_is_left(arms: list[str]) -> None:
    taken, codes = _results("bool[]", LISTS, arms)
    assert taken is not None
    if -1 in taken:
        assert "E0062" in codes
    assert codes.count("E0063") <= sum(place not in taken for place in range(len(arms)))


def test_what_tells_too_much_apart_is_refused() -> None:
    fields = [f"f{n}" for n in range(24)]
    pairs = [(one, two, a, b) for one, two in zip(fields[:12], fields[12:], strict=True) for a, b in ("tt", "ff")]
    pairs += [("f11", "f23", a, b) for a, b in ("tf", "ft")]  # only the last pair covers everything
    words = {"t": "true", "f": "false"}
    arms = ", ".join(f"W {{ {one}: {words[a]}, {two}: {words[b]} }} => 1" for one, two, a, b in pairs)
    source = f"class W {{ {' bool '.join(fields)} bool }} function f(w: W) -> int {{ match (w) {{ {arms} }} }}"
    (error,) = bamlvm.check({"a.baml": source}).errors
    assert (error.code, error.hint) == ("E0062", "add `_ => …`")
