"""Evaluate BAML interactively: statements and declarations, input by input.

An input is statements (`let xs = [1, 2]`, `xs.push(3)`, `xs.length() * 2`) or declarations (`class P { x int }`), which
a later input may replace.  It continues on the next line while a bracket or a string is open.  PATH, a file or a
folder, is a program that the session starts with.

  :type EXPR           the type of an expression
  :dump STAGE [WHAT]   one of tokens, ast, hir, tir, mir, bytecode, for an item, an expression, or everything
  :vars                the variables and their types
  :help                this list
  :quit                leave, as Ctrl-D does; Ctrl-C interrupts an evaluation, or discards the line being typed

The history is kept in $XDG_STATE_HOME/bamlvm/history (or ~/.local/state/bamlvm/history).  Where stdin is not a terminal
there is no prompt, results go to stdout and errors to stderr; the exit code is 1 if any input failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.options import add_allow, add_environment, add_timeout, capabilities, environment, log_shown
from bamlvm.cli.output import report
from bamlvm.cli.program import read_program
from bamlvm.tools.session.session import Session, TypedInput

_PROMPT = "baml> "
_MORE = "  ... "
_HISTORY_LINES = 10_000
_HELP = "  :type" + (__doc__ or "").partition("  :type")[2].partition("\n\n")[0]
_WORD_ENDS = " \t\n\"\\'`@$><=;|&{([,.)]}+-*/%!?:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("path", metavar="PATH", nargs="?", help="a .baml file or a folder of them")
    add_timeout(parser, "end the evaluation of an input after this time")
    add_allow(parser)
    add_environment(parser)


def execute(options: argparse.Namespace) -> int:
    """Read, evaluate, print, loop."""
    files = read_program(options.path) if options.path is not None else {}
    session = Session(files, capabilities=capabilities(options), env=environment(options))
    repl = _Repl(session, bamlvm.CallContext(timeout=options.timeout))
    with log_shown():
        if sys.stdin is None or not sys.stdin.isatty():
            return repl.read_all(sys.stdin or ())
        with _line_editing(session):
            repl.converse()
    return exit_codes.OK


class _Repl:
    """The loop.  ``failed`` is whether any input did."""

    def __init__(self, session: Session, context: bamlvm.CallContext) -> None:
        self._session = session
        self._context = context
        self.failed = False

    def converse(self) -> None:
        """Read inputs from a terminal, with prompts."""
        print(f"bamlvm {bamlvm.__version__}; :help lists the commands, Ctrl-D leaves")
        pending = TypedInput()
        while True:
            try:
                line = input(_MORE if pending.text else _PROMPT) + "\n"
            except KeyboardInterrupt:
                print()
                pending = TypedInput()
                continue
            except EOFError:
                print()
                return
            if pending.add(line) and not pending.text.lstrip().startswith(":"):
                continue
            text, pending = pending.text, TypedInput()
            if not self.take(text):
                return

    def read_all(self, lines: Iterator[str] | tuple[()]) -> int:
        """Read inputs from a file or a pipe; return the exit code."""
        pending = TypedInput()
        for line in lines:
            if pending.add(line) and not pending.text.lstrip().startswith(":"):
                continue
            text, pending = pending.text, TypedInput()
            if not self.take(text):
                break
        else:
            self.take(pending.text)  # an input that is never closed: its diagnostics say so
        return exit_codes.FAILED if self.failed else exit_codes.OK

    def take(self, text: str) -> bool:
        """Evaluate one input; return whether to go on."""
        command = text.strip()
        try:
            if command.startswith(":"):
                return self._command(command)
            answer = self._session.run(text.rstrip("\n"), self._context)
        except bamlvm.BamlError as error:
            self._fail(error)
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            self._fail(CommandError(exit_codes.INTERRUPTED, "interrupted"))
        else:
            for note in (answer.warnings.rstrip("\n"), *answer.notices):
                if note:
                    print(note, file=sys.stderr, flush=True)
            if answer.declared and sys.stdin.isatty():
                print(f"declared {', '.join(answer.declared)}")
            if answer.text is not None:
                print(answer.text, flush=True)
        return True

    def _command(self, command: str) -> bool:
        name, _, rest = command.partition(" ")
        if name in (":quit", ":q", ":exit"):
            return False
        if name == ":type" and rest.strip():
            print(self._session.type_of(rest), flush=True)
        elif name == ":dump" and rest.strip():
            stage, _, what = rest.strip().partition(" ")
            print(self._session.dump(stage, what).rstrip("\n"), flush=True)
        elif name == ":vars":
            for variable, type_ in self._session.variables.items():
                print(f"{variable}: {type_}", flush=True)
        elif name == ":help":
            print(_HELP, flush=True)
        else:
            self._fail(CommandError(exit_codes.USAGE, f"`{command}` is not a command; :help lists them"))
        return True

    def _fail(self, error: bamlvm.BamlError | CommandError) -> None:
        self.failed = True
        report(error)


@contextlib.contextmanager
def _line_editing(session: Session) -> Iterator[None]:
    """Edit lines with history and completion, where Python has them."""
    try:
        import readline
    except ImportError:
        yield
        return
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    file = Path(base, "bamlvm", "history")
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        readline.read_history_file(file)
    readline.set_history_length(_HISTORY_LINES)
    readline.set_completer(_completer(session))
    readline.set_completer_delims(_WORD_ENDS)
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(file)


def _completer(session: Session) -> Callable[[str, int], str | None]:
    def complete(text: str, place: int) -> str | None:
        found = [name for name in session.names if name.startswith(text)]
        return found[place] if place < len(found) else None

    return complete
