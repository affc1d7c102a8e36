"""Failures that a provider reports: which of them pass."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.providers.failures import provider_error

PASSING = [
    {"type": "server_error"},
    {"type": "api_error"},
    {"type": "overloaded_error"},
    {"type": "timeout_error"},
    {"type": "conflict_error"},
    {"type": "rate_limit_error"},
    {"type": "requests", "code": "rate_limit_exceeded"},
    {"code": "server_is_overloaded"},
    {"code": "vector_store_timeout"},
    {"code": 500, "status": "INTERNAL"},
    {"status": "UNAVAILABLE"},
    {"status": "RESOURCE_EXHAUSTED"},
    {"status": "DEADLINE_EXCEEDED"},
    {"type": "internal_server_error"},
    {"type": "service_unavailable"},
    {"type": "timeout"},
    {"type": "InternalServerError"},
    {"type": "ServiceUnavailableError"},
    {"type": "APITimeoutError"},
    {"code": 502},
    {"code": "529"},
    {"code": 408},
    {"type": "some_error", "code": 503},
    {"type": "some_error", "status_code": 503},
]
LASTING = [
    {"type": "invalid_request_error"},
    {"type": "authentication_error"},
    {"type": "permission_error"},
    {"type": "not_found_error"},
    {"type": "request_too_large"},
    {"type": "billing_error"},
    {"code": "invalid_prompt"},
    {"code": "context_length_exceeded"},
    {"code": 400, "status": "INVALID_ARGUMENT"},
    {"status": "PERMISSION_DENIED"},
    {"status": "FAILED_PRECONDITION"},
    {"type": "BadRequestError", "code": 400},
    {"code": 402},
    {"code": 5000},
    {"code": True},
    {"message": "server_error"},
    {},
]


@pytest.mark.parametrize(
    ("error", "passes"), [*((each, True) for each in PASSING), *((each, False) for each in LASTING)]
)
def test_a_failure_is_retried_as_its_status_would_be(error: dict[str, Any], passes: bool) -> None:
    assert provider_error(error).fields["retryable"] is passes


def test_the_default_is_for_an_error_that_names_nothing() -> None:
    assert provider_error(None, passing=True).fields == {
        "message": "the provider reported an error",
        "type": None,
        "retryable": True,
    }
    assert provider_error({"code": "invalid_prompt"}, passing=True).fields["retryable"] is False


def test_the_message_has_type_and_words() -> None:
    fields = provider_error({"type": "api_error", "message": "Internal"}).fields
    assert (fields["type"], fields["message"]) == ("api_error", "api_error: Internal")
    assert provider_error("model not found").fields["message"] == "model not found"
