"""``baml.llm``: the sys-ops of return types: text to a value of a type, whole, unfinished and piece by piece.

Each type's parser is made at its first use and kept in the runtime's services.  A whole value must hold what its type
asserts.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from threading import Event
from typing import Any, Final

import msgspec

from bamlvm.sysops import parsing
from bamlvm.sysops.constraints import AssertionFailed
from bamlvm.sysops.environment import client_environment
from bamlvm.sysops.errors import invalid, raise_failure
from bamlvm.sysops.llm import PARSER
from bamlvm.sysops.parsing import StreamParser
from bamlvm.sysops.parsing.output import AnswerSource, Output
from bamlvm.sysops.pending import Lazy
from bamlvm.sysops.providers import clients
from bamlvm.sysops.providers.failures import LIMITS
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.services import Readers
from bamlvm.sysops.table import sysop
from bamlvm.vm.program.llm import OUTPUT_MODES, ClientInfo
from bamlvm.vm.program.schemas.forms import Form
from bamlvm.vm.program.types import STRING, Type
from bamlvm.vm.values import Instance, Pending, Thrown, TypeValue, Value

_LONG: Final = 100_000
"""Characters of an answer from which on it is read in a thread."""

_TAG_MARKS: Final = "<[\u25c1"
"""The characters that a tag around reasoning begins with."""


@sysop("baml.llm.check_return_type")
def check_return_type(scope: Scope, return_type: Any) -> None:
    scope.readers.output(type_of(return_type))


@sysop("baml.llm.PrimitiveClient.partial_parse")
def partial_parse(scope: Scope, client: Instance, content: str, return_type: Any) -> Any:
    type_ = type_of(return_type)
    if type_ == STRING and not any(mark in content for mark in _TAG_MARKS):
        return content  # without reasoning in tags, and without the parser
    options = options_of(scope, client)
    output = scope.readers.output(type_, form_for(scope, options, type_))
    return parsing.partial_parse(output, content, options.keeps_reasoning())


@sysop("baml.llm.PrimitiveClient.final_parse")
def final_parse(scope: Scope, client: Instance, content: str, return_type: Any) -> Any:
    type_, options = type_of(return_type), options_of(scope, client)
    output = scope.readers.output(type_, form_for(scope, options, type_))
    parser = output.stream(options.keeps_reasoning(), scope.trace.parse)
    return apart(parser.close, len(content), lambda: _finished(scope, parsing.fed(parser, content), type_))


@sysop("baml.llm.PrimitiveClient.new_stream_parser")
def new_stream_parser(scope: Scope, client: Instance, return_type: Any) -> Instance:
    type_ = type_of(return_type)
    options = options_of(scope, client)
    output = scope.readers.output(type_, form_for(scope, options, type_))
    parser = output.stream(options.keeps_reasoning(), scope.trace.parse)
    handle = scope.open(PARSER, (parser, type_), parser.close)
    return scope.new_instance("baml.llm.StreamParser", _handle=handle)


@sysop("baml.llm.StreamParser.finish")
def parser_finish(scope: Scope, parser: Instance) -> Any:
    state, type_ = scope.services.handles.get(parser.get("_handle"), PARSER, scope.owner)
    return apart(state.close, len(state.text()), lambda: _finished(scope, state, type_))


@sysop("baml.llm.read_as")
def read_as(scope: Scope, text: str, as_type: str, is_json: bool) -> Any:
    try:
        type_ = msgspec.json.decode(as_type, type=Type)
    except msgspec.DecodeError as error:
        raise invalid(f"not a type: {error}") from None
    if not is_json:
        parser = scope.readers.output(type_).stream(trace=scope.trace.parse)
        return apart(parser.close, len(text), lambda: _final_value(scope, parser, type_, text))
    reader, ended = scope.readers.json_reader(type_), Event()

    def go_on() -> None:
        if ended.is_set():
            raise CancelledError

    return apart(ended.set, len(text), lambda: enforced(scope.readers, type_, reader.value(text, go_on), text))


def apart(close: Callable[[], object], length: int, parse: Callable[[], Value]) -> Any:
    """Return the value of a text.  A long one is read in a thread, so that other tasks of the loop have their turn:
    the last pass reads the whole text once more, at one go.  The thread ends when nobody waits for it: ``close`` is
    called then, and makes ``parse`` end early."""
    if length < _LONG:
        return parse()

    async def read() -> Value:
        from bamlvm.sysops.threads import in_thread_until_cancelled

        try:
            return await in_thread_until_cancelled(parse, close)
        except Exception as error:
            raise_failure(error, "baml.llm.StreamParser.finish")

    return Pending(Lazy(read))


def options_of(scope: Scope, client: Instance) -> Options:
    """Return the options of a client value, as they were when it was made, if that was for the attempt under way."""
    name, known = client.get("name"), scope.options
    if known is not None and known.client.name == name:
        return known
    return client_options(scope, clients.client(scope.clients, name))


def client_options(scope: Scope, info: ClientInfo) -> Options:
    """Return the options of a client, against the call's environment now."""
    return scope.services.options.of(info, client_environment(scope))


