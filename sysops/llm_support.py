"""What the LLM sys-ops share: what a runtime makes once, and BAML's values as the data of prompts and requests.

The prompt engine and each return type's parser are made at their first use and kept in the runtime's services.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.sysops.constraints import AssertionFailed, constraints_of
from bamlvm.sysops.errors import invalid
from bamlvm.sysops.parsing import JsonReader, Output, final_parse, output_of
from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import anthropic, clients, google, openai, responses
from bamlvm.sysops.providers.catalogue import Provider, answer_wire, provider_of
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.registry import Accumulator, new_accumulator
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.providers.wire import Wire
from bamlvm.sysops.records import AttemptRecord
from bamlvm.sysops.scope import Scope, Services
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import Instance, Thrown, TypeValue, Value

if TYPE_CHECKING:
    from bamlvm.sysops.prompts.engine import Engine

_WIRES: Final[dict[str, Wire]] = {
    "openai": openai,
    "openai-responses": responses,
    "anthropic": anthropic,
    "google-ai": google,
}

_LIMITS: Final = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
)
"""The finish reasons of an answer that a limit of tokens cut."""


class StreamState:
    """The resource behind a ``StreamAccumulator``: an accumulator, and how much of its content was reported as new."""

    __slots__ = ("_length", "accumulator")

    def __init__(self, accumulator: Accumulator) -> None:
        self.accumulator = accumulator
        self._length = 0

    def add(self, events: str, scope: Scope) -> bool:
        """Take a batch of events and note in the attempt's record what is known now; True if the content grew."""
        source = self.accumulator
        try:
            source.add(scope.read_batch(events))
        finally:
            attempt = scope.attempt
            if attempt is not None:
                scope.attempt_reasoning = source.reasoning
                scope.attempt_text = source.content  # read when the attempt ends: joining it now and now is quadratic
                attempt.model = source.model() or attempt.model
                attempt.finish_reason = source.finish_reason()
                note_tokens(attempt, source.tokens)
        length = source.content_length()
        grew = length > self._length
        self._length = length
        return grew

    def close(self) -> None:
        """An accumulator holds nothing that must be closed."""


def note_tokens(attempt: AttemptRecord, tokens: Tokens) -> None:
    """Write what a provider has counted so far into the attempt's record."""
    attempt.input_tokens = tokens.input
    attempt.output_tokens = tokens.output
    attempt.cached_input_tokens = tokens.cached_input
    attempt.cache_write_tokens = tokens.cache_write
    attempt.reasoning_tokens = tokens.reasoning


def request_wire(row: Provider) -> Wire:
    """The wire format of a provider's requests."""
    return _WIRES[row.wire]


def answer_reader(row: Provider, options: Options) -> Wire:
    """The wire format of a client's whole answers."""
    return _WIRES[answer_wire(row, options)]


def stream_state(scope: Scope, client: Instance) -> StreamState:
    """What accumulates a client's streamed answer."""
    options, row = provider_for(scope, client)
    return StreamState(new_accumulator(answer_wire(row, options)))


def options_of(scope: Scope, client: Instance) -> Options:
    """The options of a client value, against the call's environment."""
    return Options(clients.client(scope.services.schema, client.get("name")), scope.env)


def provider_for(scope: Scope, client: Instance) -> tuple[Options, Provider]:
    """A client value's options and its provider's row."""
    options = options_of(scope, client)
    return options, provider_of(options.client)


def timeouts_for(scope: Scope, timeouts: Instance | None, stream: bool) -> Instance | None:
    """The clocks of a request: a whole answer has no first token."""
    if timeouts is None or stream or timeouts.get("time_to_first_token_ms") is None:
        return timeouts
    kept = {name: timeouts.get(name) for name in timeouts.cls.field_names if name != "time_to_first_token_ms"}
    return scope.new_instance("baml.http.Timeouts", **kept)


