"""Values as JSON, YAML and TOON text: what the ``format`` filter writes, with every ``@alias`` applied.

YAML is the block style of the YAML 1.2 core schema; a string that would read as something else is quoted.  TOON follows
the Token-Oriented Object Notation specification: uniform lists of flat objects as tables, other lists with a length.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bamlvm.sysops.prompts.views import ClassView, EnumView
from bamlvm.vm.rendering import float_text, scalar_text


def plain(value: Any) -> Any:
    """Return a view as dicts, lists and scalars, aliases applied.  Raise :class:`ValueError` for a value inside
    itself."""
    return _plain(value, ())


def _plain(value: Any, inside: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, EnumView):
        return value.alias
    if isinstance(value, (ClassView, dict, list, tuple)):
        if id(value) in inside:
            raise ValueError("the value contains itself")
        inside = (*inside, id(value))
    if isinstance(value, ClassView):
        return {value.aliases.get(name, name): _plain(field, inside) for name, field in value.fields.items()}
    if isinstance(value, dict):
        return {str(key): _plain(entry, inside) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, inside) for item in value]
    raise ValueError(f"a {type(value).__name__} cannot be formatted")


def to_json(value: Any, indent: int | None = None) -> str:
    """Write JSON: minified, or indented by so many spaces."""
    separators = (",", ": " if indent is not None else ":")
    text = json.dumps(value, ensure_ascii=False, separators=separators, indent=indent)
    return _STRING_OR_EXPONENT.sub(_exponent, text) if "e" in text else text


_STRING_OR_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*+"|(-?[0-9]+(?:\.[0-9]+)?)e([+-][0-9]+)')


def _exponent(found: re.Match[str]) -> str:
    """Return a number with an exponent as the official runtime writes it: `1e-7`, `1e16`, `0.00001`."""
    mantissa, exponent = found.groups()
    if mantissa is None:
        return found[0]
    return float_text(float(found[0])) if int(exponent) == -5 else f"{mantissa}e{int(exponent)}"


# --- YAML -------------------------------------------------------------------------------------------------------------

_YAML_OTHER = re.compile(
    r"""(?ix) ~ | null | true | false | <<
    | [-+]? ( 0x[0-9a-f]+ | 0o[0-7]+ | 0b[01]+ | [0-9][0-9_]* (\.[0-9_]*)? (e[-+]?[0-9]+)? | \.[0-9]+ (e[-+]?[0-9]+)? )
    | [-+]? \.inf | \.nan"""
)
_YAML_INDICATORS = tuple("!&*%@`{}[]|>#'\",")


def to_yaml(value: Any) -> str:
    """Write block-style YAML, ending in a line feed."""
    return "\n".join(_yaml_lines(value)) + "\n"


def _yaml_lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        lines = []
        for key, entry in value.items():
            label = _yaml_scalar(key, "") + ":"
            if isinstance(entry, dict) and entry:
                lines += [label, *("  " + line for line in _yaml_lines(entry))]
            elif isinstance(entry, list) and entry:
                lines += [label, *_yaml_lines(entry)]
            else:
                lines.append(f"{label} {_yaml_scalar(entry, '  ')}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            if isinstance(item, (dict, list)) and item:
                first, *rest = _yaml_lines(item)
                lines += ["- " + first, *("  " + line for line in rest)]
            else:
                lines.append("- " + _yaml_scalar(item, "  "))
        return lines
    return [_yaml_scalar(value, "  ")]


def _yaml_scalar(value: Any, indent: str) -> str:
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    if not isinstance(value, str):
        return scalar_text(value)
    if "\n" in value and indent and re.fullmatch(r"[^\s][^\t\r\x00-\x08\x0b-\x1f\x85\u2028\u2029]*[^\s]", value):
        return "|-\n" + "\n".join(indent + line if line else "" for line in value.split("\n"))
    if any(character < " " or character in "\x7f\x85\u2028\u2029\ufeff" for character in value):
        return json.dumps(value)
    if _yaml_needs_quotes(value):
        return "'" + value.replace("'", "''") + "'"
    return value


def _yaml_needs_quotes(text: str) -> bool:
    return (
        not text
        or text != text.strip()
        or text.startswith(_YAML_INDICATORS)
        or re.match(r"[-?:]( |$)|---|\.\.\.", text) is not None
        or ": " in text
        or " #" in text
        or text.endswith(":")
        or _YAML_OTHER.fullmatch(text) is not None
    )


# --- TOON -------------------------------------------------------------------------------------------------------------

DELIMITERS = {"comma": ",", "tab": "\t", "pipe": "|"}


class Toon:
    """A TOON writer.  ``indent`` is in spaces; ``delimiter`` separates a row's cells; ``marker`` precedes lengths."""

    def __init__(self, indent: int = 2, delimiter: str = ",", marker: str = "") -> None:
        self._step = " " * indent
        self._delimiter = delimiter
        self._marker = marker

    def write(self, value: Any) -> str:
        """Return the text of a value, without a final line feed."""
        if isinstance(value, dict):
            return "\n".join(self._object(value, ""))
        if isinstance(value, list):
            return "\n".join(self._array("", value, ""))
        return self._scalar(value)

    def _object(self, value: dict[str, Any], margin: str) -> list[str]:
        lines = []
        for key, entry in value.items():
            label = self._key(key)
            if isinstance(entry, dict):
                lines += [f"{margin}{label}:", *self._object(entry, margin + self._step)]
            elif isinstance(entry, list):
                lines += self._array(label, entry, margin)
            else:
                lines.append(f"{margin}{label}: {self._scalar(entry)}")
        return lines

    def _array(self, label: str, items: list[Any], margin: str) -> list[str]:
        sign = "" if self._delimiter == "," else self._delimiter
        head = f"{margin}{label}[{self._marker}{len(items)}{sign}]"
        if not items:
            return [head + ":"]
        if not any(isinstance(item, (dict, list)) for item in items):
            return [f"{head}: {self._delimiter.join(map(self._scalar, items))}"]
        columns = self._columns(items)
        inner = margin + self._step
        if columns is not None:
            rows = [inner + self._delimiter.join(self._scalar(item[column]) for column in columns) for item in items]
            return [f"{head}{{{self._delimiter.join(map(self._key, columns))}}}:", *rows]
        lines = [head + ":"]
        for item in items:
            lines += self._item(item, inner)
        return lines

    def _item(self, item: Any, margin: str) -> list[str]:
        if isinstance(item, dict) and item:
            written = self._object(item, margin + self._step)
        elif isinstance(item, list):
            written = self._array("", item, margin + self._step)
        else:
            return [f"{margin}-" if isinstance(item, dict) else f"{margin}- {self._scalar(item)}"]
        return [f"{margin}- {written[0][len(margin + self._step) :]}", *written[1:]]

    def _columns(self, items: list[Any]) -> list[str] | None:
        first = items[0]
        if not isinstance(first, dict) or not first:
            return None
        for item in items:
            if not isinstance(item, dict) or item.keys() != first.keys():
                return None
            if any(isinstance(cell, (dict, list)) for cell in item.values()):
                return None
        return list(first)

    def _key(self, key: str) -> str:
        return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key) else json.dumps(key, ensure_ascii=False)

    def _scalar(self, value: Any) -> str:
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, float):
            return float_text(value) if value == value and abs(value) != float("inf") else "null"
        if not isinstance(value, str):
            return scalar_text(value)
        bare = (
            value
            and value == value.strip()
            and not re.search(r'[:"\\\[\]{}\x00-\x1f]', value)
            and self._delimiter not in value
            and not re.fullmatch(r"true|false|null|-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", value)
            and not re.match(r"-( |$)", value)
        )
        return value if bare else json.dumps(value, ensure_ascii=False)
