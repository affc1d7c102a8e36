"""``baml.llm`` whole: programs run by a runtime against a mock server on loopback.

Every test also checks that nothing is left open (see ``make``) and that no socket is (see ``tests/conftest.py``).
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import bamlvm
from bamlvm.mock import MockServer, ThreadedMockServer
from bamlvm.sysops.redaction import redacted_body
from tests.support.partials import grows

pytestmark = pytest.mark.slow

SOURCE = (Path(__file__).parent / "strategies.baml").read_text("utf-8")
PROGRAM = SOURCE + "".join(
    f'function Call{name}(x: string) -> string {{ client {name}  prompt #"Say {{{{ x }}}}"# }}\n'
    for name in re.findall(r"client<llm> (\w+)", SOURCE)
)
PROGRAM += "".join(
    f'function Number{name}(x: string) -> int {{ client {name}  prompt #"Say {{{{ x }}}}"# }}\n'
    for name in ("Reask", "ReaskClaude", "ReaskGemini", "ReaskThenClaude", "ReaskBoth", "FailingThenClaude")
)

HELLO = {"pieces": ["Hel", "lo", "!"]}


def failing(code: int, **more: Any) -> dict[str, Any]:
    return {"faults": [{"kind": "status", "code": code, **more}]}


def faulty(kind: str, **more: Any) -> dict[str, Any]:
    return {**HELLO, "faults": [{"kind": kind, **more}]}


class Bench:
    """A runtime, the server it talks to, and what the host of its last call heard."""

    def __init__(self, server: ThreadedMockServer | MockServer) -> None:
        self.server = server
        self.runtime = bamlvm.Runtime.from_files(
            {"main.baml": PROGRAM.replace("URL", server.url)}, env={"PERHAPS": "perhaps"}
        )
        self.partials: list[Any] = []
        self.attempts: list[tuple[str, str, int]] = []
        self.records: list[Any] = []
        self.ticks = 0

    def play(self, **answers: list[dict[str, Any]]) -> None:
        """What each model answers, in order."""
        self.server.play({"rules": [{"model": model, "answers": given} for model, given in answers.items()]})

    def call(self, name: str, arguments: dict[str, Any] | None = None, stream: bool = True, **context: Any) -> Any:
        """Call a function; what the host hears is kept."""
        given, collector = self._listening(stream, context)
        try:
            return self.runtime.call_function_sync(name, {"x": "hi"} if arguments is None else arguments, given)
        finally:
            self.records = list(collector.attempts)

    async def outcome(self, name: str, stream: bool = True) -> Any:
        """The value of a call on the running loop, or the error that it ends with."""
        given, collector = self._listening(stream, {})
        try:
            return await self.runtime.call_function(name, {"x": "hi"}, given)
        except bamlvm.ThrownError as error:
            return error
        finally:
            self.records = list(collector.attempts)

    def _listening(self, stream: bool, context: dict[str, Any]) -> tuple[bamlvm.CallContext, bamlvm.Collector]:
        self.partials, self.attempts, self.ticks = [], [], 0
        collector = bamlvm.Collector()

        def attempt(event: Any) -> None:
            self.attempts.append((event.kind, event.record.client, event.record.number))

        def tick(events: Any) -> None:
            self.ticks += 1

        listening = {"on_partial": self.partials.append, "on_tick": tick} if stream else {}
        heard = {**listening, "on_attempt": attempt, "collectors": [collector], **context}
        return bamlvm.CallContext(**heard), collector

    def thrown(self, name: str, stream: bool = True, arguments: dict[str, Any] | None = None) -> bamlvm.ThrownError:
        """The error that a call ends with."""
        with pytest.raises(bamlvm.ThrownError) as caught:
            self.call(name, arguments, stream)
        return caught.value

    def failures(self, name: str, stream: bool = True) -> list[tuple[str, int, str]]:
        """The client, number and error class of every attempt of a call that fails altogether."""
        error = self.thrown(name, stream)
        assert error.class_name == "baml.errors.AllAttemptsFailed"
        listed = bamlvm.to_builtins(error.value)["attempts"]
        assert [(each["client"], each["attempt"]) for each in listed] == [
            (record.client, record.number) for record in self.records
        ]
        return [
            (each["client"], each["attempt"], error_name(record))
            for each, record in zip(listed, self.records, strict=True)
        ]

    def models(self) -> list[str]:
        """The models that were asked, in order."""
        return [exchange.body["model"] for exchange in self.server.requests]


@pytest.fixture
def bench(threaded_mock_server: ThreadedMockServer) -> Iterator[Bench]:
    made = Bench(threaded_mock_server)
    yield made
    assert made.runtime.handles == 0
    assert not made.runtime.engine.active
    made.runtime.close()


@pytest_asyncio.fixture
async def timed(mock_server: MockServer) -> AsyncIterator[Bench]:
    """A bench whose server and clocks are on the running loop."""
    made = Bench(mock_server)
    made.runtime.engine.services.monotonic = asyncio.get_running_loop().time
    async with made.runtime:
        yield made
        assert made.runtime.handles == 0


def error_name(record: Any) -> str | None:
    """The class of the error in an attempt's record, without its namespace."""
    return None if record.error is None else record.error.type.rpartition(".")[2]


both = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])

each_format = pytest.mark.parametrize(
    ("name", "model"),
    [
        ("CallOnce", "once"),
        ("CallClaude", "claude"),
        ("CallGemini", "gemini"),
        ("CallRespond", "respond"),
        ("CallAzure", "azure"),
        ("CallLocal", "local"),
    ],
)

# --- one attempt ------------------------------------------------------------------------------------------------------


@each_format
def test_an_answer_streams_and_is_recorded(bench: Bench, name: str, model: str) -> None:
    bench.play(**{model: [{**HELLO, "delay_ms": 120, "usage": {"input_tokens": 3, "output_tokens": 5}}]})
    assert bench.call(name) == "Hello!"
    assert grows(bench.partials, ["Hel", "Hello", "Hello!"])
    assert bench.ticks >= len(bench.partials)
    assert [kind for kind, _, _ in bench.attempts] == ["started", "succeeded"]
    (record,) = bench.records
    assert (record.text, record.status, record.input_tokens, record.output_tokens) == ("Hello!", 200, 3, 5)
    assert 0 < record.first_byte <= record.first_partial <= record.duration
    assert record.finish_reason in ("stop", "end_turn", "completed", "STOP")
    assert record.model == model
    assert record.error is None
    assert "sk-very-secret" not in repr(record)
    assert record.request["body"].get("stream") is (None if model == "gemini" else True)
    assert bench.server.requests[0].body == record.request["body"]


@each_format
def test_a_whole_answer_is_recorded(bench: Bench, name: str, model: str) -> None:
    bench.play(**{model: [{**HELLO, "usage": {"input_tokens": 3, "output_tokens": 5}}]})
    assert bench.call(name, stream=False) == "Hello!"
    (record,) = bench.records
    assert (record.text, record.status, record.input_tokens, record.output_tokens) == ("Hello!", 200, 3, 5)
    assert "stream" not in bench.server.requests[0].body


@pytest.mark.parametrize("how", ["reset", "truncate"])
def test_only_googles_stream_may_not_break_off_after_a_finish_reason(bench: Bench, how: str) -> None:
    cut = {"kind": how, "at": -20} if how == "truncate" else {"kind": how, "where": "body", "at": -20}
    twice = {**HELLO, "faults": [{"kind": "duplicate_finish"}, {"kind": "delay", "ms": 1}, cut]}
    bench.play(gemini=[twice], once=[{**twice, "faults": [*twice["faults"], {"kind": "no_done"}]}])
    assert bench.failures("CallGemini") == [("Gemini", 1, "Network" if how == "reset" else "StreamTruncated")]
    assert bench.records[0].finish_reason == "STOP"  # other chunks of this model's may follow
    assert bench.call("CallOnce") == "Hello!"


