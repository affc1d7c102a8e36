"""Hostile answers: JSON that is no good, values that cost their reader most, and what is said beside the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import bamlvm
from tests.attack.case import Attack
from tests.attack.hostile import (
    ANYHOW,
    BOTH,
    LATE_CALL,
    PROGRAM,
    VALUE,
    Request,
    Script,
    Way,
    meet,
    sends,
    serve,
)
from tests.support.own_time import own_time


def _answer(content: str = '"hi there"', usage: str = "{}", more: str = "") -> Script:
    """Return a script that answers with JSON put together from texts, streamed or whole."""

    def body(request: Request) -> bytes:
        part = "delta" if request.streams else "message"
        text = f'{{"choices":[{{"{part}":{{"content":{content}}},"finish_reason":"stop"}}],"usage":{usage}{more}}}'
        whole = text.encode("utf-8", "surrogateescape")
        return request.whole(b"data: " + whole + b"\n\ndata: [DONE]\n\n" if request.streams else whole)

    return sends(body)


def bad_json() -> str:
    fits = {
        "key": _answer(more=f',"{"k" * 5_000_000}":1'),
        "integer": _answer(more=f',"x":{"9" * 5_000_000}'),
        "fraction": _answer(more=f',"x":0.{"9" * 5_000_000}'),
        "infinite": _answer(more=',"x":1e400,"y":-1e999999,"z":NaN'),
        "twice": _answer(content='"evil","content":"hi there"'),
        "keys": _answer(more="".join(f',"k{number}":1' for number in range(200_000))),
        "lists": _answer(usage='{"prompt_tokens":"x"}', more=f',"x":[{"[]," * 500_000}1]'),
        "objects": _answer(usage='{"prompt_tokens":"x"}', more=f',"x":[{"{}," * 500_000}1]'),
    }
    meet(fits, dict.fromkeys(fits, VALUE), ANYHOW)
    fails = {
        "nested": _answer(more=f',"x":{"[" * 1_000_000}{"]" * 1_000_000}'),
        "nested-objects": _answer(more=',"x":' + '{"a":' * 300_000 + "1" + "}" * 300_000),
        "millions": _answer(usage='{"prompt_tokens":"x"}', more=f',"x":[{"[]," * 4_000_000}1]'),
        "choices-twice": _answer(more=',"choices":[]'),
        "half-a-character": _answer(content='"\\ud83d"'),
        "half-a-byte": _answer(content='"hi there'),
        "two-texts": _answer(more='}{"error":{"message":"broken off"}'),
    }
    meet(fails, dict.fromkeys(fails, "LlmClient"), BOTH)
    return "a value, or a failed attempt"


def absurd_counts() -> str:
    absurd = ("-1", "1e400", "-1e400", "NaN", "9" * 30, "9" * 5000, '"7"', "1.5", "true", "[]", "{}", "null")
    scripts = {
        f"count-{place}": _answer(usage=f'{{"prompt_tokens":{value},"completion_tokens":{value}}}')
        for place, value in enumerate(absurd)
    }
    meet(scripts, dict.fromkeys(scripts, VALUE), ANYHOW)
    source = PROGRAM.replace("PROVIDER", "openai-generic").replace("RESULT", "string").replace("MORE", "")
    collector = bamlvm.Collector()
    with serve(scripts) as url, bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        for name in scripts:
            context = bamlvm.CallContext(env={"URL": f"{url}/{name}"}, timeout=10, collectors=[collector])
            runtime.call_function_sync("F", {"x": "hi"}, context)
    assert len(collector.calls) == len(scripts)
    for call in collector.calls:
        (record,) = call.attempts
        assert (record.input_tokens, record.output_tokens) == (None, None), record
    return "a value, and no count"


def costly_values() -> str:
    texts = {
        "braces": "{" * 200_000,
        "lists": "[" + "[]," * 1_000_000 + "1]",
        "nested": "[" * 100_000 + "]" * 100_000,
        "objects": "[" + '{"name": "a", "n": 1},' * 50_000 + "1]",
        "keys": "{" + ",".join(f'"k{number}": {number}' for number in range(100_000)) + "}",
        "fences": "```json\n" * 50_000,
        "quotes": '"' * 200_000,
        "backslashes": '{"name": "' + "\\" * 300_000,
        "colons": "{" + ":" * 300_000,
        "words": "a b " * 300_000,
        "digits": '{"name": "a", "n": ' + "9" * 100_000 + "}",
        "exponent": '{"name": "a", "n": 1e999999999}',
        "no-number": '{"name": "a", "n": NaN, "f": Infinity}',
        "tags": "<think>" * 100_000,
    }
    scripts = {name: _answer(content=json.dumps(text)) for name, text in texts.items()}
    ending = dict.fromkeys(scripts, f"{VALUE}|ParseFailed|{LATE_CALL}")
    for result in ("Item[]", "int | string | Item"):
        meet(scripts, ending, [Way("own", streams, 0.7) for streams in (True, False)], result=result)
    return "a value, a failed attempt, or the deadline"


def waits() -> str:
    """``Retry-After`` is waited for up to the policy's ``max_delay_ms``, whatever a server asks for."""
    asked = {
        "year": b"31536000",
        "negative": b"-5",
        "past": b"Mon, 01 Jan 1990 00:00:00 GMT",
        "far": b"Fri, 31 Dec 9999 23:59:59 GMT",
        "zero": b"Mon, 01 Jan 0000 00:00:00 GMT",
        "zone": b"Mon, 01 Jan 2040 00:00:00 +9999999",
        "infinite": b"inf",
        "huge": b"1e400",
        "digits": b"9" * 60_000,
        "words": b"soon",
        "dates": b"Mon, " * 20_000,
    }
    scripts = {
        name: sends(b"HTTP/1.1 429 Too Many Requests\r\nretry-after: " + value + b"\r\ncontent-length: 2\r\n\r\n{}")
        for name, value in asked.items()
    }
    began = own_time()
    meet(scripts, dict.fromkeys(scripts, "HttpStatus"), BOTH, function="R")
    assert own_time() - began < 30
    return "the wait that the client's policy allows"


ATTACKS: Final[Sequence[Attack]] = (
    Attack(
        "JSON nested, doubled, endless, and of numbers that are none",
        "a value, or a failed attempt",
        bad_json,
        seconds=120,
        short=False,
    ),
    Attack("counts of tokens that are absurd", "a value, and no count", absurd_counts, seconds=60),
    Attack(
        "values that cost their reader most",
        "a value, a failed attempt, or the deadline",
        costly_values,
        seconds=240,
        short=False,
    ),
    Attack(
        "waits of a year, in the past, and of no number",
        "the wait that the client's policy allows",
        waits,
        seconds=60,
        short=False,
    ),
)
