"""When a request matches a recorded one.  What is recorded of an exchange: tests/unit/api/test_replay.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bamlvm.sysops.web.recording import RecordedRequest, differences

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def request(body: str) -> RecordedRequest:
    return RecordedRequest("POST", "http://x/", [], body)


@given(JSON_VALUES)
def test_a_body_equals_itself_however_it_is_written(value: Any) -> None:
    pretty, plain = json.dumps(value, indent=1), json.dumps(value, ensure_ascii=False)
    assert differences(request(pretty), request(plain)) == []
    assert differences(request(plain), request(json.dumps([value]))) != []


def test_true_is_not_one() -> None:
    assert differences(request('{"a": 1}'), request('{"a": true}')) == ["body.a: recorded 1, sent true"]


@pytest.mark.parametrize(
    ("recorded", "sent", "matches"),
    [
        ("https://api.example/v1/chat", "http://base-url.placeholder.invalid/chat", True),
        ("https://api.example/v1/chat", "http://base-url.placeholder.invalid/models", False),
        (
            "https://r.openai.azure.com/openai/d/x?v=1",
            "https://RESOURCE-placeholder.openai.azure.com/openai/d/x?v=1",
            True,
        ),
        (
            "https://r.openai.azure.com/openai/d/x?v=1",
            "https://RESOURCE-placeholder.openai.azure.com/openai/d/y?v=1",
            False,
        ),
        ("https://api.example/chat", "https://api.example/Chat", False),
    ],
)
def test_placeholders_match_what_was_recorded_in_their_place(recorded: str, sent: str, matches: bool) -> None:
    found = differences(RecordedRequest("GET", recorded, [], ""), RecordedRequest("GET", sent, [], ""))
    assert (found == []) is matches
    assert differences(request('{"model": "gpt-4o"}'), request('{"model": "MODEL-placeholder"}')) == []
    assert differences(request('{"n": 1}'), request('{"n": "N-placeholder"}')) != []