def test_a_client_that_cannot_stream_gives_one_partial(bench: Bench) -> None:
    bench.play(whole=[HELLO])
    assert bench.call("CallWhole") == "Hello!"
    assert bench.partials == ["Hello!"]
    assert "stream" not in bench.server.requests[0].body


def test_a_number_is_not_shown_while_more_text_may_change_it(bench: Bench) -> None:
    bench.play(again=[{"pieces": ["It is", " 1", "2", ", I", " think"], "delay_ms": 10}])
    assert bench.call("Number") == 12
    assert bench.partials == []


def test_a_literal(bench: Bench) -> None:
    bench.play(once=[{"text": "The mood is **bad**."}])
    assert bench.call("Mood") == "bad"
    sent = bench.server.requests[0].body["messages"][0]["content"]
    assert sent == 'Answer in JSON using any of these schemas:\n"good" or "bad" hi'


def test_a_stream_may_end_without_its_terminator_or_without_its_reason_but_not_without_both(bench: Bench) -> None:
    bench.play(
        once=[faulty("no_done"), faulty("no_finish"), {**HELLO, "faults": [{"kind": "no_done"}, {"kind": "no_finish"}]}]
    )
    assert bench.call("CallOnce") == "Hello!"
    assert bench.call("CallOnce") == "Hello!"
    assert bench.failures("CallOnce") == [("Once", 1, "StreamTruncated")]
    assert bench.records[0].text == "Hello!"


def test_secrets_in_a_body_are_not_recorded() -> None:
    body = {"max_tokens": 5, "access_token": "sk-x", "nested": {"api_key": "sk-x", "model": "m"}, "messages": []}
    shown = {"max_tokens": 5, "access_token": "***", "nested": {"api_key": "***", "model": "m"}, "messages": []}
    assert redacted_body(body) == shown


# --- retry ------------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("code", [408, 409, 425, 429, 500, 503])
def test_statuses_that_are_retried(bench: Bench, code: int, stream: bool) -> None:
    bench.play(again=[failing(code), failing(code), HELLO])
    assert bench.call("CallAgain", stream=stream) == "Hello!"
    assert bench.attempts == [
        ("started", "Again", 1),
        ("failed", "Again", 1),
        ("started", "Again", 2),
        ("failed", "Again", 2),
        ("started", "Again", 3),
        ("succeeded", "Again", 3),
    ]
    assert [record.status for record in bench.records] == [code, code, 200]


@both
@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
def test_statuses_that_are_not_retried(bench: Bench, code: int, stream: bool) -> None:
    bench.play(again=[failing(code, message="nope"), HELLO])
    assert bench.failures("CallAgain", stream) == [("Again", 1, "HttpStatus")]
    error = bench.records[0].error.value
    assert error["status_code"] == code
    assert "nope" in error["message"] and "nope" in error["body"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faulty("reset"), "Network"),
        (faulty("reset", where="body", at=40), "Network"),
        (faulty("truncate", at=200), "StreamTruncated"),
        (faulty("truncate", at=200, how="end"), "StreamTruncated"),
        (faulty("error", after=1), "LlmClient"),
    ],
)
def test_faults_of_a_stream_that_are_retried(bench: Bench, fault: dict[str, Any], error: str) -> None:
    bench.play(again=[fault, HELLO])
    assert bench.call("CallAgain") == "Hello!"
    assert [error_name(record) for record in bench.records] == [error, None]


def test_an_answer_that_cannot_be_parsed_is_retried(bench: Bench) -> None:
    bench.play(again=[{"text": "no idea"}, {"text": "7"}])
    assert bench.call("Number") == 7
    assert [error_name(record) for record in bench.records] == ["ParseFailed", None]


@both
def test_when_every_attempt_fails_all_are_listed(bench: Bench, stream: bool) -> None:
    bench.play(again=[failing(500), failing(503), failing(500), HELLO])
    assert bench.failures("CallAgain", stream) == [("Again", number, "HttpStatus") for number in (1, 2, 3)]
    error = bench.thrown("CallKeyless", stream)
    assert error.class_name == "baml.errors.AllAttemptsFailed"
    assert str(error.value.message) == (
        "CallKeyless failed. Keyless (openai), attempt 1: "
        "client Keyless: the environment variable NO_SUCH_KEY is not set"
    )