def type_of(return_type: Any) -> Type:
    """Return the type in a value of ``get_return_type``, with its attributes.

    Raises :class:`Thrown` (``InvalidArgument``) if the value is not a type.
    """
    if not isinstance(return_type, TypeValue):
        raise invalid("not a return type: pass what baml.llm.get_return_type gave")
    return return_type.type


def form_for(scope: Scope, options: Options, type_: Type) -> Form | None:
    """Return the form in which a client is asked for answers of a type, or None where the prompt alone asks."""
    mode = options.output_mode()
    return None if mode == "prompt" else scope.readers.form(type_, mode)


def text_output(readers: Readers, function: str, type_: Type) -> Output:
    """Return the parser of an answer of an LLM function that a host has as text.

    Where the function's first client asks by a schema, the text may have the value wrapped, as it was asked for.
    """
    known = readers.schema.clients
    name, seen = clients.llm_function(readers.schema, function).client, set[str]()
    found = known.get(name)
    while found is not None and clients.strategy(found) is not None and found.name not in seen:
        seen.add(found.name)
        found = known.get(next(iter(clients.children(found)), ""))
    mode = found.options.get("output_mode") if found is not None and isinstance(found.options, dict) else None
    form = readers.form(type_, mode) if mode in OUTPUT_MODES else None
    if form is None or not form.shapes[0].wrapped:
        return readers.output(type_)
    return readers.output(type_, replace(form, are_tools=False))


def answered_value(scope: Scope, type_: Type, answer: AnswerSource, length: int, options: Options) -> Any:
    """Return the value of a whole answer of ``length`` characters to a request of a client, or a :class:`Pending`.

    Raises :class:`Thrown` (``ParseFailed``).
    """
    form = form_for(scope, options, type_)
    parser = scope.readers.output(type_, form).stream(options.keeps_reasoning(), scope.trace.parse)

    def read() -> Value:
        if form is None:
            parsing.fed(parser, answer.take_content())
        else:
            parser.take(answer)
        return _finished(scope, parser, type_)

    return apart(parser.close, length, read)


def _final_value(scope: Scope, parser: StreamParser, type_: Type, content: str) -> Value:
    """Return the value of a text that is no client's answer.  Raises :class:`Thrown` (``ParseFailed``)."""
    return enforced(scope.readers, type_, parsing.finished(parsing.fed(parser, content)), content)


def _finished(scope: Scope, parser: StreamParser, type_: Type) -> Value:
    """Return the value of the answer of the attempt under way, and note the reasoning that was in it."""
    content = parser.text()
    try:
        value = parsing.finished(parser, _cut_by(scope))
    finally:
        if scope.attempt is not None and any(mark in content for mark in _TAG_MARKS):
            scope.attempt.reasoning = scope.attempt.reasoning or parser.reasoning()
    return enforced(scope.readers, type_, value, content)


def enforced(readers: Readers, type_: Type, value: Value, content: str) -> Value:
    """Return a parsed value with its type's asserts enforced.  Raises :class:`Thrown` (``ParseFailed``)."""
    constraints = readers.constraints
    if not constraints.concern("assert", type_):
        return value
    try:
        return constraints.enforce(value, type_)
    except AssertionFailed as failed:
        fields = {"message": str(failed), "path": failed.path or None, "raw": content}
        raise Thrown("baml.errors.ParseFailed", fields) from None


def _cut_by(scope: Scope) -> str | None:
    """Return the finish reason of the answer under way if a limit of tokens cut it, else None."""
    reason = scope.finish_reason if scope.attempt is None else scope.attempt.finish_reason
    return reason if reason is not None and reason.casefold() in LIMITS else None
