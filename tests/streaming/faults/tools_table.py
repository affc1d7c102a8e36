"""The faults of answers that are tool calls: a table of rows, as :mod:`tests.streaming.faults.table` has for text.

The function returns ``Refund | Ship``, so it offers two tools; with ``many`` it returns a list of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

PROGRAM: Final = """
class Refund { kind "refund"  order int  note string? }
class Ship { city string }
class Empty { note string? }
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> C { provider PROVIDER  retry_policy Once  options { OPTIONS  output_mode "tool" } }
function Either(input: string) -> Refund | Ship { client C  prompt #"{{ input }}"# }
function Many(input: string) -> (Refund | Ship)[] { client C  prompt #"{{ input }}"# }
function Maybe(input: string) -> Empty { client C  prompt #"{{ input }}"# }
"""

SHIP: Final = {"city": "Oslo"}
REFUND: Final = {"kind": "refund", "order": 7, "note": None}

Call = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ToolFault:
    """One answer, and what comes of the attempt that gets it.

    ``calls`` are tools and the text of their arguments, after ``text``; ``cut`` says that the limit of tokens ended the
    answer, ``breaks`` that the connection did, in the middle of the last arguments.  ``value`` is the function's value,
    ``error`` the class and a part of the message of the error.
    """

    title: str
    calls: Sequence[Call]
    value: Any = None
    error: tuple[str, str] | None = None
    function: Literal["Either", "Many", "Maybe"] = "Either"
    text: str = ""
    cut: bool = False
    breaks: bool = False
    whole_too: bool = True
    not_for: Mapping[str, str] = field(default_factory=dict)


_OBJECTS: Final = {
    "google-ai": "arguments are an object there, never text",
    "anthropic": "arguments are an object in whole answers",
    "aws-bedrock": "arguments are an object in whole answers",
}

TOOL_FAULTS: Final = (
    ToolFault("a call of one of the tools", [("Ship", '{"city": "Oslo"}')], SHIP),
    ToolFault("text before the call", [("Ship", '{"city": "Oslo"}')], SHIP, text="I will ship it."),
    ToolFault("text and no call", [], SHIP, text='It goes to {"city": "Oslo"}'),
    ToolFault(
        "text that is not the value, and no call", [], None, ("ParseFailed", "expected Refund or Ship"), text="Why?"
    ),
    ToolFault("nothing at all", [], None, ("ParseFailed", "expected Refund or Ship, got nothing")),
    ToolFault("a call of a tool that was not offered", [("Pay", "{}")], None, ("ParseFailed", "called the tool 'Pay'")),
    ToolFault(
        "two calls where one value was asked for",
        [("Ship", '{"city": "Oslo"}'), ("Ship", '{"city": "Bergen"}')],
        None,
        ("ParseFailed", "called 2 tools where one answer was asked for"),
    ),
    ToolFault("no arguments, and the class needs some", [("Ship", "")], None, ("ParseFailed", "city")),
    ToolFault("empty arguments, and the class needs some", [("Ship", "{}")], None, ("ParseFailed", "city")),
    ToolFault("no arguments, and the class needs none", [("Empty", "")], {"note": None}, function="Maybe"),
    ToolFault(
        "arguments of the other tool",
        [("Ship", '{"kind": "refund", "order": 7}')],
        None,
        ("ParseFailed", "expected Ship"),
    ),
    ToolFault(
        "cut by the limit of tokens inside the arguments",
        [("Refund", '{"kind": "refund", "order": 7')],
        None,
        ("ParseFailed", "cut"),
        cut=True,
        not_for=_OBJECTS,
    ),
    ToolFault(
        "breaks off inside the arguments",
        [("Refund", '{"kind": "refund", "order": 7')],
        None,
        ("StreamTruncated", ""),
        breaks=True,
        whole_too=False,
        not_for={"google-ai": _OBJECTS["google-ai"]},
    ),
    ToolFault(
        "the arguments of two calls run together",
        [("Ship", '{"city": "Oslo"}{"city": "Bergen"}')],
        None,
        ("ParseFailed", "several values"),
        not_for=_OBJECTS,
    ),
    ToolFault(
        "a list: parallel calls",
        [("Refund", '{"kind": "refund", "order": 7, "note": null}'), ("Ship", '{"city": "Oslo"}')],
        [REFUND, SHIP],
        function="Many",
    ),
    ToolFault("a list: no call and no text", [], [], function="Many"),
    ToolFault("a list: text and no call", [], [SHIP], function="Many", text='[{"city": "Oslo"}]'),
    ToolFault(
        "a list: one of two calls is of no tool",
        [("Ship", '{"city": "Oslo"}'), ("Pay", "{}")],
        None,
        ("ParseFailed", "called the tool 'Pay'"),
        "Many",
    ),
    ToolFault(
        "a list: one of two calls does not fit",
        [("Ship", '{"city": "Oslo"}'), ("Ship", "{}")],
        None,
        ("ParseFailed", "[1]"),
        "Many",
    ),
)
"""The rows; every one of them is retried once, and the second answer is a good one."""