def test_partials_of_a_failed_attempt_are_in_its_record(bench: Bench) -> None:
    bench.play(once=[faulty("error", after=2)])
    error = bench.thrown("CallOnce")
    assert bamlvm.to_builtins(error.value)["attempts"][0]["text"] == "Hello"


def test_delays_follow_the_policy(bench: Bench) -> None:
    assert bench.call("delays", {"name": "Backing"}) == [100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000]
    assert bench.call("delays", {"name": "Again"}) == [1, 1]
    assert bench.call("delays", {"name": "Once"}) == []


@pytest.mark.parametrize(
    ("status", "asked", "tries", "wait"),
    [
        (500, None, 1, 100),
        (503, 300, 1, 300),
        (429, 50, 2, 200),
        (429, 60_000, 1, 1000),
        (500, None, 9, 1000),
        (500, None, 10, None),
        (404, 300, 1, None),
    ],
)
def test_the_wait_before_a_retry(bench: Bench, status: int, asked: int | None, tries: int, wait: int | None) -> None:
    assert bench.call("waits", {"status": status, "asked": asked, "tries": tries}) == wait


@both
@pytest.mark.parametrize("name", ["CallStrictThenClaude", "CallLenient"])
def test_a_finish_reason_that_is_not_allowed_ends_the_call(bench: Bench, name: str, stream: bool) -> None:
    cut = {**HELLO, "finish_reason": "Length"}
    bench.play(strict=[cut, HELLO], lenient=[cut, HELLO])
    error = bench.thrown(name, stream)
    assert error.class_name == "baml.errors.FinishReason"
    assert bamlvm.to_builtins(error.value) == {"message": "Finish reason not allowed: Length", "reason": "Length"}
    assert [kind for kind, _, _ in bench.attempts] == ["started", "failed"]


@both
def test_a_finish_reason_that_is_allowed(bench: Bench, stream: bool) -> None:
    bench.play(strict=[HELLO], lenient=[HELLO])
    assert bench.call("CallStrict", stream=stream) == bench.call("CallLenient", stream=stream) == "Hello!"


@pytest.mark.virtual_time
async def test_the_first_token_clock_stops_at_the_first_content(timed: Bench) -> None:
    timed.play(hasty=[{**HELLO, "faults": [{"kind": "stall", "where": "body", "at": 0}]}, {**HELLO, "delay_ms": 600}])
    assert isinstance(await timed.outcome("CallHasty"), bamlvm.ThrownError)
    assert [(record.client, error_name(record)) for record in timed.records] == [("Hasty", "Timeout")]
    assert timed.records[0].error.value["clock"] == "time_to_first_token"
    assert await timed.outcome("CallHasty") == "Hello!"


@pytest.mark.virtual_time
async def test_the_clocks_of_a_strategy_hold_for_its_clients(timed: Bench) -> None:
    timed.play(patient=[{**HELLO, "first_delay_ms": 2000}, {**HELLO, "first_delay_ms": 2000}])
    assert await timed.outcome("CallHasteful") == "Hello!"
    assert [(record.client, error_name(record)) for record in timed.records] == [
        ("Patient", "Timeout"),
        ("Patient", None),
    ]
    assert timed.records[0].error.value["limit_ms"] == 250


