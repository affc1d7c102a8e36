"""``baml.llm``: the sys-ops that every runtime loads, and those that run once per event.

``stdlib/llm.baml`` is written on these and on those of two modules that are imported when an LLM is first called:
:mod:`bamlvm.sysops.llm_clients` (what depends on a client: prompts, requests, whole answers) and
:mod:`bamlvm.sysops.llm_parsing` (what depends on a return type).  So this module imports next to nothing.

None of them waits, except for hooks that do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Final

from bamlvm.sysops import attempts
from bamlvm.sysops.errors import raise_failure
from bamlvm.sysops.pending import Lazy, deferred
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.values import Instance, Pending

if TYPE_CHECKING:
    from bamlvm.sysops.parsing import StreamParser
    from bamlvm.sysops.providers.accumulator import Accumulator
    from bamlvm.sysops.providers.usage import Tokens
    from bamlvm.sysops.records import AttemptRecord

ACCUMULATOR: Final = "stream_accumulator"
PARSER: Final = "stream_parser"

_MUCH: Final = 4096
"""Characters that a parser reads at once; more of them, where reading may be slow, are read in a thread."""


# --- accumulators and parsers: resources of the handle table ----------------------------------------------------------


class StreamState:
    """The resource behind a ``StreamAccumulator``: an accumulator, how much of its content was reported as new, and how
    much of it a parser has read."""

    __slots__ = ("_length", "accumulator", "read")

    def __init__(self, accumulator: Accumulator) -> None:
        self.accumulator = accumulator
        self._length = 0
        self.read = 0

    def add(self, events: str, scope: Scope) -> bool:
        """Take a batch of events and write what is known now into the attempt's record; True if the content grew."""
        source = self.accumulator
        try:
            source.add(scope.read_batch(events))
        except Exception as error:
            raise_failure(error, "baml.llm.StreamAccumulator.add_events")
        finally:
            attempt = scope.attempt
            if attempt is None:
                scope.finish_reason = source.finish_reason()
            else:
                # The text is read when the attempt ends: joining it after each batch would be quadratic.
                scope.attempt_text = source.content
                scope.attempt_reasoning = source.reasoning
                attempt.model = source.model() or attempt.model
                attempt.finish_reason = source.finish_reason()
                note_tokens(attempt, source.tokens)
        length = source.size()
        grew = length > self._length
        self._length = length
        return grew

    def close(self) -> None:
        """Do nothing: an accumulator holds nothing that must be closed."""


def note_tokens(attempt: AttemptRecord, tokens: Tokens) -> None:
    """Write what a provider has counted so far into the attempt's record."""
    attempt.input_tokens = tokens.input
    attempt.output_tokens = tokens.output
    attempt.cached_input_tokens = tokens.cached_input
    attempt.cache_write_tokens = tokens.cache_write
    attempt.reasoning_tokens = tokens.reasoning


@sysop("baml.llm.StreamAccumulator.add_events")
def add_events(scope: Scope, accumulator: Instance, events: str) -> bool:
    state: StreamState = scope.services.handles.get(accumulator.get("_handle"), ACCUMULATOR, scope.owner)
    return state.add(events, scope)


def _method(name: str) -> Callable[[Scope, Instance], Any]:
    """Return the sys-op that calls the method ``name`` of an accumulator, which takes no arguments."""
    call = methodcaller(name)

    @sysop(f"baml.llm.StreamAccumulator.{name}")
    def method(scope: Scope, accumulator: Instance) -> Any:
        return call(scope.services.handles.get(accumulator.get("_handle"), ACCUMULATOR, scope.owner).accumulator)

    return method


GENERATED: Final = tuple(
    map(
        _method,
        (
            "check_answered",
            "content",
            "finish_reason",
            "input_tokens",
            "is_done",
            "is_interrupted",
            "is_truncated",
            "model",
            "output_tokens",
            "take_content",
        ),
    )
)


@sysop("baml.llm.StreamAccumulator.reasoning")
def accumulator_reasoning(scope: Scope, accumulator: Instance) -> str:
    state: StreamState = scope.services.handles.get(accumulator.get("_handle"), ACCUMULATOR, scope.owner)
    found = state.accumulator.reasoning()
    if found:
        return found
    from bamlvm.sysops.parsing.reasoning import split_string

    return split_string(state.accumulator.content()).reasoning


