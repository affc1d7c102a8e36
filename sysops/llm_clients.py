"""``baml.llm``: the sys-ops of clients: what a program declares, prompts, requests, whole answers.

They convert BAML's values to the data of :mod:`bamlvm.sysops.prompts` and :mod:`bamlvm.sysops.providers` and back, and
write what they learn into the attempt's record.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import msgspec

from bamlvm.sysops.capabilities import require
from bamlvm.sysops.errors import Subject, answered, http_status, invalid
from bamlvm.sysops.llm import ACCUMULATOR, StreamState, note_tokens
from bamlvm.sysops.llm_parsing import answered_value, client_options, form_for, options_of, type_of
from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers import clients, roles
from bamlvm.sysops.providers.catalogue import Provider, row_of, streams
from bamlvm.sysops.providers.failures import CALLED, UNREADABLE, check_answered
from bamlvm.sysops.providers.options import Options, derived
from bamlvm.sysops.providers.registry import answer_wire, request_wire
from bamlvm.sysops.providers.wire import decoded, read_whole
from bamlvm.sysops.redaction import redacted_url, secret_values, secrets_of
from bamlvm.sysops.schema import Schema
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.sysops.web.retry_after import retry_after_ms
from bamlvm.vm.program.types import bare
from bamlvm.vm.values import Instance, Pending, Thrown, TypeValue
from bamlvm.vm.work import Lengthy, Work, finish

_KINDS: Final = {None: "Primitive", "fallback": "Fallback", "round-robin": "RoundRobin"}
_EXCERPT: Final = 4000


# --- what the program declares ----------------------------------------------------------------------------------------


@sysop("baml.llm.get_client")
def get_client(scope: Scope, function_name: str) -> Instance:
    own = clients.llm_function(scope.services.schema, function_name).client
    name = scope.client or own
    clients.check(scope.clients, name)
    return resolve_client(scope, name)


@sysop("baml.llm.resolve_client")
def resolve_client(scope: Scope, name: str) -> Instance:
    options = client_options(scope, clients.client(scope.clients, name))
    fields, retry, timeouts = _client_fields(options, scope.services.schema)
    new = scope.new_instance
    return new(
        "baml.llm.Client",
        **fields,
        retry=new("baml.llm.RetryPolicy", **retry) if retry else None,
        children=clients.children(options.client) if clients.strategy(options.client) else [],
        timeouts=new("baml.http.Timeouts", **timeouts) if timeouts else None,
    )


@derived
def _client_fields(options: Options, schema: Schema) -> tuple[dict[str, Any], dict[str, Any], dict[str, int]]:
    """Return the fields of a client value that are not values themselves, and those of its retries and timeouts."""
    info = options.client
    policy = clients.retry_policy(schema, info)
    strategy = clients.strategy(info)
    timeouts: dict[str, int] = {}
    parse_failure = None if policy is None else policy.parse_failure
    try:
        timeouts = options.timeouts()
        parse_failure = options.parse_failure() or parse_failure
    except Thrown:
        if strategy is not None:
            raise  # that of a client that calls a provider is its attempt's: see client_primitive
    fields = {
        "name": info.name,
        "provider": info.provider,
        "kind": schema.enum_value("baml.llm.ClientKind", _KINDS[strategy]),
        "total_ms": options.total() if strategy else None,
        "parse_failure": parse_failure,
    }
    retry: dict[str, Any] = {}
    if policy is not None:
        retry = {
            "max_retries": policy.max_retries,
            "strategy": policy.strategy,
            "delay_ms": policy.delay_ms,
            "multiplier": policy.multiplier,
            "max_delay_ms": policy.max_delay_ms,
            "jitter": policy.jitter,
        }
    return fields, retry, timeouts


@sysop("baml.llm.Client.primitive")
def client_primitive(scope: Scope, client: Instance) -> Instance:
    info = clients.client(scope.clients, client.get("name"))
    options = scope.options = client_options(scope, info)
    _check_primitive(options)
    return scope.new_instance(
        "baml.llm.PrimitiveClient",
        name=info.name,
        provider=info.provider,
        supports_streaming=streams(options),
        timeouts=client.get("timeouts"),
    )


@derived
def _check_primitive(options: Options) -> None:
    """Raise for options with which a client calls no provider."""
    if clients.strategy(options.client) is not None:
        raise invalid(f"client {options.client.name} is a strategy: it calls no provider itself")
    options.timeouts()  # these raise what resolve_client ignored
    options.parse_failure()


@sysop("baml.llm.get_jinja_template")
def get_jinja_template(scope: Scope, function_name: str) -> str:
    return clients.llm_function(scope.services.schema, function_name).template


@sysop("baml.llm.get_return_type")
def get_return_type(scope: Scope, function_name: str) -> TypeValue:
    schema = scope.services.schema
    return TypeValue(schema.signatures[clients.llm_function(schema, function_name).name].annotated)


@sysop("baml.llm.round_robin_next")
def round_robin_next(scope: Scope, name: str) -> int:
    services = scope.services
    with services.round_robin_lock:
        turn = round_robin_peek(scope, name)
        services.round_robin[name] = turn + 1
    return turn


@sysop("baml.llm.round_robin_peek")
def round_robin_peek(scope: Scope, name: str) -> int:
    turn = scope.services.round_robin.get(name)
    return clients.first_turn(clients.client(scope.clients, name)) if turn is None else turn


@sysop("baml.llm.jittered")
def jittered(scope: Scope, ms: int) -> int:
    return random.randint(ms // 2, ms) if ms > 0 else 0


def _provider(scope: Scope, client: Instance) -> tuple[Options, Provider]:
    """Return a client value's options and its provider's row."""
    options = options_of(scope, client)
    return options, row_of(options)


# --- prompts and requests ---------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.render_prompt")
def render_prompt(scope: Scope, client: Instance, template: str, args: dict[str, Any], return_type: Any) -> Any:
    from bamlvm.sysops.prompts.engine import PromptContext  # imports Jinja, as prompt_engine does

    options, row = _provider(scope, client)
    context = PromptContext(
        options.client.name,
        options.client.provider,
        roles.default_role(row, options),
        bare(type_of(return_type)),
        scope.tags,
        shows_format=form_for(scope, options, type_of(return_type)) is None,
    )
    function = scope.attempt.function if scope.attempt is not None else _function_of(scope, template)
    rendering = partial(scope.readers.prompt_engine.rendering, function, template, args, context, scope.check)
    work = _rendered(scope, rendering)
    try:
        next(work)
    except StopIteration as end:
        return end.value
    raise Lengthy(work)


def _rendered(scope: Scope, rendering: Callable[..., Work[list[Message]]]) -> Work[Any]:
    """Return a prompt; where its template cannot yield, begin again in a thread."""
    from bamlvm.sysops.prompts.limits import Stuck

    try:
        return _prompt_value(scope, (yield from rendering(movable=scope.waits)))
    except Stuck:
        return Pending(Lazy(lambda: _rendered_apart(scope, rendering)))


async def _rendered_apart(scope: Scope, rendering: Callable[..., Work[list[Message]]]) -> Instance:
    from bamlvm.sysops.threads import in_thread

    return _prompt_value(scope, await in_thread(lambda: finish(rendering())))


@sysop("baml.llm.PrimitiveClient.specialize_prompt")
def specialize_prompt(scope: Scope, client: Instance, prompt: Instance) -> Instance:
    options, row = _provider(scope, client)
    return _prompt_value(scope, roles.specialise(row, options, _messages(prompt)))


@sysop("baml.llm.PrimitiveClient.build_request")
def build_request(scope: Scope, client: Instance, prompt: Instance, return_type: Any) -> Instance:
    return _request(scope, client, prompt, return_type, stream=False)


@sysop("baml.llm.PrimitiveClient.build_request_stream")
def build_request_stream(scope: Scope, client: Instance, prompt: Instance, return_type: Any) -> Instance:
    return _request(scope, client, prompt, return_type, stream=True)


def _request(scope: Scope, client: Instance, prompt: Instance, return_type: Any, stream: bool) -> Instance:
    options, row = _provider(scope, client)
    wire = request_wire(row)
    form = None if return_type is None else form_for(scope, options, type_of(return_type))
    built = wire.build(row, options, _messages(prompt), stream, form)
    attempt = scope.attempt
    if attempt is not None:
        attempt.model = attempt.request_model = options.model()
        secrets = scope.attempt_secrets = secrets_of(
            built.headers, built.url, built.body, *options.secrets(), *scope.read_secrets
        )
        body = secrets.shown(built.body)
        url, headers = secrets.shown_head(built.url, built.headers)
        attempt.request = {"method": "POST", "url": url, "headers": headers, "body": body}
        attempt.summary = wire.summarise(body)
        attempt.streamed = stream
    else:  # the program gets it, or the host
        scope.read_secrets.update(secret_values(built.headers, built.url, built.body, *options.secrets()))
    return scope.new_instance(
        "baml.http.Request",
        method="POST",
        url=built.url,
        headers=built.headers,
        body=msgspec.json.encode(built.body).decode(),
        timeouts=_timeouts(scope, client.get("timeouts"), stream),
    )


@sysop("baml.llm.PrimitiveClient.authorize")
def authorize(scope: Scope, client: Instance, request: Instance) -> Any:
    options, row = _provider(scope, client)
    if row.signs_in is None or (scope.caching is not None and scope.caching.mode == "only"):  # it is not sent
        return request
    from bamlvm.sysops import signing_in  # only some providers need it

    signing_in.check(row, options)
    url, headers, body = request.get("url"), request.get("headers"), request.get("body")
    if scope.services.is_offline or not signing_in.is_needed(row, options, headers):
        return request
    require(scope, "http", "baml.llm.PrimitiveClient.authorize")

    def signed(added: dict[str, str], secrets: tuple[str, ...]) -> Instance:
        headers.update(added)
        if scope.attempt is not None and scope.attempt.request is not None:
            scope.attempt_secrets = secrets_of(
                headers, url, msgspec.json.decode(body), *secrets, *options.secrets(), *scope.read_secrets
            )
            scope.attempt.request["headers"] = scope.attempt_secrets.shown_head(url, headers)[1]
        return request

    return signing_in.SCHEMES[row.signs_in](scope.services, options, signing_in.Outgoing(url, headers, body), signed)


def _timeouts(scope: Scope, timeouts: Instance | None, stream: bool) -> Instance | None:
    """Return the clocks of a request: a whole answer has no first token."""
    if timeouts is None or stream or timeouts.get("time_to_first_token_ms") is None:
        return timeouts
    kept = {name: timeouts.get(name) for name in timeouts.cls.field_names if name != "time_to_first_token_ms"}
    return scope.new_instance("baml.http.Timeouts", **kept)


def _function_of(scope: Scope, template: str) -> str:
    """Return the LLM function whose prompt a template is, for messages."""
    for info in scope.services.schema.llm_functions.values():
        if info.template == template:
            return info.name
    return "a template"


def _prompt_value(scope: Scope, messages: list[Message]) -> Instance:
    """Return messages as a ``baml.llm.Prompt``."""
    new = scope.new_instance
    shown = []
    for message in messages:
        parts = [new("baml.llm.ChatPart", content=part.content, metadata=part.metadata) for part in message.parts]
        shown.append(new("baml.llm.ChatMessage", role=message.role, parts=parts))
    return new("baml.llm.Prompt", messages=shown)


def _messages(prompt: Instance) -> list[Message]:
    """Return the messages in a ``baml.llm.Prompt``."""
    return [
        Message(message.get("role"), [Part(part.get("content"), part.get("metadata")) for part in message.get("parts")])
        for message in prompt.get("messages")
    ]


# --- answers ----------------------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.parse")
def parse(scope: Scope, client: Instance, body: str, return_type: Any) -> Any:
    options, row = _provider(scope, client)
    _keep_body(scope, body)
    has_tools = options.output_mode() == "tool"
    answer = read_whole(answer_wire(row, options), body, has_tools)
    attempt = scope.attempt
    is_called = answer.calls and has_tools
    content = answer.calls.text() if is_called else answer.content
    if attempt is not None:
        attempt.text = content
        attempt.reasoning = answer.reasoning
        attempt.model = answer.model or attempt.model
        attempt.finish_reason = answer.finish_reason
        note_tokens(attempt, answer.tokens)
    check_finish_reason(scope, client, answer.finish_reason)
    size = answer.calls.size() if is_called else len(content)
    has_text = answer.has_text or has_tools
    check_answered(size, has_text, answer.finish_reason, answer.refusal)
    type_ = type_of(return_type)
    return answered_value(scope, type_, answer, len(content), options)


def _keep_body(scope: Scope, body: str) -> None:
    """Write the body of a response into the attempt's record, where a collector wants it."""
    if scope.attempt is not None and scope.attempt.response is not None:
        scope.attempt.response["body"] = body