@pytest.mark.virtual_time
@both
async def test_a_strategy_has_a_time_for_all_its_attempts(timed: Bench, stream: bool) -> None:
    stall = {**HELLO, "faults": [{"kind": "stall", "where": "before"}]}
    timed.play(stuck=[failing(500), failing(500), stall], patient=[HELLO])
    now = asyncio.get_running_loop().time
    before = now()
    assert isinstance(await timed.outcome("CallBrief", stream), bamlvm.ThrownError)
    assert 1.49 <= now() - before < 1.6
    failures = [(record.client, error_name(record)) for record in timed.records]
    assert failures == [("Stuck", "HttpStatus"), ("Stuck", "HttpStatus"), ("Stuck", "Timeout")]
    assert timed.models() == ["stuck"] * 3
    timed.play(once=[failing(500)], patient=[HELLO])
    assert await timed.outcome("CallRoomy", stream) == "Hello!"
    assert [record.client for record in timed.records] == ["Once", "Patient"]


def test_the_time_of_a_strategy_ends_with_that_of_the_one_around_it(bench: Bench) -> None:
    assert bench.call("left", {"outer": "Brief", "inner": "Inner"}) in range(1, 1501)
    assert bench.call("left", {"outer": "Roomy", "inner": "Once"}) in range(1501, 60001)
    assert bench.call("left", {"outer": "Turns", "inner": "Once"}) is None


def test_of_two_clocks_the_tighter_one_holds(bench: Bench) -> None:
    parsed = json.loads(bench.call("clocks", {"outer": "Hasteful", "inner": "Hurried"}))
    assert parsed == {"connect_ms": None, "time_to_first_token_ms": 250, "idle_ms": None, "request_ms": 60000}
    assert json.loads(bench.call("clocks", {"outer": "Hurried", "inner": "Patient"}))["time_to_first_token_ms"] == 250
    assert json.loads(bench.call("clocks", {"outer": "Hasteful", "inner": "Once"}))["request_ms"] == 60000
    assert bench.call("clocks", {"outer": "Turns", "inner": "Once"}) == "null"


@both
def test_options_that_cannot_be_used_are_a_failed_attempt(bench: Bench, stream: bool) -> None:
    bench.play(claude=[HELLO])
    assert bench.call("CallUnsetThenDazedThenClaude", stream=stream) == "Hello!"
    assert [(record.client, error_name(record)) for record in bench.records] == [
        ("Unset", "InvalidArgument"),
        ("Dazed", "InvalidArgument"),
        ("Claude", None),
    ]
    assert "NO_SUCH_LIMIT is not set" in bench.records[0].error.message
    assert "supports_streaming must be true or false" in bench.records[1].error.message
    assert bench.failures("CallUnset", stream) == [("Unset", 1, "InvalidArgument")]


@both
def test_connections_are_shared_unless_the_client_says_otherwise(bench: Bench, stream: bool) -> None:
    bench.play(once=[HELLO], unpooled=[HELLO])
    for name, connections in (("CallOnce", 1), ("CallUnpooled", 2)):
        bench.server.requests.clear()
        for _ in range(2):
            bench.call(name, stream=stream)
        assert len({exchange.connection for exchange in bench.server.requests}) == connections, name


@both
def test_a_refusal_is_retried_and_passed_to_the_next_client(bench: Bench, stream: bool) -> None:
    bench.play(again=[{"text": "", "finish_reason": "content_filter"}], claude=[HELLO])
    assert bench.call("CallAgainThenClaude", stream=stream) == "Hello!"
    assert bench.models() == ["again", "again", "again", "claude"]
    assert bench.records[0].error.message == "the provider withheld the answer: content_filter"


@both
def test_what_was_received_before_the_rest_was_withheld(bench: Bench, stream: bool) -> None:
    bench.play(once=[{"pieces": ["Hel", "lo"], "finish_reason": "content_filter"}])
    error = bench.thrown("CallOnce", stream)
    (attempt,) = bamlvm.to_builtins(error.value)["attempts"]
    assert (attempt["text"], attempt["error"]["type"]) == ("Hello", "content_filter")
    assert "withheld the rest of the answer after 5 characters" in str(error)


@both
def test_an_answer_cut_inside_a_value_says_so(bench: Bench, stream: bool) -> None:
    bench.play(again=[{"text": "no number", "finish_reason": "length"}])
    error = bench.thrown("Number", stream)
    assert "finish reason 'length'" in str(error)


