"""The program that a command is about: its place, its sources, and the arguments of its functions from the words of a
command line.

``NAME=VALUE`` is text where the parameter is a ``string`` (or ``string?``); for any other type it is read as JSON, and
as text if it is not JSON, which is how an enum's variant or a string literal is written.  ``NAME=@FILE`` is what a file
holds (:mod:`bamlvm.tools.argument_files`); ``NAME=@@VALUE`` is a value that begins with ``@``.  Whether the value fits
its parameter is checked by the runtime.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.build.sources import checked_name, read_sources
from bamlvm.cli.exit_codes import USAGE, CommandError
from bamlvm.vm.program.spelling import suggestion

if TYPE_CHECKING:
    from bamlvm.vm.program.declarations import Parameter
    from bamlvm.vm.program.types import Type

_PATH_HELP: Final = "a .baml file or a folder of them (default: the nearest baml_src, here or above)"


def add_path(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the argument PATH, or PATH… with the destination ``paths``; see :func:`program_path`."""
    if several:
        parser.add_argument("paths", metavar="PATH", nargs="*", help=_PATH_HELP)
    else:
        parser.add_argument("path", metavar="PATH", nargs="?", help=_PATH_HELP)


def program_path(path: str | None) -> str:
    """Return ``path`` or, if it is None, the folder of the program around the current folder.

    Raises :class:`bamlvm.HostError` if there is none.
    """
    if path is not None:
        return path
    from bamlvm.tools.project import find_program

    return find_program()


def read_program(path: str) -> dict[str, str]:
    """Read the sources at ``path``, a file or a folder, named as seen from the current folder: so do diagnostics and
    traces show them.

    Raises :class:`bamlvm.HostError` for what cannot be read.
    """
    files = read_sources(path)
    checked_name(path, path)
    if os.path.isfile(path):
        return dict.fromkeys([path], *files.values())
    return {os.path.join(path, name): text for name, text in files.items()}


def arguments(
    parameters: Sequence[Parameter],
    named: Sequence[str],
    json_object: str | None,
    aliases: Mapping[str, Type] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the arguments of ``--args`` and of each ``-a``, which overrides it.

    ``aliases`` are those of the program.  Raises :class:`CommandError` for words that are not arguments of these
    parameters, and :class:`bamlvm.HostError` for a file that cannot be read.
    """
    given: dict[str, Any] = {}
    types = {parameter.name: parameter.type for parameter in parameters}
    for word in named:
        name, equals, text = word.partition("=")
        if not equals:
            raise _usage(f"-a {word}: expected NAME=VALUE")
        if name in given:
            raise _usage(f"-a {name}: given twice")
        if name not in types:
            raise _usage(
                f"-a {name}: there is no such parameter ({suggestion(name, types) or 'the function has none'})"
            )
        given[name] = _value(text, types[name], aliases)
    return {**(_parse_object(json_object) if json_object is not None else {}), **given}


def _value(text: str, type_: Type, aliases: Mapping[str, Type]) -> Any:
    from bamlvm.tools.argument_files import file_argument, text_argument

    if text.startswith("@"):
        if not text.startswith("@@"):
            from pathlib import Path

            return file_argument(Path(text[1:]), type_, aliases)
        text = text[1:]
    return text_argument(text, type_)


def _parse_object(text: str) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _usage(f"--args: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _usage('--args: expected a JSON object, such as {"name": "world"}')
    return value


def _usage(message: str) -> CommandError:
    return CommandError(USAGE, message)