@sysop("baml.llm.PrimitiveClient.check_finish_reason")
def check_finish_reason(scope: Scope, client: Instance, reason: str | None) -> None:
    options = options_of(scope, client)
    allowed, denied = options.finish_reasons()
    if reason is None:
        return
    word = reason.casefold()
    if word in CALLED and options.output_mode() == "tool" and denied is None:
        return
    if (allowed is not None and word not in allowed) or (denied is not None and word in denied):
        fields = {"message": f"Finish reason not allowed: {reason}", "reason": reason}
        raise Thrown("baml.errors.FinishReason", fields)


@sysop("baml.llm.status_failure")
def status_failure(scope: Scope, request: Instance, response: Instance, body: str) -> Instance:
    _keep_body(scope, body)
    url, status, headers = request.get("url"), response.get("status_code"), response.get("headers")
    action = f"{request.get('method')} {scope.attempt_secrets.hide(redacted_url(url))}"
    others = tuple(scope.read_secrets)
    subject = Subject(action, url=url, secrets=request.get("headers"), body=request.get("body"), others=others)
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    note = answered(subject, status, phrase, headers)
    thrown = http_status(subject, status, note, body[:_EXCERPT], retry_after_ms(headers, time.time()))
    return scope.new_instance(thrown.class_name, **thrown.fields)


@sysop("baml.llm.reported_failure")
def reported_failure(scope: Scope, answer: Instance) -> Instance:
    if not HTTPStatus.OK <= answer.get("status_code") < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    try:
        decoded(answer.get("body"))
    except Thrown as thrown:
        if thrown.fields["message"].startswith(UNREADABLE):
            return answer
        return scope.new_instance(thrown.class_name, **thrown.fields)
    return answer


@sysop("baml.llm.PrimitiveClient.new_stream_accumulator")
def new_stream_accumulator(scope: Scope, client: Instance) -> Instance:
    options, row = _provider(scope, client)
    accumulator = answer_wire(row, options).accumulator()
    if options.output_mode() == "tool":
        accumulator.expect_calls()
    state = StreamState(accumulator)
    handle = scope.open(ACCUMULATOR, state, state.close)
    return scope.new_instance("baml.llm.StreamAccumulator", _handle=handle)
