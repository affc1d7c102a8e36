"""What is fuzzed: functions of bytes that raise :class:`AssertionError` (or anything else) if a rule is broken.

    sse           the parser of server-sent events, against the slow reference, however the bytes are split
    accumulators  every provider's, however the events are batched
    replay        the reader of recordings, and the transport that answers from one
    answers       every provider's reader of whole answers, with values of other types in any place
    parsing       the parser of answers: pieces against the whole, for types of every kind
    linking       a compiled program that somebody has changed, refused or run (:mod:`tests.fuzz.linking`)

The first bytes of an input decide how it is used (:class:`Choices`), so that a fuzzer can find that too.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from bamlvm.replay import ReplayError, ReplayTransport, ReplayWarning, read_recording
from bamlvm.sysops.parsing import Output, final_parse, finished, output_of
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.sysops.web.batches import read_events
from bamlvm.sysops.web.sse import Event, EventTooLargeError, SseParser
from bamlvm.vm.equality import deep_equals
from bamlvm.vm.values import Thrown
from tests.fuzz import sse_reference
from tests.fuzz.linking import linking

_WIRES: Final = tuple(WIRES)


class Choices:
    """Small numbers from the head of an input, the rest of which is ``rest``."""

    def __init__(self, data: bytes, count: int) -> None:
        self._head = data[:count].ljust(count, b"\0")
        self.rest = data[count:]

    def pick(self, place: int, below: int) -> int:
        return self._head[place] % below

    def split(self, place: int, items: Any) -> list[Any]:
        """A sequence cut every few items."""
        size = self.pick(place, 16) + 1
        return [items[at : at + size] for at in range(0, len(items), size)]


# --- server-sent events -----------------------------------------------------------------------------------------------


def sse(data: bytes) -> None:
    """The parser says what the reference says, and again when the input comes in pieces."""
    choices = Choices(data, 3)
    keep = choices.pick(0, 2) == 1
    limit = (1 << 62, 16, 64)[choices.pick(1, 3)]
    expected = sse_reference.read(choices.rest, keep, limit)
    for chunks in ([choices.rest], choices.split(2, choices.rest)):
        parser = SseParser(limit, keep)
        events: list[Event] = []
        too_large = False
        try:
            for chunk in chunks:
                events += parser.feed(chunk)
            events += parser.close()
        except EventTooLargeError:
            too_large = True
        assert events == expected.events, (events, expected)
        assert too_large == expected.too_large
        if not too_large:
            assert (parser.comments, parser.retry) == (expected.comments, expected.retry)


# --- accumulators -----------------------------------------------------------------------------------------------------


def _told(wire: str, batches: list[list[Event]]) -> tuple[Any, ...]:
    """All that an accumulator says after batches of events, and what it threw."""
    accumulator = WIRES[wire].accumulator()
    taken, thrown = "", None
    try:
        for batch in batches:
            try:
                accumulator.add(batch)
            finally:
                taken += accumulator.take_content()
    except Thrown as error:
        assert error.class_name == "baml.errors.LlmClient"
        thrown = error.fields["message"]
    assert taken == accumulator.content()
    assert len(taken) == accumulator.content_length()
    return (
        taken,
        thrown,
        accumulator.reasoning(),
        accumulator.refusal(),
        accumulator.is_done(),
        accumulator.is_truncated(),
        accumulator.model(),
        accumulator.finish_reason(),
        accumulator.input_tokens(),
        accumulator.output_tokens(),
    )


def accumulators(data: bytes) -> None:
    """Any events, in any batches: the same answer or the same error.  A line is an event; ``name|data`` names it."""
    choices = Choices(data, 2)
    wire = _WIRES[choices.pick(0, len(_WIRES))]
    events = []
    for line in choices.rest.decode("utf-8", "replace").split("\n"):
        name, bar, payload = line.partition("|")
        events.append(Event(name, payload, "") if bar and name.isidentifier() else Event("message", line, ""))
    whole = _told(wire, [events])
    assert _told(wire, [[event] for event in events]) == whole
    assert _told(wire, choices.split(1, events)) == whole
    try:
        read_events(choices.rest.decode("utf-8", "replace"))
    except Thrown as error:
        assert error.class_name == "baml.errors.InvalidArgument"


# --- whole answers ----------------------------------------------------------------------------------------------------

_MISTYPED: Final = (None, True, -1, 1.5, 1 << 70, "", "text", "\ud800", [], [None], [[]], {}, {"": None}, {"type": []})


def _mistyped(value: Any, places: list[int], choices: list[int]) -> Any:
    """JSON with other values in some places, which are counted in the order of the text."""
    places[0] += 1
    if places[0] in places[1:]:
        return _MISTYPED[choices[places[1:].index(places[0])] % len(_MISTYPED)]
    if isinstance(value, dict):
        return {key: _mistyped(part, places, choices) for key, part in value.items()}
    return [_mistyped(part, places, choices) for part in value] if isinstance(value, list) else value


def answers(data: bytes) -> None:
    """An answer is read or refused as an answer, whatever it is and whatever types it has."""
    choices = Choices(data, 5)
    wire = WIRES[_WIRES[choices.pick(0, len(_WIRES))]]
    text = choices.rest.decode("utf-8", "replace")
    bodies = [text]
    try:
        value = json.loads(text)
        changed = _mistyped(
            value, [0, choices.pick(1, 64), choices.pick(2, 64)], [choices.pick(3, 256), choices.pick(4, 256)]
        )
        bodies.append(json.dumps(changed))
    except (ValueError, RecursionError):
        pass
    for body in bodies:
        try:
            found = wire.read(body)
        except Thrown as error:
            assert error.class_name == "baml.errors.LlmClient", error.class_name
            assert isinstance(error.fields["message"], str)
            continue
        assert isinstance(found.content, str) and isinstance(found.reasoning, str)
        for each in (found.model, found.finish_reason, found.refusal):
            assert each is None or isinstance(each, str), each


# --- recordings -------------------------------------------------------------------------------------------------------


def _driven(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """A coroutine that only yields, run to its end."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


