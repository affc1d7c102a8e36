"""The mock's answers in the form that a request asks for."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.tools.mock.forms import NOTHING, Asked, asked, in_form

SHIP = {"type": "object", "properties": {"city": {}}, "required": ["city"]}
REFUND = {"type": "object", "properties": {"order": {}, "note": {}}, "required": ["order"]}
WRAPPED = {"type": "object", "properties": {"value": {}}, "required": ["value"]}
BOTH = Asked({"Refund": REFUND, "Ship": SHIP})


@pytest.mark.parametrize(
    ("text", "wanted", "said", "calls"),
    [
        ("hello", NOTHING, "hello", []),
        ('{"city": 1}', Asked({}, SHIP), '{"city": 1}', []),
        ("[1]", Asked({}, WRAPPED), '{"value": [1]}', []),
        ("Red", Asked({}, WRAPPED), '{"value": "Red"}', []),
        ('{"value": 1}', Asked({}, WRAPPED), '{"value": 1}', []),
        ('so: {"value": 1', Asked({}, WRAPPED), 'so: {"value": 1', []),
        ('{"city": 1}', BOTH, "", [("Ship", '{"city": 1}')]),
        ('{"order": 1}', BOTH, "", [("Refund", '{"order": 1}')]),
        ('[{"order": 1}, {"city": 2}]', BOTH, "", [("Refund", '{"order": 1}'), ("Ship", '{"city": 2}')]),
        ("[]", BOTH, "", []),
        ("Which city?", BOTH, "Which city?", []),
        ('{"other": 1}', BOTH, '{"other": 1}', []),
        ("5", Asked({"answer": WRAPPED}), "", [("answer", '{"value": 5}')]),
        ("Red", Asked({"answer": WRAPPED}), "", [("answer", '{"value": "Red"}')]),
        ("Red", Asked({"Refund": REFUND}), "Red", []),
    ],
)
def test_the_form_of_an_answer(text: str, wanted: Asked, said: str, calls: list[Any]) -> None:
    found, made = in_form([text[:3], text[3:]], wanted)
    assert "".join(found) == said
    assert [(name, "".join(pieces)) for name, pieces in made] == calls


def test_what_is_no_tool_is_ignored() -> None:
    assert asked([("a", {}), (None, {}), ("b", 7)], "no") == Asked({"a": {}})
