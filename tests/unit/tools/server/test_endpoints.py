"""Calls and streams over HTTP, against a server that runs."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import httpx_sse
import pytest

from tests.unit.tools.server.conftest import Service, raw_request, until

Start = Callable[..., Service]
FAULT = {"faults": [{"kind": "status", "code": 500}]}
PERSON = {"pieces": ['{"name": "A', 'da", "age": 3', '6, "score": 1}'], "delay_ms": 5}


def events_of(service: Service, function: str, query: str = "", /, **args: Any) -> list[httpx_sse.ServerSentEvent]:
    with httpx_sse.connect_sse(service.client, "POST", f"/stream/{function}{query}", json=args) as source:
        return list(source.iter_sse())


def idle(service: Service) -> None:
    """Wait until nothing runs."""
    until(lambda: not service.endpoints.admission.running and not service.runtime.engine.active)
    until(lambda: service.mock.open_connections == 0 or all(e.outcome != "answering" for e in service.mock.requests))


def test_a_call(service: Start) -> None:
    answer = service().call("Greet", name="x")
    assert (answer.status_code, answer.json()) == (200, "Hello, you")
    assert answer.headers["content-type"] == "application/json"


def test_a_call_of_a_function_without_a_model(service: Start) -> None:
    running = service()
    assert running.call("Echo", text="ä\n\u2028").json() == "ä\n\u2028"
    assert running.call("Any", value={"a": [1, 2.5, None, True]}).json() == {"a": [1, 2.5, None, True]}


def test_the_form_of_checked_values_is_the_official_one(service: Start) -> None:
    check = {"name": "positive", "expression": "this > 0", "status": "succeeded"}
    assert service(PERSON).call("Extract", text="t").json() == {
        "name": "Ada",
        "age": 36,
        "score": {"value": 1.0, "checks": {"positive": check}},
    }


def test_a_stream(service: Start) -> None:
    events = events_of(service(), "Greet", name="x")
    assert [event.event for event in events] == ["attempt", *["partial"] * (len(events) - 3), "attempt", "final"]
    assert [int(event.id) for event in events] == list(range(1, len(events) + 1))
    values = [event.json() for event in events if event.event == "partial"]
    assert values and all("Hello, you".startswith(value) for value in values) and values[-1] == "Hello, you"
    assert events[-1].json() == "Hello, you"
    started, succeeded = (event.json() for event in events if event.event == "attempt")
    assert started == {"kind": "started", "attempt": 1, "client": "Mock", "provider": "openai"}
    assert succeeded["kind"] == "succeeded" and succeeded["status"] == 200 and succeeded["usage"]


def test_a_stream_that_begins_anew(service: Start) -> None:
    cut = {"pieces": ["wrong", " answer"], "faults": [{"kind": "no_finish"}, {"kind": "truncate", "at": -30}]}
    events = events_of(service(cut, {"text": "right"}), "Retried", name="x")
    kinds = [event.json()["kind"] for event in events if event.event == "attempt"]
    assert kinds == ["started", "failed", "started", "succeeded"]
    assert events[-1].event == "final" and events[-1].json() == "right"


def test_a_stream_as_the_official_server_has_it(service: Start) -> None:
    events = events_of(service(PERSON), "Extract", "?events=plain", text="t")
    assert {event.event for event in events} == {"message"}
    assert events[-1].json() == {"name": "Ada", "age": 36, "score": 1.0}


def test_a_stream_of_a_function_that_streams_nothing(service: Start) -> None:
    assert [(event.event, event.json()) for event in events_of(service(), "Echo", text="t")] == [("final", "t")]


@pytest.mark.parametrize("route", ["call", "stream"])
@pytest.mark.parametrize(
    ("function", "args", "status", "expected"),
    [
        ("Nope", {}, 404, {"error": "not_found", "place": "path"}),
        ("Gret", {}, 404, {"error": "not_found", "hint": "did you mean `Greet`?"}),
        ("Greet", {}, 400, {"error": "invalid_argument", "place": "args"}),
        ("Greet", {"name": 1}, 400, {"place": "args.name", "message": "args.name: expected string, got int 1"}),
        ("Greet", {"nam": "x"}, 400, {"hint": "the function is Greet(name: string) -> string"}),
        ("Extract", {"text": "t", "n": 2**70}, 400, {"place": "args.n"}),
        ("Divide", {"n": 0}, 500, {"error": "internal_error", "class_name": "baml.panics.DivisionByZero"}),
        ("Refuse", {}, 500, {"error": "thrown", "class_name": "Refusal", "value": {"reason": "no"}}),
    ],
)
def test_an_error_before_anything_is_sent(
    service: Start, route: str, function: str, args: dict[str, Any], status: int, expected: dict[str, Any]
) -> None:
    answer = service().client.post(f"/{route}/{function}", json=args)
    body = answer.json()
    assert answer.status_code == status, body
    assert {name: body[name] for name in expected} == expected
    assert body["message"]


def test_a_call_that_no_client_answers(service: Start) -> None:
    running = service(FAULT)
    answer = running.call("Greet", name="x")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (502, "client_error")
    assert [attempt["status"] for attempt in body["attempts"]] == [500]
    events = events_of(running, "Retried", name="x")
    assert [event.event for event in events][-1] == "error"
    error = events[-1].json()
    assert (error["status"], error["error"], len(error["attempts"])) == (502, "client_error", 2)


def test_an_answer_that_does_not_fit(service: Start) -> None:
    body = service({"text": "no person at all"}).call("Extract", text="who").json()
    assert (body["error"], body["raw_output"]) == ("validation_failure", "no person at all")
    assert body["prompt"].startswith("system: who")


def test_no_secret_in_an_error(service: Start) -> None:
    leak = {"faults": [{"kind": "status", "code": 401, "body": "bad key key-of-the-program-123"}]}
    answer = service(leak).call("Greet", name="x")
    assert answer.status_code == 502 and "key-of-the-program" not in answer.text


def test_a_client_of_the_request(service: Start) -> None:
    running = service()
    mine = {
        "name": "Mine",
        "provider": "openai",
        "options": {"model": "mine", "api_key": "k", "base_url": running.mock.url},
    }
    registry = {"clients": [mine], "primary": "Mine"}
    answer = running.call("Greet", name="x", __baml_options__={"client_registry": registry})
    assert answer.json() == "Hello, you"
    assert running.mock.requests[-1].body["model"] == "mine"
    for broken in ({"clients": [], "primary": "Nope"}, {"clients": [{**mine, "provider": "nope"}]}):
        body = running.call("Greet", name="x", __baml_options__={"client_registry": broken}).json()
        assert (body["error"], body["place"]) == ("invalid_argument", "__baml_options__.client_registry")


def test_the_time_of_a_call(service: Start) -> None:
    running = service({"text": "late", "first_delay_ms": 20_000}, timeout=0.2)
    answer = running.call("Greet", name="x")
    assert (answer.status_code, answer.json()["error"]) == (504, "timeout")
    assert running.call("Spin").status_code == 504
    last = events_of(running, "Greet", name="x")[-1]
    assert (last.event, last.json()["status"]) == ("error", 504)
    idle(running)


@pytest.mark.parametrize("route", ["call", "stream"])
def test_a_client_that_leaves_ends_its_call(service: Start, route: str) -> None:
    running = service({"pieces": ["a"] * 2000, "delay_ms": 20})
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(raw_request("Greet", b'{"name": "x"}', route=route))
        until(lambda: len(running.mock.requests) == 1)
        if route == "stream":
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    until(lambda: running.mock.requests[0].outcome == "client left")
    idle(running)
    page = running.client.get("/metrics").text
    assert f'bamlvm_requests_total{{function="Greet",route="{route}",status="499"}} 1.0' in page


def test_a_call_that_computes_ends_with_its_client(service: Start) -> None:
    running = service()
    with pytest.raises(httpx.ReadTimeout):
        running.client.post("/call/Spin", json={}, timeout=0.3)
    idle(running)
    assert running.call("Echo", text="still there").json() == "still there"


def test_more_calls_than_may_run_wait_and_more_than_may_wait_are_refused(service: Start) -> None:
    running = service({"text": "late", "first_delay_ms": 600_000}, *[{"text": "ok"}] * 3, concurrency=1, queue=1)
    answers: list[httpx.Response] = []
    url = f"http://127.0.0.1:{running.port}/call/Greet"
    waits = threading.Thread(target=lambda: answers.append(httpx.post(url, json={"name": "x"}, timeout=120)))
    with socket.create_connection(("127.0.0.1", running.port)) as first:
        first.sendall(raw_request("Greet", b'{"name": "x"}'))
        until(lambda: running.endpoints.admission.running == 1)
        waits.start()
        until(lambda: running.endpoints.admission.waiting == 1)
        assert running.client.get("/ready").json() == {"status": "overloaded"}
        assert "bamlvm_requests_queued 1.0" in running.client.get("/metrics").text
        refused = running.call("Greet", name="x")
        assert (refused.status_code, refused.json()["error"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert len(running.mock.requests) == 1
    waits.join()  # the one that ran has left
    assert [answer.json() for answer in answers] == ["ok"]
    assert [running.call("Greet", name="x").json() for _ in range(2)] == ["ok", "ok"]
    assert running.client.get("/ready").json() == {"status": "ready"}


def test_a_silent_stream_has_a_heartbeat(service: Start) -> None:
    running = service({"text": "late", "first_delay_ms": 60_000}, heartbeat=0.05)
    with running.client.stream("POST", "/stream/Greet", json={"name": "x"}) as answer:
        beats = (line for line in answer.iter_lines() if line == ": still running")
        assert [next(beats) for _ in range(3)]
    idle(running)


def test_a_slow_reader_slows_its_call_and_nothing_is_buffered(service: Start) -> None:
    running = service({"pieces": ["x" * 1000] * 1000})
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", running.port))
        slow.sendall(raw_request("Greet", b'{"name": "x"}', route="stream"))
        until(lambda: len(running.mock.requests) == 1)
        assert running.call("Echo", text="quick").json() == "quick"  # no other call waits
        received = b""
        time.sleep(0.5)  # the call must not end meanwhile: each partial value of it is larger than what it may buffer
        assert running.endpoints.admission.running == 1
        while b"event: final" not in received or not received.endswith(b"0\r\n\r\n"):
            piece = slow.recv(1 << 20)
            assert piece
            received += piece
    final = received.partition(b"event: final\n")[2].partition(b"data: ")[2].partition(b"\n\n")[0]
    assert json.loads(final) == "x" * 1_000_000
    idle(running)


def test_a_server_that_stops_cancels_its_calls_and_says_so(service: Start) -> None:
    running = service({"text": "late", "first_delay_ms": 20_000})
    answers: list[httpx.Response] = []
    url = f"http://127.0.0.1:{running.port}"
    threads = [
        threading.Thread(
            target=lambda path=path: answers.append(httpx.post(url + path, json={"name": "x"}, timeout=120))
        )
        for path in ("/call/Greet", "/stream/Greet")
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(running.mock.requests) == 2)
    running.endpoints.stop()
    assert running.client.get("/ready").status_code == 503
    assert running.call("Echo", text="t").status_code == 503
    running.endpoints.cancel_all()
    for thread in threads:
        thread.join()
    call, stream = sorted(answers, key=lambda answer: -answer.status_code)
    assert (call.status_code, call.json()["error"]) == (503, "shutting_down")
    assert "event: error" in stream.text and '"shutting_down"' in stream.text


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("the handler is closed")])
async def test_a_connection_that_is_closed_in_the_middle_of_a_stream(service: Start, error: Exception) -> None:
    # As it is when a transport closes at the very moment: a server may raise what its transport does.
    running = service()
    body = {"type": "http.request", "body": b'{"name": "x"}', "more_body": False}
    scope: dict[str, Any] = {
        "type": "http",
        "path_params": {"function": "Greet"},
        "headers": [(b"content-type", b"application/json")],
        "query_string": b"",
    }
    sent: list[Any] = []

    async def receive() -> Any:
        if sent:
            await asyncio.Event().wait()
        return body

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 2:
            raise error

    await running.endpoints.stream(scope, receive, send)
    assert len(sent) == 3
    assert not running.endpoints.admission.running
