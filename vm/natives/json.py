"""The namespace ``baml.json``.

Parsing follows RFC 8259: no comments, no NaN, no trailing commas; of a key given twice the last value counts.  A number
with a fraction or exponent is a ``float``, any other an ``int``, and one out of range is an error.  The JSON
written is compact: a class is an object of its fields, an enum value its name.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from bamlvm.vm.natives.json_pieces import InvalidJson, parsed, written
from bamlvm.vm.natives.table import NativeTable
from bamlvm.vm.values import EnumValue, Instance, Media, Thrown, in_i64
from bamlvm.vm.work import Lengthy, Work, due, finish, later

NATIVES: Final = NativeTable()

_AT_ONCE: Final = 1 << 12
"""Characters that are parsed without looking at the clock."""

_PARSED_WHOLE: Final = 1 << 18
"""Characters that the decoder may parse in one piece: that takes some milliseconds."""

_PARTS_AT_ONCE: Final = 256
"""Parts of a value, or dozens of characters, that are written at once."""

_DECODER: Final = msgspec.json.Decoder()
_LONG_NUMBER: Final = re.compile(r"\d{19}")
_PLACE: Final = re.compile(r" \(byte (\d+)\)$")


def _invalid(message: str) -> Thrown:
    return Thrown("baml.errors.InvalidArgument", {"message": message})


@NATIVES.native("baml.json.parse")
def parse(text: str) -> Any:
    """Return the value of a JSON text.  Throws ``InvalidArgument`` with the line and column of the mistake."""
    if len(text) <= _AT_ONCE and not due(len(text)):
        return _parse(text)
    raise Lengthy(_parse_long(text))


def _parse_long(text: str) -> Work[Any]:
    yield None
    if len(text) <= _PARSED_WHOLE:
        return _parse(text)
    try:
        return (yield from parsed(text))
    except InvalidJson as error:
        raise _invalid(f"invalid JSON: {error} at {_position(text[: error.place])}") from None


def _parse(text: str) -> Any:
    try:
        value = _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise _invalid(_explained(str(error), text)) from None
    except RecursionError:
        raise _invalid("invalid JSON: nested too deeply") from None
    except UnicodeEncodeError as error:
        raise _invalid(f"invalid JSON: half a surrogate pair at {_position(text[: error.start])}") from None
    if _LONG_NUMBER.search(text):
        _check_range(value)
    return value


def _explained(message: str, text: str) -> str:
    place = _PLACE.search(message)
    if place is None:
        return f"invalid JSON: {message}" + (f" at {_position(text)}" if "truncated" in message else "")
    # For text behind the value, msgspec counts its first byte in.
    end = int(place[1]) - message.startswith("JSON is malformed: trailing characters")
    before = text.encode()[:end].decode(errors="ignore")
    return f"invalid JSON: {_PLACE.sub('', message).removeprefix('JSON is malformed: ')} at {_position(before)}"


def _position(before: str) -> str:
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _check_range(value: Any) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) is int:
            if not in_i64(item):
                raise _invalid(f"invalid JSON: the integer {item} is out of range")
        elif type(item) is list:
            pending.extend(item)
        elif type(item) is dict:
            pending.extend(item.values())


@NATIVES.native("baml.json.stringify")
def stringify(value: Any) -> str:
    """Return a value as JSON.  Throws ``InvalidArgument`` for a value that JSON cannot express."""
    if _is_short(value):
        if due(_PARTS_AT_ONCE):
            raise Lengthy(later(_stringify, value))
        return _stringify(value)
    raise Lengthy(_stringify_long(value))


def _is_short(value: Any) -> bool:
    """Whether a value has few parts, each counted as often as it would be written."""
    left = _PARTS_AT_ONCE
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        parts: Any = ()
        if kind is str:
            left -= len(item) >> 6
        elif kind is list:
            parts = item
        elif kind is dict:
            parts = item.values()
        elif kind is Instance:
            parts = item.fields
        elif kind is Media:
            left -= len(item.data) >> 6
        left -= len(parts)
        if left < 0:
            return False
        if parts:
            pending += [each for each in parts if type(each) in _LONG]
    return True


_LONG: Final = frozenset({str, list, dict, Instance, Media})


def _stringify_long(value: Any) -> Work[str]:
    try:
        return (yield from written(value, _plain))
    except InvalidJson as error:
        raise _invalid(f"no JSON for {error}") from None


def _stringify(value: Any) -> str:
    try:
        try:
            return _encode(value)
        except TypeError:  # a map with enum values for keys
            return _encode(_with_string_keys(value))
    except ValueError as error:
        cyclic = str(error).startswith("Circular")
        raise _invalid(f"no JSON for {'a value inside itself' if cyclic else 'a float that is not finite'}") from None
    except RecursionError:
        raise _invalid("no JSON for a value nested so deeply") from None


def _encode(value: Any) -> str:
    text: str = _ENCODER.encode(value)
    # Python writes small floats otherwise (1e-07): where one may be in the text, it is made in the other way.
    return finish(written(value, _plain)) if "e-0" in text else text


def _plain(value: Any) -> Any:
    if type(value) is Instance:
        return dict(zip(value.cls.field_names, value.fields, strict=True))
    if type(value) is EnumValue:
        return value.variant
    if type(value) is Media:
        return {value.source: value.data, "media_type": value.mime}
    raise _invalid(f"no JSON for a {type(value).__name__.lower()}")


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _with_string_keys(value: Any) -> Any:
    """Return a copy made of lists and maps, whose keys are all strings."""
    if type(value) in (Instance, Media):
        value = _plain(value)
    if type(value) is list:
        return [_with_string_keys(item) for item in value]
    if type(value) is dict:
        return {key.variant if type(key) is EnumValue else key: _with_string_keys(item) for key, item in value.items()}
    return value