@sysop("baml.llm.StreamAccumulator.close")
def accumulator_close(scope: Scope, accumulator: Instance) -> None:
    scope.services.handles.close(accumulator.get("_handle"), ACCUMULATOR, scope.owner)


@sysop("baml.llm.StreamParser.feed")
def parser_feed(scope: Scope, parser: Instance, text: str) -> Any:
    state: StreamParser = scope.services.handles.get(parser.get("_handle"), PARSER, scope.owner)[0]
    return _partial(scope, state, len(text), lambda: state.feed(text))


@sysop("baml.llm.StreamParser.read")
def parser_read(scope: Scope, parser: Instance, accumulator: Instance) -> Any:
    handles = scope.services.handles
    state: StreamParser = handles.get(parser.get("_handle"), PARSER, scope.owner)[0]
    source: StreamState = handles.get(accumulator.get("_handle"), ACCUMULATOR, scope.owner)
    size = source.accumulator.size()
    length, source.read = size - source.read, size
    return _partial(scope, state, length, lambda: state.take(source.accumulator))


def _partial(scope: Scope, parser: StreamParser, length: int, read: Callable[[], Any]) -> Any:
    """Return what a parser makes of ``length`` characters more.

    Some texts take it microseconds a character, and a server decides how many come at once.
    """
    if length > _MUCH and parser.is_costly:
        return Pending(Lazy(lambda: _partial_apart(scope, parser, read)))
    try:
        scope.partial = partial = read()
    except Exception as error:
        raise_failure(error, "baml.llm.StreamParser.read")
    return partial


async def _partial_apart(scope: Scope, parser: StreamParser, read: Callable[[], Any]) -> Any:
    from bamlvm.sysops.threads import in_thread_until_cancelled

    try:
        scope.partial = partial = await in_thread_until_cancelled(read, parser.close)
    except Exception as error:
        raise_failure(error, "baml.llm.StreamParser.read")
    return partial


@sysop("baml.llm.StreamParser.close")
def parser_close(scope: Scope, parser: Instance) -> None:
    scope.services.handles.close(parser.get("_handle"), PARSER, scope.owner)


# --- attempts ---------------------------------------------------------------------------------------------------------


@sysop("baml.llm.attempt_started")
def attempt_started(scope: Scope, function_name: str, client: str, provider: str) -> Any:
    return deferred(attempts.start(scope, function_name, client, provider))


@sysop("baml.llm.attempt_failed")
def attempt_failed(scope: Scope, error: Any) -> Any:
    settled = _settled(scope, False)
    record, hooked = attempts.fail(scope, error)
    value = scope.new_instance(
        "baml.errors.Attempt",
        client=record.client if record else "",
        provider=record.provider if record else "",
        attempt=record.number if record else 0,
        error=error,
        text=record.text if record else "",
    )
    return deferred(hooked, value) if settled is None else Pending(Lazy(lambda: _both(settled, hooked, value)))


@sysop("baml.llm.attempt_succeeded")
def attempt_succeeded(scope: Scope) -> Any:
    settled = _settled(scope, True)
    hooked = attempts.succeed(scope)
    return deferred(hooked) if settled is None else Pending(Lazy(lambda: _both(settled, hooked, None)))


def _settled(scope: Scope, succeeded: bool) -> Callable[[], Awaitable[None]] | None:
    """Return what is to be done about the cache when the attempt under way has ended, or None."""
    kept, scope.kept = scope.kept, None
    return None if kept is None else kept.settled(succeeded, scope.attempt_secrets)


async def _both(settled: Callable[[], Awaitable[None]], hooked: Any, value: Any) -> Any:
    await settled()
    if isinstance(hooked, Awaitable):
        await hooked
    return value


@sysop("baml.llm.trace")
def trace(scope: Scope, message: str) -> None:
    if (write := scope.trace.calls) is not None:
        write(f"call {scope.owner}: {message}")


@sysop("baml.llm.sole_failure")
def sole_failure(scope: Scope, failed: Instance, classes: list[str]) -> Any:
    attempts_made = failed.get("attempts")
    error = attempts_made[0].get("error") if len(attempts_made) == 1 else None
    return error if type(error) is Instance and error.class_name in classes else None


@sysop("baml.llm.monotonic_ms")
def monotonic_ms(scope: Scope) -> int:
    return int(scope.services.monotonic() * 1000)
