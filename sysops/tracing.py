"""Tracing: what a runtime does, one line each, in four categories that are switched on one by one.

    calls   attempts at clients, their outcomes, retries, fallbacks, turns
    steps   the instructions of the machine
    http    exchanges and the events of streams
    parse   what the parsers make of an answer

A category goes to the standard error stream if the variable ``BAMLVM_TRACE`` names it (``BAMLVM_TRACE=calls,http``),
else to the standard logger ``bamlvm.<category>`` if the host has set that to DEBUG.  Both are read once, when a runtime
is made; a category that is off is None, so that a call site pays for one comparison:

    if (write := scope.trace.calls) is not None:
        write(f"…")
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from bamlvm.grammar.printable import printable_line

VARIABLE: Final = "BAMLVM_TRACE"

Writer: TypeAlias = Callable[[str], None]
"""Writes a line of the trace; the text has no line break at its end."""


class Trace(msgspec.Struct, frozen=True):
    """The writer of each category, None where the category is off."""

    calls: Writer | None = None
    steps: Writer | None = None
    http: Writer | None = None
    parse: Writer | None = None


NO_TRACE: Final = Trace()
CATEGORIES: Final = Trace.__struct_fields__


def new_trace(written: str | None) -> Trace:
    """Return the trace that ``written``, the value of ``BAMLVM_TRACE``, and the host's loggers ask for.

    Raises :class:`ValueError` for a word that names no category.
    """
    named = {word.strip().lower() for word in (written or "").split(",")} - {""}
    for word in sorted(named.difference(CATEGORIES)):
        raise ValueError(f"{VARIABLE} names an unknown category {word!r}: the categories are {', '.join(CATEGORIES)}")
    started = time.monotonic()
    writers = {
        category: _stderr_writer(category, started) if category in named else _logger_writer(category)
        for category in CATEGORIES
    }
    return Trace(**writers) if any(writers.values()) else NO_TRACE


def _stderr_writer(category: str, started: float) -> Writer:
    def write(text: str) -> None:
        stream = sys.stderr  # looked up each time: hosts replace it
        if stream is not None:
            stream.write(f"[{category} {time.monotonic() - started:.6f}] {printable_line(text)}\n")

    return write


def _logger_writer(category: str) -> Writer | None:
    logging = sys.modules.get("logging")  # a host that has not imported it has enabled nothing
    if logging is None:
        return None
    logger = logging.getLogger(f"bamlvm.{category}")
    # The root's level does not reach the steps: a line for every instruction is nothing that a host turns on for all
    # its libraries at once.
    asked = logger.isEnabledFor(logging.DEBUG)
    if category == "steps":
        asked = asked and any(each.level == logging.DEBUG for each in (logger, logging.getLogger("bamlvm")))
    if not asked:
        return None

    def write(text: str) -> None:
        logger.debug("%s", printable_line(text))

    return write
