"""Hostile recordings: files that somebody else wrote or cut."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

import bamlvm
from bamlvm.replay import ReplayTransport
from tests.attack.case import Attack, ending

_PROGRAM: Final = """
client<llm> C { provider openai  options { model "m"  supports_streaming false } }
function F() -> string { client C  prompt #"hi"# }
"""


def _replayed(line: dict[str, Any] | bytes) -> str:
    """Answer a call from a recording of one line."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "tape")
        path.write_bytes(line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n")

        def call() -> object:
            with bamlvm.Runtime.from_files({"main.baml": _PROGRAM}, transport=ReplayTransport(path)) as runtime:
                return runtime.call_function_sync("F", {}, bamlvm.CallContext(timeout=5))

        return ending(call)


def _exchange(**response: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": "https://api.openai.com/v1/chat/completions",
        "headers": [],
        "body": '{"model":"m","messages":[{"role":"system","content":"hi"}]}',
    }
    answered = {"status": 200, "headers": [], "at": 0.0, **response}
    return {"request": request, "response": answered, "chunks": [[0.0, "{}"]], "end": "complete"}


def _deep() -> str:
    found = _exchange()
    found["request"]["body"] = "[" * 200_000
    return _replayed(found)


def _nested() -> str:
    return _replayed(b"[" * 5_000_000)


def _pipe() -> str:
    with TemporaryDirectory() as folder:
        os.mkfifo(Path(folder, "tape"))
        return ending(lambda: ReplayTransport(Path(folder, "tape")))


def _cut() -> str:
    whole = msgspec.json.encode(_exchange())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (only,) = {_replayed(whole[:end]) for end in (1, len(whole) // 2, len(whole) - 1)}
    return only


def _odd(**response: Any) -> Callable[[], str]:
    return lambda: _replayed(_exchange(**response))


ATTACKS: Final[Sequence[Attack]] = (
    Attack("a request's body nested 200,000 deep", "ReplayError", _deep),
    Attack("a line nested five million deep", "ReplayError", _nested),
    Attack("a pipe in its place", "ReplayError", _pipe),
    Attack("cut anywhere", "ReplayError", _cut),
    Attack("an answer that is none", "AllAttemptsFailed", _odd()),
    Attack("a status that does not exist", "AllAttemptsFailed", _odd(status=99999)),
    Attack("a header that no header can be", "AllAttemptsFailed", _odd(headers=[["a\r\n b", "\u20ac\0"]])),
    Attack("a body in a coding that it is not in", "AllAttemptsFailed", _odd(headers=[["content-encoding", "gzip"]])),
)
