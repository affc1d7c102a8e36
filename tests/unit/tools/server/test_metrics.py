"""What Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.tools.server.conftest import Service

Start = Callable[..., Service]
FAULT = {"faults": [{"kind": "status", "code": 500}]}


def samples(service: Service) -> dict[tuple[str, ...], float]:
    """The numbers by name and labels, read by Prometheus's own parser."""
    page = service.client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name.removeprefix("bamlvm_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
        if "_created" not in sample.name
    }


def test_the_numbers_of_calls_and_streams(service: Start) -> None:
    running = service(FAULT, {"text": "right", "usage": {"input_tokens": 7, "output_tokens": 5}})
    assert running.call("Retried", name="x").json() == "right"
    assert running.call("Greet", name="x").status_code == 502
    running.client.post("/stream/Greet", json={"name": "x"})
    running.call("Nope" * 100)
    found = samples(running)
    assert found["requests_total", "Retried", "call", "200"] == 1
    assert found["requests_total", "Greet", "call", "502"] == 1
    assert found["requests_total", "Greet", "stream", "200"] == 1
    assert found["requests_total", "", "call", "404"] == 1
    assert found["requests_in_flight", "call"] == found["requests_in_flight", "stream"] == 0
    assert found["requests_queued",] == 0
    assert found["request_duration_seconds_count", "Retried", "call"] == 1
    assert found["first_partial_seconds_count", "Greet"] == 1
    assert found["attempts_total", "Again", "baml.errors.HttpStatus", "openai"] == 1
    assert found["attempts_total", "Again", "succeeded", "openai"] == 1
    assert found["errors_total", "baml.errors.HttpStatus", "Greet"] == 1
    assert (found["tokens_total", "Again", "input"], found["tokens_total", "Again", "output"]) == (7, 5)


def test_a_request_cannot_make_up_labels(service: Start) -> None:
    running = service()
    for number in range(3):
        options = {"model": "m", "api_key": "k", "base_url": running.mock.url}
        client = {"name": f"Mine{number}", "provider": "openai", "options": options}
        registry = {"clients": [client], "primary": client["name"]}
        running.call("Greet", name="x", __baml_options__={"client_registry": registry})
    clients = {key[1] for key in samples(running) if key[0] == "attempts_total"}
    assert clients == {"(request)"}
