"""What counts as equal, and as passed."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm.errors import HostError
from bamlvm.tools.evaluation.scoring import Scorer, equal
from bamlvm.tools.evaluation.subject import Variant, subject

SOURCE = """
class Feeling { mood string  score int  sure bool? }
function feel(text: string) -> Feeling { Feeling { mood: text, score: 1, sure: null } }
function other(text: string) -> Feeling { feel(text) }
test High {
  functions [feel]
  args { text "x" }
  @@assert(high, {{ this.score > 5 }})
  @@check(ignored, {{ false }})
}
"""


@pytest.fixture(scope="module")
def runtime() -> bamlvm.Runtime:
    return bamlvm.Runtime.from_files({"main.baml": SOURCE})


def row(runtime: bamlvm.Runtime, expected: list[str], *, name: str = "feel", **line: Any) -> Any:
    options = {"is_text": line.pop("is_text", False), "normalize": line.pop("normalize", False)}
    scorer = Scorer(runtime, subject(runtime, name, [], [], expected), **options)
    whole = {"row": 0, "seconds": 0.1, "input_tokens": 1, "output_tokens": 2, **line}
    return scorer.scored(Variant("feel"), [whole]).rows[0]


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (True, True, True),
        ({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1], [1, 2], False),
        ("a", "A", False),
        (None, False, False),
    ],
)
def test_json_values_are_equal_by_value(one: Any, other: Any, result: bool) -> None:
    assert equal(one, other) is result


def test_fields_are_held_against_columns(runtime: bamlvm.Runtime) -> None:
    value = {"mood": "good", "score": 3, "sure": None}
    good = row(runtime, ["mood=label", "score=points"], input={"label": "good", "points": 3}, result=value)
    assert good.passed
    bad = row(runtime, ["mood=label", "score=points"], input={"label": "good", "points": 4}, result=value)
    assert [check.holds for check in bad.checks] == [True, False]
    assert not bad.passed
    missing = row(runtime, ["mood=lbl"], input={"label": "good"}, result=value)
    assert [check.problem for check in missing.checks] == ["the row has no column 'lbl'"]
    with pytest.raises(bamlvm.HostError, match="the result of feel has no field 'mod'"):
        subject(runtime, "feel", [], [], ["mod=label"])


def test_text_is_equal_to_what_it_is_the_json_of_in_csv_alone(runtime: bamlvm.Runtime) -> None:
    cells = {"points": "3", "sure": "", "all": '{"mood": "good", "score": 3, "sure": null}'}
    value = {"mood": "good", "score": 3, "sure": None}
    expected = ["score=points", "sure=sure", "all"]
    assert row(runtime, expected, input=cells, result=value, is_text=True).passed
    assert not row(runtime, ["score=points"], input=cells, result=value).passed
    assert row(runtime, ["sure=s"], input={"s": "TRUE"}, result={"sure": True}, is_text=True).passed


def test_case_and_spaces_count_unless_they_are_normalized(runtime: bamlvm.Runtime) -> None:
    given: dict[str, Any] = {"input": {"label": " Very  Good"}, "result": {"mood": "very good"}}
    assert not row(runtime, ["mood=label"], **given).passed
    assert row(runtime, ["mood=label"], **given, normalize=True).passed


def test_a_test_s_asserts_are_held_and_its_checks_are_not(runtime: bamlvm.Runtime) -> None:
    high = row(runtime, [], name="feel::High", input={}, result={"mood": "", "score": 9})
    assert [(check.name, check.holds) for check in high.checks] == [("high", True)]
    assert not row(runtime, [], name="feel::High", input={}, result={"mood": "", "score": 1}).passed


def test_a_row_without_a_result_has_not_passed(runtime: bamlvm.Runtime) -> None:
    failed = row(runtime, ["mood=label"], name="feel::High", input={"label": "x"}, error={"type": "T", "message": "m"})
    assert failed.error == "T: m"
    assert [check.holds for check in failed.checks] == [None, None]
    assert not failed.passed


def test_what_there_is_not_is_named(runtime: bamlvm.Runtime) -> None:
    with pytest.raises(HostError, match=r"there is no test 'feel::Hgh' \(did you mean `feel::High`"):
        subject(runtime, "feel::Hgh", [], [], [])
    with pytest.raises(HostError, match="the program has no function 'fel'"):
        subject(runtime, "feel", ["fel"], [], ["x"])
    with pytest.raises(HostError, match="nothing is expected"):
        subject(runtime, "feel", [], [], [])


def test_every_function_is_tried_with_every_client(runtime: bamlvm.Runtime) -> None:
    made = subject(runtime, "feel", ["other", "feel"], ["A", "B"], ["x"])
    names = ["feel with A", "feel with B", "other with A", "other with B"]
    assert [variant.name for variant in made.variants] == names
