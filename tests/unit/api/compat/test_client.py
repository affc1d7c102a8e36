"""What a generated client calls: every failure is one of ``baml_py``'s."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import pytest

from bamlvm.client import DEFAULT, Project
from bamlvm.compat import errors
from bamlvm.compat.client import Caller
from bamlvm.compat.collector import Collector
from bamlvm.mock import MockTransport

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k" } }
function Say(text: string, times: int = 2) -> string { client C  prompt #"{{ text }} {{ times }}"# }
function Count(text: string) -> int { client C  prompt #"{{ text }}"# }
"""


@pytest.fixture
def caller() -> Any:
    module = sys.modules[__name__]
    project = Project({"main.baml": SOURCE}, module, module)
    project.configure(transport=MockTransport())
    yield Caller(project)
    project.runtime.close()


def test_calls(caller: Caller) -> None:
    assert caller.call("Say", {"text": "x", "times": DEFAULT}, {}) == "m was asked: x 2"
    assert [*caller.stream("Say", {"text": "x"}, {})][-1] == "m was asked: x 2"
    assert caller.request("Say", {"text": "x"}, {"client": "openai/other"}, stream=True).body.json()["model"] == "other"
    assert caller.parse("Count", "3") == 3
    assert caller.parse_stream("Count", "") is None


async def test_calls_in_a_loop(caller: Caller) -> None:
    assert await caller.call_async("Say", {"text": "x"}, {}) == "m was asked: x 2"
    stream = caller.stream_async("Say", {"text": "x"}, {})
    assert [each async for each in stream][-1] == await stream.get_final_response()
    assert (await caller.request_async("Say", {"text": "x"}, {}, stream=False)).method == "POST"


async def test_failures(caller: Caller) -> None:
    for fails in (
        lambda: caller.call("Count", {"text": "x"}, {}),
        lambda: list(caller.stream("Count", {"text": "x"}, {})),
        lambda: caller.stream("Count", {"text": "x"}, {}).final(),
        lambda: caller.parse("Count", "none"),
    ):
        with pytest.raises(errors.BamlValidationError):
            fails()
    with pytest.raises(errors.BamlValidationError):
        await caller.call_async("Count", {"text": "x"}, {})
    with pytest.raises(errors.BamlValidationError):
        await caller.stream_async("Count", {"text": "x"}, {}).final()
    with pytest.raises(errors.BamlInvalidArgumentError):
        caller.call("Say", {"text": 3}, {})
    with pytest.raises(errors.BamlInvalidArgumentError):
        caller.request("Say", {"text": "x"}, {"client": "Nope"}, stream=False)


def test_options_add_up(caller: Caller) -> None:
    collector = Collector()
    mine = caller.with_options({"collector": collector, "tags": {"a": "b"}})
    mine.call("Say", {"text": "x"}, {"tags": {"c": "d"}})
    caller.call("Say", {"text": "x"}, {})
    assert [log.tags for log in collector.logs] == [{"c": "d"}]


def test_a_caller_can_be_pickled() -> None:
    module = sys.modules[__name__]
    with_options = Caller(Project({"main.baml": SOURCE}, module, module), {"client": "openai/other"})
    other = pickle.loads(pickle.dumps(with_options))
    assert (
        other.request("Say", {"text": "x"}, {"env": {"OPENAI_API_KEY": "k"}}, stream=False).body.json()["model"]
        == "other"
    )
