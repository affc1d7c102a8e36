"""The failures that a provider's answer amounts to: errors that it reports, answers that cannot be read, no answer.

All of them are ``baml.errors.LlmClient``.  Its ``type`` is the provider's own word for the error, None where the error
is ours; ``retryable`` says that trying again may help.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bamlvm.vm.values import Thrown

_EXCERPT: Final = 200
UNREADABLE: Final = "the provider's answer cannot be read"

_COMPLETE: Final = frozenset({"stop", "end_turn", "stop_sequence", "complete", "completed", "eos", "eos_token"})
"""Finish reasons, in lower case as all of these, by which the model itself ended the answer."""

_WITHHELD: Final = frozenset(
    {
        "content_filter",  # both formats of OpenAI
        "refusal",  # Anthropic
        "sensitive",  # Zhipu
        "guardrail_intervened",  # Bedrock, as the next
        "content_filtered",
        "safety",  # from here on Google: FinishReason and BlockReason
        "recitation",
        "language",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "model_armor",
        "jailbreak",
        "other",
    }
)
"""Finish reasons by which the provider withheld the answer, or what would have followed."""

LIMITS: Final = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
)
"""Finish reasons of an answer that was cut at a limit of tokens."""

_BROKEN_OFF: Final = frozenset(
    {
        "abort",  # SGLang, vLLM
        "aborted",
        "cancelled",
        "canceled",
        "error",  # OpenRouter, Mistral
        "error_toxic",  # Cohere
        "failed",
        "incomplete",  # a response of OpenAI that does not say why
        "insufficient_system_resource",  # DeepSeek
        "internal_error",
        "network_error",  # Zhipu
        "pause_turn",  # Anthropic: the rest is to be asked for
        "server_error",
        "timeout",
        "malformed_function_call",  # from here on Google
        "missing_thought_signature",
        "too_many_tool_calls",
        "unexpected_tool_call",
        "malformed_model_output",  # Bedrock, as the next
        "malformed_tool_use",
    }
)
"""Finish reasons of an answer that neither the model, a filter nor a limit ended: there was more to come."""

CALLED: Final = frozenset({"tool_calls", "function_call", "tool_use"})
"""Finish reasons of a model that called a tool."""

_TOOLS: Final = CALLED | frozenset(
    {
        "malformed_function_call",
        "unexpected_tool_call",
        "too_many_tool_calls",
        "malformed_tool_use",
    }
)
"""Finish reasons of a model that called a tool, or tried to, instead of answering."""

_PASSING: Final = frozenset(
    {
        "aborted",
        "api",  # Anthropic's api_error: status 500
        "api_connection",
        "api_timeout",
        "bad_gateway",
        "conflict",
        "deadline_exceeded",
        "gateway_timeout",
        "internal",
        "internal_server",
        "model_not_ready",
        "model_stream",
        "model_timeout",
        "request_timeout",
        "resource_exhausted",
        "server",  # OpenAI's server_error, in both formats
        "service_unavailable",
        "throttling",  # of AWS, whose names end with Exception
        "timeout",
        "too_many_requests",
        "unavailable",
        "vector_store_timeout",
    }
)
"""Errors that are the provider's own and pass, in lower case with underscores, without *error* or
*exception* at the end.

They are those that would have a status worth a retry if they were reported before the answer began.  Documents: "Error
codes" and "The response object" (OpenAI API reference), "Errors" (Anthropic), "Troubleshooting guide" (Gemini API),
"ConverseStream" (Bedrock);
gateways write the names of SDKs' exceptions (``InternalServerError``).
"""

_WORD_STARTS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def provider_error(error: Any, *, passing: bool = False) -> Thrown:
    """Return the failure of a provider's error object (or bare message).

    Its type is that of the error, else the error's status or code.  It is retryable if the same failure, reported as an
    HTTP status, would be; ``passing`` decides for an error without type, status and code.
    """
    fields = error if isinstance(error, dict) else {"message": error}
    marks = [fields.get(name) for name in ("type", "status", "code", "status_code")]
    names = [str(mark) for mark in marks if isinstance(mark, (str, int)) and not isinstance(mark, bool) and mark != ""]
    message = fields.get("message")
    if not isinstance(message, str) or not message:
        message = "the provider reported an error"
    metadata = fields.get("metadata")
    reason = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(reason, str) and reason:  # OpenRouter: the words of the provider behind it
        message = f"{message}: {_excerpt(reason)}"
    kind = names[0] if names else None
    return _failure(f"{kind}: {message}" if kind else message, kind, any(map(_is_passing, names)) if names else passing)


def check_answered(
    length: int, has_text: bool, finish_reason: str | None, refusal: str | None, strange: str = ""
) -> None:
    """Refuse what is no answer: one that was withheld or broken off, also half way, a refusal, and no text at all.

    ``length`` counts the characters of text.  An answer without any is complete only if the provider says so: if it
    sent text, though empty (``has_text``), and a finish reason by which the model itself ended.  ``strange`` is what
    came instead of an answer, if anything did.

    Raises :class:`Thrown` (``LlmClient``, retryable, with the finish reason as its type).
    """
    word = (finish_reason or "").casefold()
    if word in _WITHHELD:
        subject = f"the rest of the answer after {length} characters" if length else "the answer"
        raise _failure(f"the provider withheld {subject}: {finish_reason}", finish_reason, True)
    if length and word in _BROKEN_OFF:
        raise _failure(f"the answer broke off after {length} characters: {finish_reason}", finish_reason, True)
    if length:
        return
    if refusal:
        raise _failure(f"the model refused: {refusal}", "refusal", True)
    if has_text and word in _COMPLETE:
        return
    if finish_reason is None:
        came = f"; what came is {_excerpt(strange)}" if strange else ""
        raise _failure(f"the answer is empty, without a finish reason{came}", None, True)
    if word in LIMITS:
        reason = "the limit of tokens was spent before any text"
    elif word in _TOOLS:
        reason = "the model's tool call is malformed" if "malformed" in word else "the model called a tool"
    else:
        reason = "the provider sent no text"
    raise _failure(f"the answer is empty: {reason} (finish reason {finish_reason})", finish_reason, True)


def unreadable_answer(body: str, fault: str = "") -> Thrown:
    """Return the failure of a whole answer that is not what the provider documents; ``fault`` is a predicate."""
    return _failure(f"{UNREADABLE}: {f'it {fault}: ' if fault else ''}{_excerpt(body)}")


def unreadable_event(data: str, fault: str) -> Thrown:
    """Return the failure of an event whose data is not what the provider documents; ``fault`` is a predicate."""
    return _failure(f"an event of the stream {fault}: {_excerpt(data)}")


def too_many_calls(most: int) -> Thrown:
    """Return the failure of an answer that calls more tools than any answer may."""
    return _failure(f"{UNREADABLE}: it has more than {most} tool calls")


def _is_passing(mark: str) -> bool:
    """Whether an error's type, code or status names a failure that passes, or is a status worth a retry."""
    if mark.isascii() and mark.isdigit():
        return mark in ("408", "409", "425", "429") or (len(mark) == 3 and mark.startswith("5"))
    word = _WORD_STARTS.sub("_", mark).lower().removesuffix("_exception").removesuffix("_error")
    return "overloaded" in word or "rate_limit" in word or word in _PASSING


def _failure(message: str, kind: str | None = None, retryable: bool = False) -> Thrown:
    return Thrown("baml.errors.LlmClient", {"message": message, "type": kind, "retryable": retryable})


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…")
