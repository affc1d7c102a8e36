"""Routes, and who may use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import bamlvm
from tests.unit.tools.server.conftest import PROGRAM, Service

Start = Callable[..., Service]
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/", 404, "not_found"),
        ("POST", "/call/", 404, "not_found"),
        ("POST", "/call/Echo/", 404, "not_found"),
        ("POST", "/call/a/b", 404, "not_found"),
        ("POST", "/call/%2e%2e", 404, "not_found"),
        ("POST", "/call/main.Echo", 404, "not_found"),
        ("POST", "/call/baml.llm.call_llm_function", 404, "not_found"),
        ("POST", "/call/%00", 404, "not_found"),
        ("POST", "/call/Echo%0d%0a", 404, "not_found"),
        ("GET", "/call/Echo", 405, "method_not_allowed"),
        ("DELETE", "/stream/Echo", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
def test_a_page_that_there_is_not(service: Start, method: str, path: str, status: int, error: str) -> None:
    answer = service().client.request(method, path, headers=JSON, content=b"{}")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (status, error)
    assert body["message"] and body["hint"] and body["place"] in ("path", "method")
    assert ("allow" in answer.headers) == (status == 405)


def test_the_small_pages(service: Start) -> None:
    client = service().client
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
    assert client.get("/_debug/ping").text == f"pong (from bamlvm v{bamlvm.__version__})"
    assert client.get("/_debug/status").json() == {"authz": {"enforcement": "none"}}
    docs = client.get("/docs")
    assert docs.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in docs.headers["content-security-policy"]
    assert "http://" not in docs.text and "https://" not in docs.text
    assert client.head("/docs").status_code == 200


def test_the_document_of_the_program(service: Start) -> None:
    document = service().client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {"/call/Greet", "/stream/Greet", "/call/Extract"} <= document["paths"].keys()
    assert document["servers"][0]["variables"]["address"]["default"].startswith("http://127.0.0.1:")
    assert "security" not in document
    guarded = service(keys=["k"]).client.get("/openapi.json", headers={"x-baml-api-key": "k"}).json()
    assert set(guarded["components"]["securitySchemes"]) == {"bearer", "key", "basic"}


@pytest.mark.parametrize(("settings", "status"), [({"password": "pw"}, 403), ({"keys": ["pw", "other"]}, 401)])
def test_without_a_key(service: Start, settings: dict[str, Any], status: int) -> None:
    running = service(**settings)
    for method, path in (
        ("POST", "/call/Echo"),
        ("POST", "/stream/Echo"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    ):
        answer = running.client.request(method, path, headers=JSON, content=b'{"text": "t"}')
        assert answer.status_code == status
        assert answer.json()["message"] == "No authorization metadata"
        assert ("www-authenticate" in answer.headers) == (status == 401)
    for path in ("/health", "/ready", "/_debug/ping", "/docs"):
        assert running.client.get(path).status_code == 200
    assert "Greet" not in running.client.get("/docs").text
    answer = running.client.get("/_debug/status", headers={"x-baml-api-key": "bad"})
    assert answer.status_code == status
    reason = "Incorrect x-baml-api-key"
    assert answer.json() == {"authz": {"enforcement": "active", "outcome": "fail", "reason": reason}}


def test_with_a_key(service: Start) -> None:
    running = service(keys=["one", "two"])
    for headers in ({"authorization": "Bearer one"}, {"x-baml-api-key": "two"}):
        answer = running.client.post("/call/Echo", json={"text": "t"}, headers=headers)
        assert answer.json() == "t"
    assert running.client.post("/call/Echo", json={"text": "t"}, auth=("anyone", "two")).json() == "t"
    status = running.client.get("/_debug/status", auth=("", "one"))
    assert status.json() == {"authz": {"enforcement": "active", "outcome": "pass"}}


def test_pages_of_other_origins_may_not_call(service: Start) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = service().client.options("/call/Echo", headers=asked)
    assert answer.status_code == 405 and "access-control-allow-origin" not in answer.headers


def test_pages_of_the_origins_that_are_allowed_may(service: Start) -> None:
    running = service(origins=["https://app.example"], keys=["k"])
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    allowed = running.client.options("/call/Echo", headers={"origin": "https://app.example", **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    refused = running.client.options("/call/Echo", headers={"origin": "https://evil.example", **asked})
    assert refused.status_code == 400 and "access-control-allow-origin" not in refused.headers
    # An error has the header as well: without it a page could not read what is wrong.
    answer = running.client.post("/call/Echo", json={}, headers={"origin": "https://app.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("LOCALHOST:2024", 200), ("[::1]:80", 200), ("evil.example", 421), ("localhost.evil", 421)],
)
def test_the_names_of_a_server(service: Start, host: str, status: int) -> None:
    running = service(hosts=["localhost", "127.0.0.1", "[::1]"])
    answer = running.client.post("/call/Echo", json={"text": "t"}, headers={"host": host})
    assert answer.status_code == status


def test_a_setting_that_there_is_not() -> None:
    with (
        bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime,
        pytest.raises(bamlvm.HostError, match=r"there is no setting 'key' \(did you mean `keys`\?\)"),
    ):
        bamlvm.asgi(runtime, key="k")
