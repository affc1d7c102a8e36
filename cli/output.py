"""Printing: results to stdout, errors to stderr, and whether there is a terminal to print them on."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.grammar.printable import printable, printable_json, printable_line

if TYPE_CHECKING:
    from bamlvm import AttemptRecord, ThrownError

_SHOWN_FRAMES = 40
_SHOWN_TEXT = 120


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
    return printable_json(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode())


def json_text(value: Any) -> str:
    """Encode a value as JSON on one line."""
    return printable_json(msgspec.json.encode(bamlvm.to_builtins(value)).decode())


def thrown_text(error: ThrownError) -> str:
    """Render an uncaught error: its class and message, its other fields, and where it was thrown."""
    head = f"{error.class_name}: {error.message}" if error.message else error.class_name
    carried = []
    if error.class_name == "baml.errors.AllAttemptsFailed":
        head = head.partition(". ")[0]  # the rest of the message lists the attempts, each of which gets a line here
        carried = _attempt_lines(error.value.attempts)
    else:
        value = bamlvm.to_builtins(error.value)
        if isinstance(value, dict):
            shown = {name: each for name, each in value.items() if name != "message" and each is not None}
            carried = [f"{name}: {shortened(json_text(each), 400)}" for name, each in shown.items()]
        elif isinstance(value, list):
            carried = [json_text(value)]
    return "\n  ".join([f"uncaught {head}", *carried, *error.trace_lines(_SHOWN_FRAMES)])


def error_line(error: Any) -> str:
    """Render a thrown value on one line: ``HttpStatus: the server said 500``."""
    qualified = getattr(type(error), "__baml_name__", type(error).__name__)
    name = (error.type if isinstance(error, bamlvm.ErrorRecord) else qualified).rpartition(".")[2]
    message = getattr(error, "message", None) or (None if isinstance(error, msgspec.Struct) else str(error))
    return printable_line(f"{name}: {' '.join(message.split())}") if message else name


def write_result(text: str) -> None:
    """Print a result to stdout; raises :class:`CommandError` if it cannot be written whole.

    On a terminal its control characters are made visible; a file or a pipe gets the value as it is.
    """
    if sys.stdout is None:
        raise CommandError(exit_codes.HOST, "stdout is closed, so the result cannot be printed")
    try:
        print(printable(text) if sys.stdout.isatty() else text, flush=True)
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
    match error:  # what is rendered has its own colours, and shows the control characters of the source
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
    print(text if isinstance(error, bamlvm.CompileError) else printable(text), file=sys.stderr, flush=True)
    return code


def usage_text(attempts: Sequence[AttemptRecord], seconds: float) -> str:
    """Render the time and the tokens of a call: ``1.20 s, 2 attempts, 21+40 tokens`` (input and output),
    and what it cost if that is known."""
    parts = [duration_text(seconds)]
    if attempts:
        from bamlvm.collector import usage_of

        usage = usage_of(attempts)
        parts.append("1 attempt" if len(attempts) == 1 else f"{len(attempts)} attempts")
        cached = sum(each.cached for each in attempts)
        if cached:
            parts.append("from the cache" if cached == len(attempts) else f"{cached} from the cache")
        parts.append(f"{usage.input_tokens}+{usage.output_tokens} tokens")
        if usage.cost is not None:
            parts.append(f"{usage.cost.normalize():f} {usage.currency}")
    return ", ".join(parts)


def duration_text(seconds: float) -> str:
    """Render a duration in milliseconds, or from one second up in seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def shortened(text: str, length: int = _SHOWN_TEXT) -> str:
    """Return a text, or its beginning and end with the number of characters left out between them."""
    if len(text) <= length:
        return text
    end = length // 4
    start = length - end
    return f"{text[:start]} … {len(text) - length} characters … {text[-end:]}"


def _attempt_lines(attempts: Sequence[Any]) -> list[str]:
    """Render attempts, one line each.  An answer is shown once: not where the error quotes it, nor a second time."""
    lines = []
    shown = set()
    for each in attempts:
        error = error_line(each.error)
        received = ""
        if each.text and " ".join(each.text.split())[: _SHOWN_TEXT // 4] not in error:
            received = ", after the same text" if each.text in shown else f", after {json_text(shortened(each.text))}"
            shown.add(each.text)
        lines.append(f"{each.client} ({each.provider}), attempt {each.attempt}{received}: {shortened(error, 400)}")
    return lines
