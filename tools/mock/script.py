"""Scripts: the mock server's answers as data (TOML or JSON), and which answer a request gets.

A script is a list of rules.  The first rule that matches a request and has an answer left answers it.  A rule's answers
are used in order; ``after`` says what follows the last one: ``repeat`` it (the default), ``cycle`` to the first, or
``pass`` the request on to the rules below.  A chat request that no rule answers gets an echo of its prompt; any other
path must be named by a rule.

    [[rules]]
    model = "gpt-*"                       # a glob; so is path
    prompt = "Say hello"                  # a part of the prompt's text
    answers = [
      { faults = [{ kind = "status", code = 503, retry_after = 1 }] },
      { pieces = ["Hello", ", ", "world", "!"], delay_ms = 40 },
    ]
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import msgspec

from bamlvm.build.inputs import read_text, shown
from bamlvm.errors import HostError
from bamlvm.tools.mock.faults import Fault
from bamlvm.tools.mock.forms import NOTHING, Asked, in_form
from bamlvm.tools.mock.wire import Question, Reply

_WORDS = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class ScriptError(Exception):
    """A script cannot be read; the message names the file and the place in it."""


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Token counts to report; those left out are counted in words."""

    input_tokens: int | None = None
    output_tokens: int | None = None


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of a tool; ``arguments`` are text, or any other value as JSON."""

    tool: str
    arguments: Any = msgspec.field(default_factory=dict)


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One answer.

    ``pieces`` are streamed one event each; with ``text`` alone they are its words, or runs of ``piece_length``
    characters.  ``delay_ms`` passes before each piece after the first, ``first_delay_ms`` before the first.
    Where a request asks for another form than text, they are sent in that form (:mod:`bamlvm.tools.mock.forms`);
    ``calls`` are sent as they are, after the text if there is any.  ``finish_reason`` is sent unchanged.  ``sse``
    streams the pieces as plain events, on paths that are not a provider's.
    """

    text: str | None = None
    pieces: tuple[str, ...] | None = None
    calls: tuple[Call, ...] | None = None
    piece_length: int | None = None
    reasoning: str = ""
    delay_ms: float | None = None
    first_delay_ms: float = 0
    finish_reason: str | None = None
    usage: Usage = Usage()
    sse: bool = False
    faults: tuple[Fault, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests (all conditions that are set must hold) get which answers.

    ``function`` matches in the same process only (:class:`bamlvm.mock.MockTransport`).
    """

    name: str = ""
    path: str | None = None
    model: str | None = None
    prompt: str | None = None
    stream: bool | None = None
    function: str | None = None
    answers: tuple[Answer, ...] = (Answer(),)
    after: Literal["repeat", "cycle", "pass"] = "repeat"


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rules; the ``delay_ms`` of answers that do not set their own; ``faults`` of every answer, before its own."""

    rules: tuple[Rule, ...] = ()
    delay_ms: float = 0
    faults: tuple[Fault, ...] = ()


class Player:
    """A script being played: counts the answers of each rule.  Belongs to one server and its event loop."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._used = [0] * len(script.rules)

    def choose(self, question: Question, named: bool = False) -> tuple[Rule | None, Answer]:
        """Return the rule that answers, None for the echo, and its answer.

        With ``named`` only rules that name a path can answer: the request is not for a provider's format.
        """
        for index, rule in enumerate(self.script.rules):
            if not _matches(rule, question) or (named and rule.path is None):
                continue
            count, used = len(rule.answers), self._used[index]
            if count == 0 or (rule.after == "pass" and used >= count):
                continue
            self._used[index] += 1
            return rule, rule.answers[used % count if rule.after == "cycle" else min(used, count - 1)]
        return None, Answer()


def load_script(path: Path) -> Script:
    """Read the script in a ``.json`` or ``.toml`` file; raises :class:`ScriptError`."""
    try:
        text = read_text(path, streams=True).removeprefix("\ufeff")
    except HostError as error:
        raise ScriptError(f"cannot read the script {error}") from None
    decode = msgspec.json.decode if path.suffix == ".json" else msgspec.toml.decode
    try:
        return decode(text, type=Script)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ScriptError(f"{shown(path)}: {error}") from None


def script_from(data: Mapping[str, Any]) -> Script:
    """Convert plain data of the shape of a script file; raises :class:`ScriptError`."""
    try:
        return msgspec.convert(data, type=Script)
    except msgspec.ValidationError as error:
        raise ScriptError(str(error)) from None


def reply_to(question: Question, answer: Answer, wanted: Asked = NOTHING, *, number: int, delay_ms: float) -> Reply:
    """Return the answer in pieces and in the form that is wanted, or an echo of the question.

    ``number`` makes the ids of replies distinct.
    """
    text = answer.text
    if text is None and answer.pieces is None and answer.calls is None:
        text = f"{question.model or 'mock'} was asked: {question.last_text or question.prompt}"
    pieces = answer.pieces if answer.pieces is not None else split_text(text or "", answer.piece_length)
    if answer.calls is None:
        pieces, calls = in_form(pieces, wanted)
    else:
        calls = [(call.tool, split_text(_arguments(call), answer.piece_length)) for call in answer.calls]
    wait = (delay_ms if answer.delay_ms is None else answer.delay_ms) / 1000
    usage = answer.usage
    return Reply(
        number=number,
        model=question.model or "mock",
        pieces=pieces,
        reasoning=answer.reasoning,
        finish_reason=answer.finish_reason,
        input_tokens=len(question.prompt.split()) if usage.input_tokens is None else usage.input_tokens,
        output_tokens=len(pieces) + sum(len(each) for _, each in calls)
        if usage.output_tokens is None
        else usage.output_tokens,
        wait=wait,
        first_wait=answer.first_delay_ms / 1000,
        calls=calls,
    )


def _arguments(call: Call) -> str:
    return call.arguments if isinstance(call.arguments, str) else msgspec.json.encode(call.arguments).decode()


def split_text(text: str, length: int | None) -> Sequence[str]:
    """Split a text into runs of ``length`` characters, or into words with the space before them."""
    if length is not None and length > 0:
        return [text[start : start + length] for start in range(0, len(text), length)]
    return _WORDS.findall(text)


def _matches(rule: Rule, question: Question) -> bool:
    return (
        (rule.path is None or fnmatchcase(question.path, rule.path))
        and (rule.model is None or fnmatchcase(question.model, rule.model))
        and (rule.prompt is None or rule.prompt in question.prompt)
        and (rule.stream is None or rule.stream == question.stream)
        and (rule.function is None or fnmatchcase(question.function, rule.function))
    )