def type_of(return_type: Any) -> Type:
    """The type in a value of ``get_return_type``, with its attributes.

    Raises :class:`Thrown` (``InvalidArgument``) if it is none.
    """
    if not isinstance(return_type, TypeValue):
        raise invalid("not a return type: pass what baml.llm.get_return_type gave")
    return return_type.type


def output_for(services: Services, type_: Type) -> Output:
    """A return type's parser.  Raises :class:`Thrown` (``InvalidArgument``) if it has none."""
    key = f"type {type_}"
    found: Output | None = services.compiled_templates.get(key)
    if found is None:
        found = output_of(type_, services.schema)
        services.compiled_templates[key] = found
    return found


def read_text(scope: Scope, text: str, written: str, is_json: bool) -> Value:
    """A text read as the type that ``written`` is the JSON of.

    Raises :class:`Thrown` (``ParseFailed``; ``InvalidArgument`` for a type that no answer can be read as).
    """
    try:
        type_ = msgspec.json.decode(written, type=Type)
    except msgspec.DecodeError as error:
        raise invalid(f"not a type: {error}") from None
    if not is_json:
        return final_value(scope, type_, text)
    services = scope.services
    key = f"json {type_}"
    found: JsonReader | None = services.compiled_templates.get(key)
    if found is None:
        found = services.compiled_templates[key] = JsonReader(type_, services.schema)
    return enforced(services, type_, found.value(text), text)


def final_value(scope: Scope, type_: Type, content: str, options: Options | None = None) -> Value:
    """Return the value of a whole answer of a client with these options.  Raises :class:`Thrown` (``ParseFailed``)."""
    output = output_for(scope.services, type_)
    keep = options is not None and options.keeps_reasoning()
    cut = cut_by(scope) if options is not None else None
    return enforced(scope.services, type_, final_parse(output, content, cut, keep, scope.trace.parse), content)


def cut_by(scope: Scope) -> str | None:
    """Return the finish reason of the attempt under way if the token limit cut its answer, else None."""
    reason = None if scope.attempt is None else scope.attempt.finish_reason
    return reason if reason is not None and reason.casefold() in _LIMITS else None


def enforced(services: Services, type_: Type, value: Value, content: str) -> Value:
    """What a parsed value is once its asserts are.  Raises :class:`Thrown` (``ParseFailed``)."""
    constraints = constraints_of(services)
    if not constraints.concern("assert", type_):
        return value
    try:
        return constraints.enforce(value, type_)
    except AssertionFailed as failed:
        fields = {"message": str(failed), "path": failed.path or None, "raw": content}
        raise Thrown("baml.errors.ParseFailed", fields) from None


def engine_of(services: Services) -> Engine:
    """The runtime's prompt engine; the first use imports Jinja."""
    found: Engine | None = services.compiled_templates.get("engine")
    if found is None:
        from bamlvm.sysops.prompts.engine import Engine

        schema = services.schema
        found = Engine(schema.enums, schema.templates, schema.classes, schema.aliases)
        services.compiled_templates["engine"] = found
    return found


def function_of(scope: Scope, template: str) -> str:
    """The LLM function that a template is the prompt of, for messages."""
    for info in scope.services.schema.llm_functions.values():
        if info.template == template:
            return str(info.name)
    return "a template"


def prompt_value(scope: Scope, messages: list[Message]) -> Instance:
    """Messages as a ``baml.llm.Prompt``."""
    new = scope.new_instance
    shown = []
    for message in messages:
        parts = [new("baml.llm.ChatPart", content=part.content, metadata=part.metadata) for part in message.parts]
        shown.append(new("baml.llm.ChatMessage", role=message.role, parts=parts))
    return new("baml.llm.Prompt", messages=shown)


def messages_of(prompt: Instance) -> list[Message]:
    """The messages in a ``baml.llm.Prompt``."""
    return [
        Message(message.get("role"), [Part(part.get("content"), part.get("metadata")) for part in message.get("parts")])
        for message in prompt.get("messages")
    ]
