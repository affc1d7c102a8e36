"""Parts kept as they were written until it is known what they are."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from bamlvm.sysops.parsing.base import Frame, Plan
from bamlvm.sysops.parsing.results import Coerced, Failure, Result

_JSON_SCALAR: Final = re.compile(r"null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class RawScalar:
    """A scalar whose type is not known yet."""

    __slots__ = ("quoted", "text")

    def __init__(self, text: str, quoted: bool) -> None:
        self.text = text
        self.quoted = quoted


class RawContainer:
    """An object (``keys`` beside ``parts``) or list whose type is not known yet; ``settled`` has what it was read as
    already, by plan, so that competing members of unions do not repeat the work below them."""

    __slots__ = ("keys", "parts", "settled")

    def __init__(self, is_object: bool) -> None:
        self.keys: list[str] | None = [] if is_object else None
        self.parts: list[Any] = []
        self.settled: dict[Plan, tuple[Result, Any]] = {}


class _RawPlan(Plan):
    keeps_raw = True

    def scalar(self, text: str, quoted: bool) -> Result:
        return RawScalar(text, quoted)

    def open(self, is_object: bool) -> Frame:
        return RawFrame(is_object)


RAW: Final = _RawPlan()
"""What is kept as it was written."""


class RawFrame(Frame):
    """A container whose type is not known before its end: its parts are kept as they were written."""

    __slots__ = ("is_object", "raw")

    def __init__(self, is_object: bool) -> None:
        self.is_object = is_object
        self.raw = RawContainer(is_object)

    def child(self, key: str) -> Plan:

        raw = self.raw
        if raw.keys is not None:
            del raw.keys[len(raw.parts) :]  # a key that no value followed
            raw.keys.append(key)
        return RAW

    def put(self, result: Result, shown: Any) -> None:
        self.raw.parts.append(result)

    def close(self) -> Result:
        self.shown = None
        return self.raw

    def evident(self) -> bool:
        return bool(self.raw.parts)


class TextFrame(RawFrame):
    """A container where the type wants a string: its JSON."""

    __slots__ = ()

    def close(self) -> Result:
        self.shown = text = _text(self.raw)
        return Coerced(text, 10)


def aligned(raw: Any, plan: Plan) -> tuple[Result, Any]:
    """What was kept as it was written, read as ``plan``: the result, and how partials show it."""
    if plan.keeps_raw:
        return raw, None
    if raw.__class__ is RawScalar:
        result = plan.scalar(raw.text, raw.quoted)
        kind = result.__class__
        return result, None if kind is Failure else result.value if kind is Coerced else result
    settled: tuple[Result, Any] | None = raw.settled.get(plan)
    if settled is None:
        frame = filled(raw, plan)
        result = frame.close()
        settled = raw.settled[plan] = result, frame.shown
    return settled


def filled(raw: RawContainer, plan: Plan) -> Frame:
    """A frame of ``plan`` that has all the parts of a container."""
    if raw.keys is None:
        frame = plan.open(False)
        for part in raw.parts:
            result, shown = aligned(part, frame.child(""))
            frame.put(result, shown)
        return frame
    frame = plan.open(True)
    for key, part in zip(raw.keys, raw.parts, strict=False):
        result, shown = aligned(part, frame.child(key))
        frame.put(result, shown)
    return frame


def _text(raw: Any) -> str:
    """What was kept as it was written, as JSON."""
    if raw.__class__ is RawScalar:
        if not raw.quoted and _JSON_SCALAR.fullmatch(raw.text):
            return str(raw.text)
        return json.dumps(raw.text, ensure_ascii=False)
    if raw.keys is None:
        return f"[{', '.join(map(_text, raw.parts))}]"
    pairs = zip(raw.keys, raw.parts, strict=False)
    return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_text(part)}" for key, part in pairs) + "}"
