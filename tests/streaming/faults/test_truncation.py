"""A stream cut at every byte: the whole answer or a failed attempt, never a short success.

The bytes are those of the whole HTTP response, head, chunk sizes and all; each cut is a connection of its own that
ends there.  Where the answer is whole is known from the recorded stream: after the event with the finish reason.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import bamlvm
from bamlvm.build.cache import Cache
from bamlvm.build.loading import load
from tests.streaming.faults.outcomes import STREAM_HEAD, chunk, encoded_whole, head, served
from tests.streaming.faults.server import CLOSE, FaultServer
from tests.streaming.faults.wires import WIRES, Wire, encoded, without

TEXT = "Hé 🙂"
AT_ONCE = 40


def program(wire: Wire) -> Any:
    source = f"""
client<llm> C {{ provider {wire.provider}  options {{ model "m"  api_key "k"  base_url env.URL  {wire.options} }} }}
function F(input: string) -> string {{ client C  prompt #"{{{{ input }}}}"# }}
"""
    return load({"main.baml": source}, True, Cache.default())


async def outcome(runtime: bamlvm.Runtime, url: str, stream: bool) -> str:
    """What the host sees: the answer, or the class of the attempt's error."""
    context = bamlvm.CallContext(env={"URL": url}, timeout=30)
    try:
        if stream:
            return str(await runtime.stream("F", {"input": "x"}, context).final())
        return str(await runtime.call_function("F", {"input": "x"}, context))
    except bamlvm.ThrownError as error:
        (attempt,) = error.value.attempts
        return type(attempt.error).__name__


async def outcomes(wire: Wire, cuts: list[list[Any]], stream: bool) -> list[str]:
    """What comes of each answer, some of them at a time."""
    found = [""] * len(cuts)
    waiting = list(enumerate(cuts))
    async with bamlvm.Runtime(program(wire)) as runtime, FaultServer() as server:

        async def work() -> None:
            while waiting:
                index, answer = waiting.pop()
                server.play(str(index), answer)
                found[index] = await outcome(runtime, server.url(str(index)), stream)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        assert runtime.handles == 0
        assert not runtime.engine.active
    return found


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_a_stream_cut_at_every_byte(wire: Wire) -> None:
    events = without(wire.events((TEXT[:1], TEXT[1:])), "other")
    pieces = [chunk(piece) for piece in encoded(events)]
    (stream_head,) = served([STREAM_HEAD], wire)
    everything = stream_head + b"".join(pieces) + b"0\r\n\r\n"
    place = max(place for place, event in enumerate(events) if event.role in ("finish", "done"))
    finish = min((place for place, event in enumerate(events) if event.role == "finish"), default=place)
    whole_from = len(stream_head) + sum(map(len, pieces[: finish + 1])) - len(b"\r\n")
    if wire.name == "google-ai":  # a finish reason may stand on every chunk, so that only a proper end is the end
        whole_from = len(everything)
    found = await outcomes(wire, [[everything[:cut], CLOSE] for cut in range(len(everything))], stream=True)
    for cut, result in enumerate(found):
        if cut < len(stream_head):
            assert result == "Network", (cut, everything[:cut])
        elif cut >= whole_from:
            assert result == TEXT, (cut, everything[cut - 20 : cut])
        else:
            assert result == "StreamTruncated", (cut, everything[cut - 20 : cut])


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_a_stream_that_ends_properly_at_every_byte(wire: Wire) -> None:
    """HTTP says that the body is whole; only the provider's own end counts."""
    events = without(wire.events((TEXT[:1], TEXT[1:])), "other")
    pieces = encoded(events)
    body = b"".join(pieces)
    finish = next(place for place, event in enumerate(events) if event.role in ("finish", "done"))
    whole_from = sum(map(len, pieces[: finish + 1]))
    (stream_head,) = served([STREAM_HEAD], wire)
    answers: list[list[Any]] = [[stream_head, chunk(body[:cut]), b"0\r\n\r\n"] for cut in range(1, len(body), 3)]
    found = await outcomes(wire, answers, stream=True)
    for cut, result in zip(range(1, len(body), 3), found, strict=True):
        assert result == (TEXT if cut >= whole_from else "StreamTruncated"), (cut, body[cut - 20 : cut])


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
async def test_a_whole_answer_cut_at_every_byte(wire: Wire) -> None:
    body = encoded_whole(wire, TEXT)
    everything = head("HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}") + body
    found = await outcomes(wire, [[everything[:cut], CLOSE] for cut in range(len(everything))], stream=False)
    assert set(found) == {"Network"}
