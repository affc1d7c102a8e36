"""Declarations for LLM calls: clients, retry policies, prompts; and the names of their options."""

from __future__ import annotations

import msgspec

from bamlvm.vm.program.declarations import ConfigValue
from bamlvm.vm.program.types import Attribute as Attribute

STRATEGIES = {
    "fallback": "fallback",
    "baml-fallback": "fallback",
    "round-robin": "round-robin",
    "round_robin": "round-robin",
    "baml-round-robin": "round-robin",
}
"""The providers that are strategies over other clients, by every spelling."""


PROVIDERS = (
    "openai",
    "openai-generic",
    "azure-openai",
    "ollama",
    "openrouter",
    "openai-responses",
    "anthropic",
    "google-ai",
    "vertex-ai",
    "aws-bedrock",
)
"""The providers that clients can call."""


UNSUPPORTED_PROVIDERS = {
    "baml-openai-chat": "openai",
    "baml-azure-chat": "azure-openai",
    "baml-anthropic-chat": "anthropic",
    "baml-ollama-chat": "ollama",
}
"""Providers of the official runtime that are not supported, and the supported one that does the same, if any."""


ROLES = ("system", "user", "assistant")
"""The roles that a client allows unless its ``allowed_roles`` says otherwise."""


RESPONSE_TYPES = ("openai", "openai-responses", "anthropic", "google", "vertex")
"""The values of a client's option ``client_response_type``."""


PARSE_FAILURES = ("retry", "reask", "fail")
"""The values of ``parse_failure`` of a client or retry policy: try again, try again with the answer and what is wrong
with it in the prompt, end the call."""


OUTPUT_MODES = ("prompt", "json_schema", "tool")
"""The values of a client's option ``output_mode``: the return type is described in the prompt, or its schema goes with
the request, as that of the text or of a tool's arguments."""


CLOCKS = {
    "connect_timeout_ms": "connect_ms",
    "time_to_first_token_timeout_ms": "time_to_first_token_ms",
    "idle_timeout_ms": "idle_ms",
    "request_timeout_ms": "request_ms",
}
"""The clocks of a client's ``http`` block, and the fields of ``baml.http.Timeouts`` that they set."""


POOLING = "enable_connection_pooling"
"""The option that an ``http`` block may have beside clocks if the client calls a provider."""


TOTAL = "total_timeout_ms"
"""The option that it may have beside clocks if the client is a strategy: the milliseconds for all its attempts."""


def arguments_function(name: str) -> str:
    """Return the name of the function that binds the defaults of an LLM function: all arguments, as a map by name."""
    return f"{name}$arguments"


class LlmFunctionInfo(msgspec.Struct, frozen=True, array_like=True):
    """An LLM function, beside its signature: the client's name (or ``provider/model``) and the prompt template."""

    name: str
    client: str
    template: str


class ClientInfo(msgspec.Struct, frozen=True, array_like=True):
    name: str
    provider: str
    retry_policy: str | None
    options: ConfigValue


class RetryPolicyInfo(msgspec.Struct, frozen=True, array_like=True):
    """Delays in milliseconds; ``strategy`` is ``constant_delay`` or ``exponential_backoff``, ``parse_failure`` one of
    :data:`PARSE_FAILURES`."""

    name: str
    max_retries: int
    strategy: str = "constant_delay"
    delay_ms: int = 200
    multiplier: float = 1.5
    max_delay_ms: int = 10000
    jitter: bool = False
    parse_failure: str | None = None


class TemplateInfo(msgspec.Struct, frozen=True, array_like=True):
    """A ``template_string``: its parameters' names and its Jinja text."""

    name: str
    parameters: tuple[str, ...]
    template: str
