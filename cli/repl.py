"""Try out BAML: statements and declarations, input by input.

An input is statements (`let xs = [1, 2]`, `xs.push(3)`, `xs.length() * 2`) or declarations (`class P { x int }`), which
may be declared anew later.  It goes on over lines while a bracket or a string is open.  PATH, a file or a folder, is
the program to begin with.

  :type EXPR           the type of an expression
  :dump STAGE [WHAT]   one of tokens, ast, hir, tir, mir, bytecode: of an item, of an expression, of everything
  :vars                the variables and their types
  :help                this list
  :quit                leave (so does Ctrl-D; Ctrl-C ends what runs, or drops what is being typed)

What was typed is kept in $XDG_STATE_HOME/bamlvm/history (or ~/.local/state/bamlvm/history).  Where stdin is no
terminal there is no prompt, results go to stdout and what is wrong to stderr; the exit code is 1 if any input failed.
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
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import thrown_text, wants_colour
from bamlvm.cli.program import read_program
from bamlvm.tools.session.session import Session, is_open

_PROMPT = "baml> "
_MORE = "  ... "
_HISTORY_LINES = 10_000
_HELP = "  :type" + (__doc__ or "").partition("  :type")[2].partition("\n\n")[0]
_WORD_ENDS = " \t\n\"\\'`@$><=;|&{([,.)]}+-*/%!?:"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", metavar="PATH", nargs="?", help="a .baml file or a folder of them")
    parser.add_argument("--timeout", type=float, metavar="S", help="give each input up after this many seconds")
    parser.add_argument(
        "--allow", action="append", default=[], choices=["shell"], help="let the program do this, which it may not else"
    )


def execute(options: argparse.Namespace) -> int:
    """Read, evaluate, print, again."""
    if options.timeout is not None and not options.timeout >= 0:
        raise Failure(exit_codes.USAGE, f"bamlvm repl: --timeout: expected seconds from 0 up, got {options.timeout:g}")
    files = read_program(options.path) if options.path is not None else {}
    try:
        session = Session(files, denied={"shell"} - set(options.allow))
    except bamlvm.CompileError as error:
        raise Failure(exit_codes.COMPILE, error.render(wants_colour(sys.stderr)).rstrip("\n")) from None
    repl = _Repl(session, bamlvm.CallContext(timeout=options.timeout))
    if sys.stdin is None or not sys.stdin.isatty():
        return repl.read_all(sys.stdin or ())
    with _line_editing(session):
        repl.converse()
    return exit_codes.OK


class _Repl:
    """The loop.  ``failed`` says whether some input did."""

    def __init__(self, session: Session, context: bamlvm.CallContext) -> None:
        self._session = session
        self._context = context
        self.failed = False

    def converse(self) -> None:
        """With somebody at a terminal."""
        print(f"bamlvm {bamlvm.__version__}; :help says what there is, Ctrl-D leaves")
        pending = ""
        while True:
            try:
                pending += input(_MORE if pending else _PROMPT) + "\n"
            except KeyboardInterrupt:
                print()
                pending = ""
                continue
            except EOFError:
                print()
                return
            if not pending.lstrip().startswith(":") and is_open(pending):
                continue
            text, pending = pending, ""
            if not self.take(text):
                return

    def read_all(self, lines: Iterator[str] | tuple[()]) -> int:
        """From a file or a pipe."""
        pending = ""
        for line in lines:
            pending += line
            if not pending.lstrip().startswith(":") and is_open(pending):
                continue
            text, pending = pending, ""
            if not self.take(text):
                break
        else:
            self.take(pending)  # what was never closed: its diagnostics say so
        return exit_codes.FAILED if self.failed else exit_codes.OK

    def take(self, text: str) -> bool:
        """One input; False if it was the last."""
        command = text.strip()
        try:
            if command.startswith(":"):
                return self._command(command)
            answer = self._session.run(text.rstrip("\n"), self._context)
        except bamlvm.CompileError as error:
            self._complain(error.render(wants_colour(sys.stderr)).rstrip("\n"))
        except bamlvm.ThrownError as error:
            self._complain(thrown_text(error))
        except bamlvm.BamlError as error:
            self._complain(str(error))
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
            self._complain("interrupted")
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
            self._complain(f"there is no command `{command}` like this; :help lists what there is")
        return True

    def _complain(self, text: str) -> None:
        self.failed = True
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _line_editing(session: Session) -> Iterator[None]:
    """Editing, history and completion, where Python has them."""
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