async def _replayed(transport: ReplayTransport, request: httpx.Request) -> None:
    try:
        response = await transport.handle_async_request(request)
        async for _ in response.aiter_raw():
            pass
    except (ReplayError, httpx.RequestError):
        pass


def replay(data: bytes) -> None:
    """Any file is a recording or refused by name and line; what a recording holds can be asked for."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ReplayWarning)  # of a last line that breaks off
                exchanges = read_recording(path)
                transport = ReplayTransport(path)
        except ReplayError as error:
            assert str(path) in str(error)
            return
        for exchange in exchanges:
            body = exchange.request.body
            content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body.base64
            try:
                request = httpx.Request(exchange.request.method, exchange.request.url, content=content)
            except Exception:  # no client could send that
                continue
            _driven(_replayed(transport, request))


# --- answers ----------------------------------------------------------------------------------------------------------

TYPES: Final = """
enum Kind { SPAM  HAM @alias("not spam") }
class Item { name string  price float?  kind Kind  tags string[]  @@dynamic }
class Tree { label string  children Tree[] }
class Order { id int  items Item[]  notes map<string, string>  either string | int | Item  done bool? }
function a() -> Order { panic }
function b() -> Tree { panic }
function c() -> Item[] { panic }
function d() -> map<string, int[]> { panic }
function e() -> Order | Tree | string[] { panic }
function f() -> Kind { panic }
function g() -> int { panic }
function h() -> "yes" | "no" | null { panic }
function i() -> float | bool { panic }
""".replace("  @@dynamic", "").replace("{ panic }", '{ client "openai/m" prompt #"x"# }')


@cache
def _outputs() -> list[Output]:
    from bamlvm.build.cache import Cache
    from bamlvm.build.loading import load
    from bamlvm.sysops.table import load as load_sysops
    from bamlvm.vm.linker import Program
    from bamlvm.vm.natives import load_natives

    loaded = load({"types.baml": TYPES}, True, Cache.default())
    program: Any = Program.link([loaded.standard, loaded.unit], load_natives(), load_sysops())
    return [output_of(loaded.unit.signatures[name].result, program) for name in "abcdefghi"]


def _value(parse: Callable[[], Any]) -> tuple[Any, str | None]:
    try:
        return parse(), None
    except Thrown as error:
        assert error.class_name == "baml.errors.ParseFailed", error.class_name
        return None, str(error.fields["message"])


def parsing(data: bytes) -> None:
    """The value of a text fed in pieces is that of the whole; partial values never throw."""
    choices = Choices(data, 2)
    outputs = _outputs()
    output = outputs[choices.pick(0, len(outputs))]
    text = choices.rest.decode("utf-8", "replace")
    whole, refused = _value(lambda: final_parse(output, text))
    parser = output.stream()
    for piece in choices.split(1, text):
        parser.feed(piece)
    value, why = _value(lambda: finished(parser))
    assert why == refused, (why, refused)
    assert deep_equals(value, whole), (value, whole)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    target.__name__: target for target in (sse, accumulators, answers, replay, parsing, linking)
}