@both
def test_a_string_may_be_empty_if_the_provider_says_so(bench: Bench, stream: bool) -> None:
    bench.play(once=[{"text": ""}, {"text": "", "finish_reason": "length"}])
    assert bench.call("CallOnce", stream=stream) == ""
    assert "the limit of tokens was spent before any text" in str(bench.thrown("CallOnce", stream))


def texts(body: dict[str, Any]) -> list[tuple[str, str]]:
    """The role and text of each message of a request to the OpenAI format."""
    return [(each["role"], each["content"]) for each in body["messages"]]


@both
def test_a_model_is_shown_its_answer_and_what_is_wrong_with_it(bench: Bench, stream: bool) -> None:
    bench.play(reask=[{"text": "no idea"}, {"text": "sorry"}, {"text": "7"}])
    assert bench.call("NumberReask", stream=stream) == 7
    first, second, third = (texts(request.body) for request in bench.server.requests)
    assert len(first) == 1
    assert second[:2] == [*first, ("assistant", "no idea")]
    (role, words) = second[2]
    assert role == "user"
    assert words.startswith("This answer cannot be used: expected an int, got 'no idea'")
    assert third[:4] == [*second, ("assistant", "sorry")]
    assert len(third) == 5


@both
def test_every_format_says_it_in_its_own_roles(bench: Bench, stream: bool) -> None:
    bench.play(reaskclaude=[{"text": "no idea"}, {"text": "7"}], reaskgemini=[{"text": "no idea"}, {"text": "8"}])
    assert bench.call("NumberReaskClaude", stream=stream) == 7
    assert bench.call("NumberReaskGemini", stream=stream) == 8
    _, claude, _, gemini = (request.body for request in bench.server.requests)
    assert [each["role"] for each in claude["messages"]] == ["user", "assistant", "user"]
    assert [each["role"] for each in gemini["contents"]] == ["user", "model", "user"]
    assert gemini["contents"][1]["parts"] == [{"text": "no idea"}]


@both
def test_another_client_is_not_shown_what_it_did_not_answer(bench: Bench, stream: bool) -> None:
    bench.play(reask=[{"text": "no idea"}], claude=[{"text": "7"}])
    assert bench.call("NumberReaskThenClaude", stream=stream) == 7
    assert bench.models() == ["reask", "reask", "reask", "claude"]
    assert len(bench.server.requests[-1].body["messages"]) == 1


@both
def test_a_strategy_that_asks_again_shows_every_child_the_last_answer(bench: Bench, stream: bool) -> None:
    bench.play(once=[{"text": "no idea"}, {"text": "7"}], claude=[{"text": "none"}])
    assert bench.call("NumberReaskBoth", stream=stream) == 7
    assert bench.models() == ["once", "claude", "once"]
    assert texts(bench.server.requests[2].body)[1] == ("assistant", "none")


@both
def test_an_answer_that_cannot_be_parsed_may_end_the_call(bench: Bench, stream: bool) -> None:
    bench.play(failing=[failing(500), {"text": "no idea"}, {"text": "7"}], claude=[HELLO])
    assert bench.failures("NumberFailingThenClaude", stream) == [
        ("Failing", 1, "HttpStatus"),
        ("Failing", 2, "ParseFailed"),
    ]


# --- strategies -------------------------------------------------------------------------------------------------------


@both
def test_fallback(bench: Bench, stream: bool) -> None:
    bench.play(again=[failing(500)], claude=[HELLO])
    assert bench.call("CallAgainThenClaude", stream=stream) == "Hello!"
    assert bench.models() == ["again", "again", "again", "claude"]
    assert [(record.ordinal, record.client, record.number) for record in bench.records] == [
        (1, "Again", 1),
        (2, "Again", 2),
        (3, "Again", 3),
        (4, "Claude", 1),
    ]


def test_fallback_passes_on_what_is_not_retried(bench: Bench) -> None:
    bench.play(again=[failing(401)], claude=[HELLO])
    assert bench.call("CallAgainThenClaude") == "Hello!"
    assert bench.models() == ["again", "claude"]
    assert bench.call("CallKeylessThenClaude") == "Hello!"
    assert bench.models() == ["again", "claude", "claude"]


