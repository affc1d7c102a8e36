"""``baml.llm``: the sys-ops that ``stdlib/llm.baml`` is written on.

What is here turns BAML's values into the data of :mod:`bamlvm.sysops.prompts`, :mod:`bamlvm.sysops.requests` and
:mod:`bamlvm.sysops.parsing`, and back, and writes what it learns into the attempt's record.  None of it waits, but for
hooks that do.

This module is loaded by every runtime, also by those that never call an LLM, so it imports next to nothing: a sys-op
imports what it needs.  What runs once per event needs nothing that is not there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bamlvm.sysops import attempts
from bamlvm.sysops.pending import deferred
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.program.types import Primitive, bare
from bamlvm.vm.values import Instance, Thrown, TypeValue

if TYPE_CHECKING:
    from bamlvm.sysops.llm_support import StreamState
    from bamlvm.sysops.parsing import StreamParser

ACCUMULATOR: Final = "stream_accumulator"
PARSER: Final = "stream_parser"
_KINDS: Final = {None: "Primitive", "fallback": "Fallback", "round-robin": "RoundRobin"}
_EXCERPT: Final = 4000


# --- what the program declares ----------------------------------------------------------------------------------------


@sysop("baml.llm.get_client")
def get_client(scope: Scope, function_name: str) -> Instance:
    from bamlvm.sysops.providers import clients

    return resolve_client(scope, clients.llm_function(scope.services.schema, function_name).client)


@sysop("baml.llm.resolve_client")
def resolve_client(scope: Scope, name: str) -> Instance:
    from bamlvm.sysops.providers import clients
    from bamlvm.sysops.providers.options import Options

    schema = scope.services.schema
    info = clients.client(schema, name)
    policy = clients.retry_policy(schema, info)
    strategy = clients.strategy(info)
    options = Options(info, scope.env)
    timeouts: dict[str, int] = {}
    try:
        timeouts = options.timeouts()
    except Thrown:
        if strategy is not None:
            raise  # that of a client that calls a provider is its attempt's: see client_primitive
    return scope.new_instance(
        "baml.llm.Client",
        name=info.name,
        provider=info.provider,
        kind=schema.enum_value("baml.llm.ClientKind", _KINDS[strategy]),
        retry=None
        if policy is None
        else scope.new_instance(
            "baml.llm.RetryPolicy",
            max_retries=policy.max_retries,
            strategy=policy.strategy,
            delay_ms=policy.delay_ms,
            multiplier=policy.multiplier,
            max_delay_ms=policy.max_delay_ms,
            jitter=policy.jitter,
        ),
        children=clients.children(info) if strategy else [],
        timeouts=scope.new_instance("baml.http.Timeouts", **timeouts) if timeouts else None,
        total_ms=options.total() if strategy else None,
    )


@sysop("baml.llm.Client.primitive")
def client_primitive(scope: Scope, client: Instance) -> Instance:
    from bamlvm.sysops.errors import invalid
    from bamlvm.sysops.llm_support import options_of
    from bamlvm.sysops.providers import clients
    from bamlvm.sysops.providers.catalogue import streams

    options = options_of(scope, client)
    info = options.client
    if clients.strategy(info) is not None:
        raise invalid(f"client {info.name} is a strategy: it calls no provider itself")
    options.timeouts()  # raises for those that resolve_client left out
    return scope.new_instance(
        "baml.llm.PrimitiveClient",
        name=info.name,
        provider=info.provider,
        supports_streaming=streams(options),
        timeouts=client.get("timeouts"),
    )


@sysop("baml.llm.get_jinja_template")
def get_jinja_template(scope: Scope, function_name: str) -> str:
    from bamlvm.sysops.providers import clients

    return clients.llm_function(scope.services.schema, function_name).template


@sysop("baml.llm.get_return_type")
def get_return_type(scope: Scope, function_name: str) -> TypeValue:
    from bamlvm.sysops.providers import clients

    schema = scope.services.schema
    signature = schema.signatures[clients.llm_function(schema, function_name).name]
    return TypeValue(signature.annotated)


@sysop("baml.llm.check_return_type")
def check_return_type(scope: Scope, return_type: Any) -> None:
    from bamlvm.sysops.llm_support import output_for, type_of

    output_for(scope.services, type_of(return_type))


@sysop("baml.llm.check_client")
def check_client(scope: Scope, name: str) -> None:
    from bamlvm.sysops.providers import clients

    clients.check(scope.services.schema, name)


@sysop("baml.llm.round_robin_next")
def round_robin_next(scope: Scope, name: str) -> int:
    import threading

    services = scope.services
    lock: threading.Lock = services.compiled_templates.setdefault("round_robin_lock", threading.Lock())
    with lock:
        turn = round_robin_peek(scope, name)
        services.round_robin[name] = turn + 1
    return turn


@sysop("baml.llm.round_robin_peek")
def round_robin_peek(scope: Scope, name: str) -> int:
    from bamlvm.sysops.providers import clients

    turn = scope.services.round_robin.get(name)
    return clients.first_turn(clients.client(scope.services.schema, name)) if turn is None else turn


# --- prompts and requests ---------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.render_prompt")
def render_prompt(scope: Scope, client: Instance, template: str, args: dict[str, Any], return_type: Any) -> Instance:
    from bamlvm.sysops.llm_support import engine_of, function_of, prompt_value, provider_for, type_of
    from bamlvm.sysops.prompts.engine import PromptContext
    from bamlvm.sysops.providers import roles

    options, row = provider_for(scope, client)
    context = PromptContext(
        options.client.name,
        options.client.provider,
        roles.default_role(row, options),
        bare(type_of(return_type)),
        scope.tags,
    )
    function = scope.attempt.function if scope.attempt is not None else function_of(scope, template)
    return prompt_value(scope, engine_of(scope.services).render(function, template, args, context))


@sysop("baml.llm.PrimitiveClient.specialize_prompt")
def specialize_prompt(scope: Scope, client: Instance, prompt: Instance) -> Instance:
    from bamlvm.sysops.llm_support import messages_of, prompt_value, provider_for
    from bamlvm.sysops.providers import roles

    options, row = provider_for(scope, client)
    return prompt_value(scope, roles.specialise(row, options, messages_of(prompt)))


@sysop("baml.llm.PrimitiveClient.build_request")
def build_request(scope: Scope, client: Instance, prompt: Instance) -> Instance:
    return _request(scope, client, prompt, stream=False)


@sysop("baml.llm.PrimitiveClient.build_request_stream")
def build_request_stream(scope: Scope, client: Instance, prompt: Instance) -> Instance:
    return _request(scope, client, prompt, stream=True)


def _request(scope: Scope, client: Instance, prompt: Instance, stream: bool) -> Instance:
    import msgspec

    from bamlvm.sysops.llm_support import messages_of, provider_for, request_wire, timeouts_for
    from bamlvm.sysops.redaction import redacted_body, redacted_headers, redacted_url, secrets_of

    options, row = provider_for(scope, client)
    built = request_wire(row).build(row, options, messages_of(prompt), stream)
    attempt = scope.attempt
    if attempt is not None:
        attempt.model = attempt.request_model = options.model()
        secrets = scope.attempt_secrets = secrets_of(built.headers, built.url, built.body)
        attempt.request = {
            "method": "POST",
            "url": redacted_url(built.url),
            "headers": redacted_headers(built.headers),
            "body": secrets.hide_in(redacted_body(built.body)),
        }
    return scope.new_instance(
        "baml.http.Request",
        method="POST",
        url=built.url,
        headers=built.headers,
        body=msgspec.json.encode(built.body).decode(),
        timeouts=timeouts_for(scope, client.get("timeouts"), stream),
    )


# --- answers ----------------------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.parse")
def parse(scope: Scope, client: Instance, body: str, return_type: Any) -> Any:
    from bamlvm.sysops.llm_support import answer_reader, final_value, note_tokens, provider_for, type_of
    from bamlvm.sysops.providers.accumulator import check_answered

    options, row = provider_for(scope, client)
    answer = answer_reader(row, options).read(body)
    attempt = scope.attempt
    if attempt is not None:
        attempt.text = answer.content
        attempt.model = answer.model or attempt.model
        attempt.finish_reason = answer.finish_reason
        note_tokens(attempt, answer.tokens)
    check_finish_reason(scope, client, answer.finish_reason)
    check_answered(bool(answer.content), answer.finish_reason, answer.refusal)
    return final_value(scope, type_of(return_type), answer.content, options)


@sysop("baml.llm.PrimitiveClient.partial_parse")
def client_partial_parse(scope: Scope, client: Instance, content: str, return_type: Any) -> Any:
    if return_type.__class__ is TypeValue:
        type_ = return_type.type
        if type_.__class__ is Primitive and type_.name == "string" and not any(mark in content for mark in "<[\u25c1"):
            return content  # without reasoning in tags, and without the parser

    from bamlvm.sysops.llm_support import options_of, output_for, type_of
    from bamlvm.sysops.parsing import partial_parse

    keep = options_of(scope, client).keeps_reasoning()
    return partial_parse(output_for(scope.services, type_of(return_type)), content, keep)


@sysop("baml.llm.PrimitiveClient.final_parse")
def client_final_parse(scope: Scope, client: Instance, content: str, return_type: Any) -> Any:
    from bamlvm.sysops.llm_support import final_value, options_of, type_of

    return final_value(scope, type_of(return_type), content, options_of(scope, client))


@sysop("baml.llm.PrimitiveClient.check_finish_reason")
def check_finish_reason(scope: Scope, client: Instance, reason: str | None) -> None:
    from bamlvm.sysops.llm_support import options_of

    allowed, denied = options_of(scope, client).finish_reasons()
    if reason is None:
        return
    word = reason.casefold()
    if (allowed is not None and word not in allowed) or (denied is not None and word in denied):
        fields = {"message": f"Finish reason not allowed: {reason}", "reason": reason}
        raise Thrown("baml.errors.FinishReason", fields)


@sysop("baml.llm.status_failure")
def status_failure(scope: Scope, request: Instance, response: Instance, body: str) -> Instance:
    import time
    from http import HTTPStatus

    from bamlvm.sysops.errors import Subject, http_status
    from bamlvm.sysops.redaction import redacted_url
    from bamlvm.sysops.web.retry_after import retry_after_ms

    url, status, headers = request.get("url"), response.get("status_code"), response.get("headers")
    action = f"{request.get('method')} {redacted_url(url)}"
    subject = Subject(action, url=url, secrets=request.get("headers"), body=request.get("body"))
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    thrown = http_status(
        subject, status, f"answered {status} {phrase}".rstrip(), body[:_EXCERPT], retry_after_ms(headers, time.time())
    )
    return scope.new_instance(thrown.class_name, **thrown.fields)


# --- accumulators -----------------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.new_stream_accumulator")
def new_stream_accumulator(scope: Scope, client: Instance) -> Instance:
    from bamlvm.sysops.llm_support import stream_state

    state = stream_state(scope, client)
    handle = scope.services.handles.open(ACCUMULATOR, scope.owner, state, state.close)
    return scope.new_instance("baml.llm.StreamAccumulator", _handle=handle)


@sysop("baml.llm.StreamAccumulator.add_events")
def add_events(scope: Scope, accumulator: Instance, events: str) -> bool:
    return _state(scope, accumulator).add(events, scope)


@sysop("baml.llm.StreamAccumulator.take_content")
def accumulator_take_content(scope: Scope, accumulator: Instance) -> str:
    return _state(scope, accumulator).accumulator.take_content()


@sysop("baml.llm.StreamAccumulator.content")
def accumulator_content(scope: Scope, accumulator: Instance) -> str:
    return _state(scope, accumulator).accumulator.content()


@sysop("baml.llm.StreamAccumulator.reasoning")
def accumulator_reasoning(scope: Scope, accumulator: Instance) -> str:
    state = _state(scope, accumulator).accumulator
    found = state.reasoning()
    if found:
        return found
    from bamlvm.sysops.parsing.reasoning import split_string

    return split_string(state.content()).reasoning


@sysop("baml.llm.StreamAccumulator.is_done")
def accumulator_is_done(scope: Scope, accumulator: Instance) -> bool:
    return _state(scope, accumulator).accumulator.is_done()


@sysop("baml.llm.StreamAccumulator.is_truncated")
def accumulator_is_truncated(scope: Scope, accumulator: Instance) -> bool:
    return _state(scope, accumulator).accumulator.truncated()


@sysop("baml.llm.StreamAccumulator.is_interrupted")
def accumulator_is_interrupted(scope: Scope, accumulator: Instance) -> bool:
    return _state(scope, accumulator).accumulator.interrupted()


@sysop("baml.llm.StreamAccumulator.check_answered")
def accumulator_check_answered(scope: Scope, accumulator: Instance) -> None:
    _state(scope, accumulator).accumulator.check_answered()


@sysop("baml.llm.StreamAccumulator.model")
def accumulator_model(scope: Scope, accumulator: Instance) -> str | None:
    return _state(scope, accumulator).accumulator.model()


@sysop("baml.llm.StreamAccumulator.finish_reason")
def accumulator_finish_reason(scope: Scope, accumulator: Instance) -> str | None:
    return _state(scope, accumulator).accumulator.finish_reason()


@sysop("baml.llm.StreamAccumulator.input_tokens")
def accumulator_input_tokens(scope: Scope, accumulator: Instance) -> int | None:
    return _state(scope, accumulator).accumulator.input_tokens()


@sysop("baml.llm.StreamAccumulator.output_tokens")
def accumulator_output_tokens(scope: Scope, accumulator: Instance) -> int | None:
    return _state(scope, accumulator).accumulator.output_tokens()


@sysop("baml.llm.StreamAccumulator.close")
def accumulator_close(scope: Scope, accumulator: Instance) -> None:
    scope.services.handles.close(accumulator.get("_handle"), ACCUMULATOR, scope.owner)


def _state(scope: Scope, accumulator: Instance) -> StreamState:
    state: StreamState = scope.services.handles.get(accumulator.get("_handle"), ACCUMULATOR, scope.owner)
    return state


@sysop("baml.llm.read_as")
def read_as(scope: Scope, text: str, as_type: str, is_json: bool) -> Any:
    from bamlvm.sysops.llm_support import read_text

    return read_text(scope, text, as_type, is_json)


# --- parsers ----------------------------------------------------------------------------------------------------------


@sysop("baml.llm.PrimitiveClient.new_stream_parser")
def new_stream_parser(scope: Scope, client: Instance, return_type: Any) -> Instance:
    from bamlvm.sysops.llm_support import options_of, output_for, type_of

    type_ = type_of(return_type)
    keep = options_of(scope, client).keeps_reasoning()
    parser = output_for(scope.services, type_).stream(keep, scope.trace.parse)
    handle = scope.services.handles.open(PARSER, scope.owner, (parser, type_), parser.close)
    return scope.new_instance("baml.llm.StreamParser", _handle=handle)


@sysop("baml.llm.StreamParser.feed")
def parser_feed(scope: Scope, parser: Instance, text: str) -> Any:
    state: StreamParser = scope.services.handles.get(parser.get("_handle"), PARSER, scope.owner)[0]
    scope.partial = partial = state.feed(text)
    return partial


@sysop("baml.llm.StreamParser.finish")
def parser_finish(scope: Scope, parser: Instance) -> Any:
    from bamlvm.sysops.llm_support import cut_by, enforced
    from bamlvm.sysops.parsing import finished

    state, type_ = scope.services.handles.get(parser.get("_handle"), PARSER, scope.owner)
    return enforced(scope.services, type_, finished(state, cut_by(scope)), state.text())


@sysop("baml.llm.StreamParser.close")
def parser_close(scope: Scope, parser: Instance) -> None:
    scope.services.handles.close(parser.get("_handle"), PARSER, scope.owner)


# --- attempts ---------------------------------------------------------------------------------------------------------


@sysop("baml.llm.attempt_started")
def attempt_started(scope: Scope, function_name: str, client: str, provider: str) -> Any:
    return deferred(attempts.start(scope, function_name, client, provider))


@sysop("baml.llm.attempt_failed")
def attempt_failed(scope: Scope, error: Any) -> Any:
    record, told = attempts.fail(scope, error)
    value = scope.new_instance(
        "baml.errors.Attempt",
        client=record.client if record else "",
        provider=record.provider if record else "",
        attempt=record.number if record else 0,
        error=error,
        text=record.text if record else "",
    )
    return deferred(told, value)


@sysop("baml.llm.attempt_succeeded")
def attempt_succeeded(scope: Scope) -> Any:
    return deferred(attempts.succeed(scope))


@sysop("baml.llm.trace")
def trace(scope: Scope, message: str) -> None:
    if (write := scope.trace.calls) is not None:
        write(f"call {scope.owner}: {message}")


@sysop("baml.llm.monotonic_ms")
def monotonic_ms(scope: Scope) -> int:
    import time

    return time.monotonic_ns() // 1_000_000


@sysop("baml.llm.jittered")
def jittered(scope: Scope, ms: int) -> int:
    import random

    return random.randint(ms // 2, ms) if ms > 0 else 0
