"""Printing: results to stdout, errors to stderr, and whether there is a terminal to print them on."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError

if TYPE_CHECKING:
    from bamlvm import ThrownError

_SHOWN_FRAMES = 40


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal whose cursor can be moved."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_colour(stream: TextIO | None, choice: str = "auto") -> bool:
    """Whether to colour text on a stream: on a terminal, unless ``NO_COLOR`` is set (no-color.org).  The user's
    ``choice``, ``always`` or ``never``, goes before."""
    if choice != "auto":
        return choice == "always"
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def value_text(value: Any) -> str | None:
    """Render a result for people: a string or an enum's variant unquoted, the rest as indented JSON; null is None."""
    plain = bamlvm.to_builtins(value)
    if plain is None or isinstance(plain, str):
        return plain
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()


def json_text(value: Any) -> str:
    """Encode a value as JSON on one line."""
    return msgspec.json.encode(bamlvm.to_builtins(value)).decode()


def thrown_text(error: ThrownError) -> str:
    """Render an uncaught error: its class and message, its other fields, and where it was thrown."""
    head = f"{error.class_name}: {error.message}" if error.message else error.class_name
    carried = []
    if error.class_name == "baml.errors.AllAttemptsFailed":
        head = head.partition(". ")[0]  # the rest of the message lists the attempts, each of which gets a line here
        carried = [_attempt_line(attempt) for attempt in error.value.attempts]
    else:
        value = bamlvm.to_builtins(error.value)
        if isinstance(value, dict):
            shown = {name: each for name, each in value.items() if name != "message" and each is not None}
            carried = [f"{name}: {json_text(each)}" for name, each in shown.items()]
        elif isinstance(value, list):
            carried = [json_text(value)]
    return "\n  ".join([f"uncaught {head}", *carried, *error.trace_lines(_SHOWN_FRAMES)])


def error_line(error: Any) -> str:
    """Render a thrown value on one line: ``HttpStatus: the server said 500``."""
    qualified = getattr(type(error), "__baml_name__", type(error).__name__)
    name = (error.type if isinstance(error, bamlvm.ErrorRecord) else qualified).rpartition(".")[2]
    message = getattr(error, "message", None) or (None if isinstance(error, msgspec.Struct) else str(error))
    return f"{name}: {' '.join(message.split())}" if message else name


def write_result(text: str) -> None:
    """Print a result to stdout; raises :class:`CommandError` if it cannot be written whole."""
    if sys.stdout is None:
        raise CommandError(exit_codes.HOST, "stdout is closed, so the result cannot be printed")
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
        raise CommandError(exit_codes.HOST, f"cannot write to stdout: {reason}") from None


def report(error: CommandError | bamlvm.BamlError, command: str = "") -> int:
    """Print the error that ended a command, or one part of its work, to stderr; return its exit code.

    An error that is not about a place in the program begins with the name of the command.
    """
    head = f"bamlvm {command}: " if command else ""
    match error:
        case bamlvm.CompileError():
            code, text = exit_codes.COMPILE, error.render(wants_colour(sys.stderr)).rstrip("\n")
        case bamlvm.ThrownError():
            code, text = exit_codes.THREW, thrown_text(error)
        case bamlvm.DeadlineExceeded():
            code, text = exit_codes.TIMEOUT, f"{head}{error}"
        case CommandError():
            code, text = error.exit_code, f"{head}{error}"
        case _:
            code, text = exit_codes.HOST, f"{head}{error}"
    print(text, file=sys.stderr, flush=True)
    return code


def _attempt_line(attempt: Any) -> str:
    received = f", after {json_text(attempt.text)}" if attempt.text else ""
    return f"{attempt.client} ({attempt.provider}), attempt {attempt.attempt}{received}: {error_line(attempt.error)}"