def test_a_fallback_has_retries_of_its_own(bench: Bench) -> None:
    bench.play(once=[failing(500)], claude=[failing(404), failing(500), HELLO])
    assert bench.call("CallOnceThenClaudeTwice") == "Hello!"
    assert bench.models() == ["once", "claude"] * 3
    bench.play(once=[failing(400)], claude=[failing(404)])
    assert len(bench.failures("CallOnceThenClaudeTwice")) == 2


def test_round_robin_starts_where_it_is_told_and_goes_round(bench: Bench) -> None:
    bench.play(once=[HELLO], claude=[HELLO], again=[HELLO])
    for stream in (True, False, True, True):
        bench.call("CallTurns", stream=stream)
    assert bench.models() == ["claude", "again", "once", "claude"]


def test_a_retried_round_robin_asks_the_next_client(bench: Bench) -> None:
    bench.play(once=[failing(500)], claude=[HELLO])
    assert bench.call("CallRetriedTurns") == "Hello!"
    assert bench.call("CallRetriedTurns") == "Hello!"
    assert bench.models() == ["once", "claude", "once", "claude"]


def test_strategies_nest(bench: Bench) -> None:
    bench.play(once=[failing(500)], claude=[failing(500)], whole=[HELLO])
    assert bench.call("CallNested") == "Hello!"
    assert bench.models() == ["once", "claude", "once", "whole"]


def test_concurrent_calls_give_every_child_its_share(bench: Bench) -> None:
    bench.play(once=[HELLO], claude=[HELLO], again=[HELLO])
    threads = [
        threading.Thread(target=bench.runtime.call_function_sync, args=("CallTurns", {"x": "hi"})) for _ in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bench.models()) == ["again"] * 3 + ["claude"] * 3 + ["once"] * 3


def test_a_strategy_without_children_is_a_failed_attempt(bench: Bench) -> None:
    for kind in ("Fallback", "RoundRobin"):
        assert bench.call("empty", {"kind": kind}) == "client None has no clients to choose from; 1 attempt"
        assert [(record.client, error_name(record)) for record in bench.records] == [("None", "InvalidArgument")]


def test_one_try_without_the_clients_own_retries(bench: Bench) -> None:
    bench.play(again=[HELLO])
    assert bench.call("twice", {}) == '"Hello!" "Hello!"'
    assert bench.partials[-1] == "Hello!"
    assert [bool(exchange.body.get("stream")) for exchange in bench.server.requests] == [False, True]


# --- refused before any request ---------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("name", "error", "part"),
    [
        ("Pictures", "InvalidArgument", "cannot return image[]: no answer can be read as image"),
    ],
)
def test_what_cannot_work_is_refused(bench: Bench, name: str, error: str, part: str, stream: bool) -> None:
    thrown = bench.thrown(name, stream)
    assert thrown.class_name == f"baml.errors.{error}"
    assert part in str(bamlvm.to_builtins(thrown.value)["message"])
    assert bench.server.requests == []
    assert bench.records == []


@both
def test_an_unsupported_provider_is_a_failed_attempt(bench: Bench, stream: bool) -> None:
    bench.play(once=[failing(400), HELLO])
    assert bench.failures("CallVertex", stream) == [("Vertex", 1, "UnsupportedProvider")]
    assert "openai-generic, azure-openai, ollama, openrouter" in bench.records[0].error.message
    assert bench.server.requests == []
    assert bench.failures("CallWithVertex", stream) == [("Once", 1, "HttpStatus"), ("Vertex", 1, "UnsupportedProvider")]
    assert bench.call("CallVertexThenOnce", stream=stream) == "Hello!"
    assert [(record.client, error_name(record)) for record in bench.records] == [
        ("Vertex", "UnsupportedProvider"),
        ("Once", None),
    ]


