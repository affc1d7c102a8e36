"""Classes over HTTP: an assert that fails is a failed attempt, partial values have their own types, checks are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer

SOURCE = """
class Item { name string  price float @assert(positive, {{ this > 0 }}) @check(cheap, {{ this < 10 }}) }
class Order { id int @assert(known, {{ this in [1, 2] }})  items Item[] }
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client C {
  provider openai
  retry_policy Once
  options { model "m"  api_key "k"  base_url env.URL }
}
function Read(text: string) -> Order { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
"""


def order(number: int, *prices: float) -> dict[str, Any]:
    return {"id": number, "items": [{"name": f"n{price}", "price": price} for price in prices]}


def answers(*values: Any) -> dict[str, Any]:
    return {"rules": [{"answers": [{"text": json.dumps(value), "piece_length": 4} for value in values]}]}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_failed_assert_is_a_failed_attempt(threaded_mock_server: ThreadedMockServer, streamed: bool) -> None:
    threaded_mock_server.play(answers(order(7, 1), order(1, 5, -1, 50)))
    seen = bamlvm.Collector()
    partials: list[Any] = []
    context = bamlvm.CallContext(collectors=[seen], on_partial=partials.append if streamed else None)
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"URL": f"{threaded_mock_server.url}/v1"}) as runtime:
        value = runtime.call_function_sync("Read", {"text": "x"}, context)
        assert type(value) is runtime.types.Order
        assert all(type(each) is runtime.partial_types.Order for each in partials)
    assert [item.name for item in value.items] == ["n5", "n50"]
    assert [item.price.checks["cheap"].status for item in value.items] == ["succeeded", "failed"]
    assert bool(partials) is streamed
    [call] = seen.calls
    first, second = call.attempts
    assert first.error is not None
    assert "id: the assertion `known`" in first.error.message
    assert second.error is None


def test_a_stream_whose_attempts_all_fail_tells_why(threaded_mock_server: ThreadedMockServer) -> None:
    threaded_mock_server.play(answers(order(7, 1)))
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env={"URL": f"{threaded_mock_server.url}/v1"}) as runtime:
        stream = runtime.stream("Read", {"text": "x"})
        with pytest.raises(bamlvm.ThrownError, match="the assertion `known`") as caught:
            stream.final()
        failures = [attempt.error for attempt in caught.value.value.attempts]
        assert [failure.path for failure in failures] == ["id", "id"]
        assert json.loads(failures[0].raw) == order(7, 1)
