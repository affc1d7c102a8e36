"""``baml.log``, ``baml.io`` and ``print``: what a program says to people.

Messages go to Python's logger ``bamlvm.program``, with their fields as the record's ``fields``; a host that configured
no logging sees warnings and errors on stderr, as Python's ``logging`` has it.
"""

from __future__ import annotations

import sys
from typing import Any

from bamlvm.grammar.printable import printable
from bamlvm.sysops.scope import Scope
from bamlvm.sysops.table import sysop
from bamlvm.vm.builtins import builtins_of
from bamlvm.vm.rendering import display

LOGGER = "bamlvm.program"


@sysop("baml.print")
def print_(scope: Scope, v: Any) -> None:
    print(display(v), flush=True, file=sys.stdout)


@sysop("baml.io.print")
def io_print(scope: Scope, text: str) -> None:
    print(text, end="", flush=True, file=sys.stdout)


@sysop("baml.io.println")
def io_println(scope: Scope, text: str) -> None:
    print(text, flush=True, file=sys.stdout)


@sysop("baml.io.eprint")
def io_eprint(scope: Scope, text: str) -> None:
    print(text, end="", flush=True, file=sys.stderr)


@sysop("baml.io.eprintln")
def io_eprintln(scope: Scope, text: str) -> None:
    print(text, flush=True, file=sys.stderr)


@sysop("baml.log.debug")
def debug(scope: Scope, message: Any, fields: dict[Any, Any] | None = None) -> None:
    _log("DEBUG", message, fields)


@sysop("baml.log.info")
def info(scope: Scope, message: Any, fields: dict[Any, Any] | None = None) -> None:
    _log("INFO", message, fields)


@sysop("baml.log.warn")
def warn(scope: Scope, message: Any, fields: dict[Any, Any] | None = None) -> None:
    _log("WARNING", message, fields)


@sysop("baml.log.error")
def error(scope: Scope, message: Any, fields: dict[Any, Any] | None = None) -> None:
    _log("ERROR", message, fields)


def _log(level: str, message: Any, fields: dict[Any, Any] | None) -> None:
    import logging

    logger = logging.getLogger(LOGGER)
    number = logging.getLevelNamesMapping()[level]
    if not logger.isEnabledFor(number):
        return
    shown = "".join(f" {key}={display(value)}" for key, value in (fields or {}).items())
    logger.log(number, "%s", printable(display(message) + shown), extra={"fields": builtins_of(fields or {})})