def test_an_unknown_function_is_refused(bench: Bench) -> None:
    thrown = bench.thrown("stream", arguments={"name": "CallOnec"})
    assert thrown.class_name == "baml.errors.InvalidArgument"
    assert "did you mean `CallOnce`?" in str(thrown)


def test_a_prompt_that_cannot_be_rendered_is_tried_with_each_client_once(bench: Bench) -> None:
    assert bench.failures("BadPrompt") == [("Again", 1, "RenderPrompt"), ("Claude", 1, "RenderPrompt")]
    assert bench.server.requests == []
    assert "a string has no 'y'" in bench.records[0].error.message


# --- looking without calling ------------------------------------------------------------------------------------------


def test_plans_change_nothing(bench: Bench) -> None:
    for _ in range(2):
        assert bench.call("plan", {"name": "CallAgainThenClaude"}) == "Again@0 Again@1 Again@1 Claude@0 "
        assert bench.call("plan", {"name": "CallNested"}) == "Once@0 Claude@1 Once@1 Whole@0 "
        assert bench.call("plan", {"name": "CallTurns"}) == "Claude@0 "
        assert (
            bench.call("plan", {"name": "CallOnceThenClaudeTwice"})
            == "Once@0 Claude@0 Once@1 Claude@0 Once@1 Claude@0 "
        )
    bench.play(claude=[HELLO])
    bench.call("CallTurns")
    assert bench.call("plan", {"name": "CallTurns"}) == "Again@0 Again@1 Again@1 "


def test_prompts_and_requests_can_be_looked_at(bench: Bench) -> None:
    assert bench.call("shown", {"name": "CallOnce"}) == 'system: "Say hi";'
    assert bench.call("shown", {"name": "CallClaude"}) == 'user: "Say hi";'
    sent = bench.call("sent", {"name": "CallOnce", "streamed": True})
    assert sent.startswith(f"POST {bench.server.url}/v1/chat/completions {{")
    assert '"stream":true' in sent
    assert '"stream"' not in bench.call("sent", {"name": "CallOnce", "streamed": False})
    assert bench.server.requests == []
    assert bench.records == []


def test_a_shorthand_is_a_client(bench: Bench) -> None:
    assert bench.call("plan", {"name": "CallShorthand"}) == "openai/gpt-4o@0 "
    thrown = bench.thrown("CallShorthand")
    assert "needs an API key: set the option api_key or the variable OPENAI_API_KEY" in str(thrown)
    sent = bench.call("sent", {"name": "CallShorthand", "streamed": False}, env={"OPENAI_API_KEY": "k"})
    assert "https://api.openai.com/v1/chat/completions" in sent and '"model":"gpt-4o"' in sent


# --- the host's side --------------------------------------------------------------------------------------------------


def test_a_callback_that_raises_ends_the_call(bench: Bench) -> None:
    class Stop(Exception):  # noqa: N818 (it stops a test, and is no error)
        pass

    def stop(*_: Any) -> None:
        raise Stop

    bench.play(again=[{**HELLO, "delay_ms": 20}])
    for hook in ("on_partial", "on_tick", "on_attempt"):
        with pytest.raises(Stop):
            bench.call("CallAgain", **{hook: stop})


async def test_callbacks_may_be_async(bench: Bench) -> None:
    heard: list[str] = []

    def hook(name: str) -> Callable[[Any], Any]:
        async def hear(value: Any) -> None:
            await asyncio.sleep(0)
            heard.append(getattr(value, "kind", name))

        return hear

    bench.play(again=[failing(500), {**HELLO, "delay_ms": 20}])
    context = bamlvm.CallContext(on_partial=hook("partial"), on_tick=hook("tick"), on_attempt=hook("attempt"))
    assert await bench.runtime.call_function("CallAgain", {"x": "hi"}, context) == "Hello!"
    words = [word for word in heard if word != "tick"]
    assert words[:3] == ["started", "failed", "started"] and words[-1] == "succeeded"
    assert words[3:-1] in (["partial"] * count for count in (1, 2, 3))  # pieces may arrive together
    await bench.runtime.aclose()
