"""The arguments of a call from the columns of a row.

A parameter takes the column of its name, or the one that the user has named for it.  Of a function with one parameter,
where no column has its name, a row is the argument itself: all of it where the parameter is a class or a map, or its
only column, or the value of a line that is no object.  Other columns are ignored.

In CSV all is text: it is itself where the parameter is a string, else JSON, or text if it is not JSON (an enum's
variant); a boolean may be in any case, as spreadsheets write it.  An empty cell is left out where the parameter has a
default, and null where it may be null.

A decimal of Parquet is its text where a parameter is a string; else it is a number, if a float is exactly that: the
shortest digits of the float are its own.

An image, audio, pdf or video may be ``{"file": "cat.png"}``, a path relative to the data file and below its folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import HostError
from bamlvm.sysops.regular_files import Roots
from bamlvm.tools.argument_files import media_file, media_kind, takes_text, text_argument, union_members
from bamlvm.tools.batch.rows import STDIN, Row
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.program.types import ClassType, MapType, Primitive
from bamlvm.vm.values import Thrown

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.vm.program.declarations import Parameter


_BOOLEANS: Final = {"true": True, "false": False}


class Columns:
    """How the rows of one data set become the arguments of one function.

    ``renamed`` has the column of a parameter where that is not its name; ``defaults`` are the arguments of parameters
    that have no column.  Raises :class:`HostError` for a name that is no parameter.
    """

    def __init__(
        self,
        runtime: Runtime,
        function: str,
        data: str,
        renamed: Mapping[str, str],
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        signature = runtime.signature(function)
        self.function = function
        self._aliases = runtime.engine.program.aliases
        self._parameters = {each.name: each for each in signature.parameters}
        self._folder = Path(data).parent if data != STDIN else None
        for name in renamed:
            if name not in self._parameters:
                hint = did_you_mean(name, self._parameters)
                raise HostError(f"{function} has no parameter {name!r}{f' ({hint})' if hint else ''}")
        self._columns = {name: renamed.get(name, name) for name in self._parameters}
        self._is_renamed = bool(renamed)
        self._defaults = defaults

    def arguments(self, row: Row) -> dict[str, Any]:
        """Return the arguments of a row, as its data has them.

        Raises :class:`HostError`, which names the columns, where a parameter without a default has none.
        """
        if row.problem is not None:
            raise HostError(f"{row.place}: {row.problem}")
        if len(self._parameters) == 1:
            (parameter,) = self._parameters.values()
            whole = self._whole(row, parameter)
            if whole is not None:
                return whole
        if not isinstance(row.value, dict):
            raise HostError(f"{row.place}: expected an object with {self._described()}, got {_kind(row.value)}")
        given: dict[str, Any] = {}
        for name, parameter in self._parameters.items():
            column = self._columns[name]
            if column in row.value:
                if row.is_text and row.value[column] == "" and not takes_text(self._members(parameter)):
                    if not parameter.has_default:
                        given[name] = None
                else:
                    given[name] = self._value(row, row.value[column], parameter)
            elif name in self._defaults:
                given[name] = self._defaults[name]
            elif not parameter.has_default and Primitive("null") not in self._members(parameter):
                hint = did_you_mean(column, row.value)
                there = f"; there are {', '.join(map(repr, row.value))}" if len(row.value) <= 20 else ""
                raise HostError(
                    f"{row.place}: no column {column!r} for the parameter {name!r}{f' ({hint})' if hint else there}"
                )
        return given

    def unused(self, row: Row) -> list[str]:
        """Return the columns of a row that are no argument."""
        if not isinstance(row.value, dict) or (len(self._parameters) == 1 and not self._is_named(row)):
            return []
        return [name for name in row.value if name not in self._columns.values()]

    def converted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments with the files that they name read.

        Raises :class:`HostError` for a file that cannot be read or is not below the folder of the data.
        """
        return {name: self._media(value, self._parameters[name]) for name, value in arguments.items()}

    def _is_named(self, row: Row) -> bool:
        """Whether a row has a column for the only parameter."""
        return self._is_renamed or next(iter(self._columns.values())) in row.value

    def _whole(self, row: Row, parameter: Parameter) -> dict[str, Any] | None:
        """Return the only argument where a row as a whole is it, else None."""
        if not isinstance(row.value, dict):
            return {parameter.name: row.value}
        if self._is_named(row):
            return None
        if any(isinstance(each, (ClassType, MapType)) for each in self._members(parameter)):
            return {parameter.name: _number(row.value)}
        if len(row.value) == 1 and not parameter.has_default:
            return {parameter.name: self._value(row, next(iter(row.value.values())), parameter)}
        return None

    def _value(self, row: Row, value: Any, parameter: Parameter) -> Any:
        if not row.is_text:
            if isinstance(value, Decimal) and takes_text(self._members(parameter)):
                return str(value)
            return _number(value)
        boolean = _BOOLEANS.get(value.lower())
        members = self._members(parameter)
        if boolean is not None and Primitive("bool") in members and not takes_text(members):
            return boolean
        return text_argument(value, parameter.type)

    def _media(self, value: Any, parameter: Parameter) -> Any:
        if not (isinstance(value, dict) and isinstance(value.get("file"), str)):
            return value
        kind = media_kind(self._members(parameter))
        if kind is None:
            return value
        if self._folder is None:
            raise HostError(f"{parameter.name}: a file cannot be named by data from standard input")
        media_type = value.get("media_type") or value.get("mime")
        try:
            return media_file(kind, self._folder / value["file"], media_type, Roots([str(self._folder)]))
        except (HostError, ValueError) as error:  # a NUL in the name is a ValueError
            raise HostError(f"{parameter.name}: {error}") from None
        except Thrown as refused:
            raise HostError(f"{parameter.name}: {refused.fields['message']}") from None

    def _members(self, parameter: Parameter) -> list[Any]:
        return union_members(parameter.type, self._aliases)

    def _described(self) -> str:
        names = ", ".join(repr(each) for each in self._columns.values())
        return f"the column{'s' * (len(self._columns) != 1)} {names}" if names else "no columns"


def _number(value: Any) -> Any:
    """Return a value with the decimals in it as numbers, or as text where no float is exactly that."""
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, dict):
        return {name: _number(part) for name, part in value.items()}
    return [_number(part) for part in value] if isinstance(value, list) else value


def _kind(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
