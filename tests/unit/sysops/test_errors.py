"""The error boundary: no exception of httpx is missed, the most specific rule decides, no message holds a secret."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from bamlvm.sysops.errors import RULES, Subject, answered, boundary, translate
from bamlvm.sysops.web.aws_events import BrokenMessageError
from bamlvm.sysops.web.sse import EventTooLargeError
from bamlvm.vm.values import Thrown, panic

KEY = "sk-very-secret-key"
SUBJECT = Subject(
    "POST http://host/v1",
    url=f"http://user:{KEY}@host/v1?key={KEY}&alt=sse",
    path="a.txt",
    limits={"connect": 10, "idle": 20, "request": 30},
    secrets={"authorization": f"Bearer {KEY}"},
)


def tree(root: type) -> Iterator[type]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


ROOTS = [httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError]
HTTPX = {kind for root in ROOTS for kind in tree(root) if kind.__module__.partition(".")[0] == "httpx"}


def raised(kind: type) -> BaseException:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://host/")
        return kind("said", request=request, response=httpx.Response(418, request=request))
    names = {httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead}
    return kind() if kind in names else kind(f"said {KEY}")


def test_the_roots_are_all_of_httpx() -> None:
    exported = {getattr(httpx, name) for name in httpx.__all__}
    exceptions = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, BaseException)}
    assert exceptions == HTTPX


@pytest.mark.parametrize("kind", sorted(HTTPX, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_every_exception_of_httpx_has_a_row_of_its_own(call: Any, kind: type) -> None:
    assert f"{kind.__module__}.{kind.__qualname__}" in RULES
    thrown = translate(raised(kind), SUBJECT)
    assert thrown is not None
    call.scope.new_instance(thrown.class_name, **thrown.fields)
    assert thrown.class_name.startswith("baml.errors.")
    assert "POST http://host/v1" in thrown.fields["message"]
    assert KEY not in str(thrown.fields)


def test_every_rule_is_of_an_exception_that_exists() -> None:
    known = HTTPX | {
        EventTooLargeError,
        BrokenMessageError,
        msgspec.DecodeError,
        json.JSONDecodeError,
        UnicodeDecodeError,
        UnicodeEncodeError,
    }
    known |= {UnicodeError, TimeoutError, socket.gaierror, ssl.SSLError, ConnectionError, OSError}
    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in known} == set(RULES)


class Refined(httpx.ReadTimeout):
    """An exception of a later httpx."""


def decoding() -> UnicodeDecodeError:
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    ("error", "class_name", "facts"),
    [
        (httpx.ConnectTimeout(""), "Timeout", {"clock": "connect", "limit_ms": 10}),
        (httpx.ReadTimeout(""), "Timeout", {"clock": "idle", "limit_ms": 20}),
        (Refined(""), "Timeout", {"clock": "idle", "limit_ms": 20}),
        (TimeoutError(), "Timeout", {"clock": "request", "limit_ms": 30}),
        (TimeoutError(110, "Connection timed out"), "Io", {"path": "a.txt"}),
        (httpx.ConnectError("refused"), "Network", {"url": "http://host/v1?key=***&alt=sse"}),
        (
            httpx.RemoteProtocolError("peer closed connection without sending complete message body (x)"),
            "StreamTruncated",
            {},
        ),
        (httpx.RemoteProtocolError("illegal header"), "Network", {}),
        (httpx.UnsupportedProtocol("gopher"), "InvalidArgument", {}),
        (raised(httpx.HTTPStatusError), "HttpStatus", {"status_code": 418}),
        (msgspec.ValidationError("expected int"), "ParseFailed", {}),
        (json.JSONDecodeError("expecting value", "", 0), "ParseFailed", {}),
        (decoding(), "Io", {"path": "a.txt"}),
        (UnicodeEncodeError("ascii", "é", 0, 1, "x"), "InvalidArgument", {}),
        (socket.gaierror(-2, "Name or service not known"), "Network", {}),
        (ssl.SSLCertVerificationError("expired"), "Network", {}),
        (BrokenPipeError(32, "Broken pipe"), "Io", {"path": "a.txt"}),
        (FileNotFoundError(2, "No such file or directory"), "Io", {"path": "a.txt"}),
        (EventTooLargeError("too large"), "LlmClient", {"retryable": False}),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_most_specific_rule_decides(error: Exception, class_name: str, facts: dict[str, Any]) -> None:
    thrown = translate(error, SUBJECT)
    assert thrown is not None
    assert thrown.class_name == f"baml.errors.{class_name}"
    assert {name: thrown.fields[name] for name in facts} == facts


def test_a_clock_that_does_not_run_has_no_limit_to_name() -> None:
    thrown = translate(httpx.ConnectTimeout(""), Subject("GET http://x/"))
    assert thrown is not None
    assert (thrown.fields["clock"], thrown.fields["limit_ms"]) == ("connect", None)
    assert "(connect; by a limit that the client does not set)" in thrown.fields["message"]


@pytest.mark.parametrize("error", [ConnectionResetError(104, "Connection reset"), TimeoutError(110, "Timed out")])
def test_what_breaks_a_connection_is_of_the_network(error: OSError) -> None:
    thrown = translate(error, Subject("connection to host:1"))
    assert thrown is not None
    assert thrown.class_name == "baml.errors.Network"


@pytest.mark.parametrize(
    "error",
    [
        Thrown("baml.errors.Io", {"message": "x"}),
        panic("UserPanic", "x"),
        ValueError("a bug"),
        asyncio.CancelledError(),
    ],
)
def test_the_rest_passes_unchanged(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, boundary(SUBJECT):
        raise error
    assert caught.value is error


def test_the_boundary_keeps_the_cause() -> None:
    error = FileNotFoundError(2, "No such file")
    with pytest.raises(Thrown) as caught, boundary(SUBJECT):
        raise error
    assert caught.value.__cause__ is error


def test_a_foreign_message_is_cut_to_one_line() -> None:
    thrown = translate(httpx.ReadError("a\n" * 1000), SUBJECT)
    assert thrown is not None
    assert "\n" not in thrown.fields["message"]
    assert len(thrown.fields["message"]) < 700


def test_a_peer_that_does_not_speak_tls_is_explained() -> None:
    thrown = translate(httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"), SUBJECT)
    assert thrown is not None
    assert "the server may not speak TLS: is http meant?" in thrown.fields["message"]


def test_a_redirect_says_where_it_leads() -> None:
    said = answered(SUBJECT, 308, "Permanent Redirect", {"location": f"https://host/v1?key={KEY}"})
    assert said == (
        "answered 308 Permanent Redirect, a redirect to https://host/v1?key=*** (only GET and HEAD follow one)"
    )
    assert answered(SUBJECT, 201, "Created", {"location": "/x"}) == "answered 201 Created"
    assert answered(SUBJECT, 304, "", {}) == "answered 304"
