"""Parts kept as they were written until it is known what they are."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from bamlvm.sysops.parsing.base import Plan, ValueBuilder
from bamlvm.sysops.parsing.results import ELLIPSES, Coerced, Mismatch, Result
from bamlvm.vm.values import in_i64

_JSON_SCALAR: Final = re.compile(r"null|true|false|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")

_PYTHON: Final = {"True": True, "False": False, "None": None}


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
        self.settled: dict[Plan, tuple[Result, Any, bool]] = {}


class _RawPlan(Plan):
    keeps_raw = True

    def scalar(self, text: str, quoted: bool) -> Result:
        return RawScalar(text, quoted)

    def open(self, is_object: bool) -> ValueBuilder:
        return RawBuilder(is_object)


RAW: Final = _RawPlan()
"""The plan of a part that is kept as it was written."""


class RawBuilder(ValueBuilder):
    """Keeps the parts of a container as they were written."""

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

    def left_out(self) -> None:
        self.child(ELLIPSES[0])
        self.put(RawScalar(ELLIPSES[0], False), None)

    def close(self) -> Result:
        self.shown = None
        return self.raw

    def evident(self) -> bool:
        return bool(self.raw.parts)


class MismatchBuilder(RawBuilder):
    """Reads a container where the type wants something else; the mismatch has it as it was written."""

    __slots__ = ("_expected",)

    def __init__(self, expected: str, is_object: bool) -> None:
        super().__init__(is_object)
        self._expected = expected

    def close(self) -> Result:
        self.shown = None
        return Mismatch(self._expected, "an object" if self.is_object else "a list", raw=self.raw)

    def evident(self) -> bool:
        return False


class TextBuilder(RawBuilder):
    """Reads a container where the type wants a string: its JSON."""

    __slots__ = ()

    def close(self) -> Result:
        self.shown = text = _text(self.raw)
        return Coerced(text, 10, self.raw)


def aligned(raw: Any, plan: Plan) -> tuple[Result, Any, bool]:
    """Read what was kept as it was written as ``plan``.

    Return the result, what partials show of it, and whether something of the type was in it.
    """
    if plan.keeps_raw:
        return raw, None, True
    if raw.__class__ is RawScalar:
        result = plan.scalar(raw.text, raw.quoted)
        kind = result.__class__
        if kind is Mismatch:
            return result, None, False
        return result, result.value if kind is Coerced else result, True
    settled: tuple[Result, Any, bool] | None = raw.settled.get(plan)
    if settled is None:
        builder = filled(raw, plan)
        result = builder.close()
        settled = raw.settled[plan] = result, builder.shown, builder.evident()
    return settled


def fits(raw: Any, plan: Plan) -> Result:
    """Read a raw part as ``plan``; return a :class:`Mismatch` also where it has nothing of the type."""
    result, _, evident = aligned(raw, plan)
    return (
        result if evident or result.__class__ is Mismatch else Mismatch(plan.expected, "an object without its fields")
    )


def filled(raw: RawContainer, plan: Plan) -> ValueBuilder:
    """Return a builder of ``plan`` that has all the parts of a container."""
    builder = plan.open(raw.keys is not None)
    for key, part in zip(raw.keys if raw.keys is not None else [""] * len(raw.parts), raw.parts, strict=False):
        if part.__class__ is RawScalar and not part.quoted and part.text in ELLIPSES and key in ("", *ELLIPSES):
            builder.left_out()
            continue
        result, shown, _ = aligned(part, builder.child(key))
        builder.put(result, shown)
    return builder


def untyped(raw: Any) -> Any:
    """Return what was kept as it was written, as JSON's own kinds of values."""
    if raw.__class__ is RawScalar:
        if raw.quoted or not _JSON_SCALAR.fullmatch(raw.text):
            return raw.text if raw.quoted else _PYTHON.get(raw.text, raw.text)
        value = json.loads(raw.text)
        return float(value) if value.__class__ is int and not in_i64(value) else value
    if raw.keys is None:
        return [untyped(part) for part in raw.parts]
    return {key: untyped(part) for key, part in zip(raw.keys, raw.parts, strict=False)}


def _text(raw: Any) -> str:
    """Return what was kept as it was written, as JSON."""
    if raw.__class__ is RawScalar:
        if not raw.quoted and _JSON_SCALAR.fullmatch(raw.text):
            return str(raw.text)
        return json.dumps(raw.text, ensure_ascii=False)
    if raw.keys is None:
        return f"[{', '.join(map(_text, raw.parts))}]"
    pairs = zip(raw.keys, raw.parts, strict=False)
    return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_text(part)}" for key, part in pairs) + "}"
