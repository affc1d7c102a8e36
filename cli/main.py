"""The ``bamlvm`` command: imports the module of one command, parses its options, runs it, and reports how it ended.

A command is a module with ``add_arguments(parser)`` and ``execute(options) -> int``.  Only the one that runs is
imported, since the start of a warm ``bamlvm run`` is mostly imports.  Commands print results to stdout and everything
else to stderr; the errors that they raise (:class:`bamlvm.cli.exit_codes.CommandError` and the package's own) are
printed here, each with its exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from bamlvm.cli import exit_codes

COMMANDS = {
    "init": ("bamlvm.cli.init", "write a new project that runs at once"),
    "run": ("bamlvm.cli.run", "run a function of a program"),
    "check": ("bamlvm.cli.check", "compile programs and report errors and warnings"),
    "explain": ("bamlvm.cli.explain", "explain a diagnostic's code"),
    "test": ("bamlvm.cli.test", "run the tests of a program"),
    "batch": ("bamlvm.cli.batch", "call a function with every row of a data set"),
    "eval": ("bamlvm.cli.eval", "score a function over a data set, and compare clients or prompts"),
    "fmt": ("bamlvm.cli.fmt", "format .baml files"),
    "repl": ("bamlvm.cli.repl", "evaluate BAML interactively"),
    "generate": ("bamlvm.cli.generate", "write a typed client of a program, or an OpenAPI document"),
    "schema": ("bamlvm.cli.schema", "print the JSON Schema of a type"),
    "dump": ("bamlvm.cli.dump", "print one stage of a program's compilation"),
    "serve": ("bamlvm.cli.serve", "serve the functions of a program over HTTP"),
    "mock": ("bamlvm.cli.mock", "serve scripted LLM answers on a local port"),
    "dev": ("bamlvm.cli.dev", "look at a program and run it in the browser"),
    "lsp": ("bamlvm.cli.lsp", "serve editors: the language server"),
    "completion": ("bamlvm.cli.completion", "print a completion script for a shell"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code (see :mod:`bamlvm.cli.exit_codes`)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _occupy_closed_descriptors()
    try:
        code = _dispatch(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt as interrupt:  # one of SIGTERM says so
        _forget_interruption()
        _complain(words, str(interrupt) or "interrupted")
        return exit_codes.TERMINATED if str(interrupt) else exit_codes.INTERRUPTED
    except MemoryError:
        _complain(words, "out of memory")
        return exit_codes.HOST
    except BrokenPipeError:
        _silence_failing_streams()
        return exit_codes.BROKEN_PIPE
    except OSError as error:
        failing = _silence_failing_streams()
        if "<stdout>" in failing:
            _complain(words, f"cannot write to stdout: {error.strerror}")
        elif not failing:
            place = f"{error.filename}: " if error.filename is not None else ""
            _complain(words, f"{place}{error.strerror or error}")
        return exit_codes.HOST


def _forget_interruption() -> None:
    """Have the process end with its own exit code.

    Where Ctrl-C strikes while Python runs a text (``exec``, as in dataclasses), it notes that nobody has handled the
    exception, and ends the process by the signal later, although somebody has.  It forgets that when it runs another.
    """
    exec("")


def _dispatch(words: list[str]) -> int:
    name = words[0] if words else "--help"
    if name in ("-h", "--help", "help"):
        print(_usage())
        return exit_codes.OK if words else exit_codes.USAGE
    if name in ("-V", "--version"):
        import bamlvm

        print(f"bamlvm {bamlvm.__version__}")
        return exit_codes.OK
    if name not in COMMANDS:
        return _unknown(name)

    import argparse
    from importlib import import_module

    import bamlvm

    _leave_out_httpx_command()
    module_name, summary = COMMANDS[name]
    module = import_module(module_name)
    parser = argparse.ArgumentParser(
        prog=f"bamlvm {name}",
        description=module.__doc__ or summary,
        epilog=exit_codes.help_text(),
        # A width of our own: argparse makes a formatter for each option, and each would load shutil to ask for one.
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=_help_width()),
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as stop:  # argparse has printed the help, or what is wrong
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    try:
        code: int = module.execute(options)
        return code
    except (exit_codes.CommandError, bamlvm.BamlError) as error:
        from bamlvm.cli.output import report

        return report(error, name)


def _leave_out_httpx_command() -> None:
    """Have httpx do without its own command line, which it loads where click, rich and pygments are installed: it then
    takes as long to load as the rest of it."""
    if "httpx" not in sys.modules:
        from types import ModuleType

        sys.modules.setdefault("httpx._main", ModuleType("httpx._main"))


def _complain(words: Sequence[str], reason: str) -> None:
    from bamlvm.grammar.printable import printable_line

    print(printable_line(f"bamlvm {words[0]}: {reason}" if words else f"bamlvm: {reason}"), file=sys.stderr)


def _occupy_closed_descriptors() -> None:
    """Let nothing else get the number of a standard stream that is closed: what reads ``/dev/stdin``, or a process that
    is started, would take a file of this process for it.  What is printed to a closed stderr is discarded."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stderr is None:  # `print` would take stdout instead
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open as long as the process is)


def _silence_failing_streams() -> list[str]:
    """Discard what streams hold that cannot be written; return their names.  Otherwise the interpreter would complain
    at exit (Python's documentation of ``signal``, "Note on SIGPIPE")."""
    failing = []
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            failing.append(stream.name)
    return failing


def _help_width() -> int:
    try:
        return max(40, min(120, os.get_terminal_size(sys.stdout.fileno()).columns - 2))
    except (AttributeError, OSError, ValueError):  # no stdout, or one that is not a terminal
        return 100


def _usage() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return (
        "usage: bamlvm COMMAND …\n\nRun BAML programs.  `bamlvm COMMAND --help` lists the options of a command.\n\n"
        f"commands:\n{commands}\n\noptions:\n  --version  print the version\n  --help     print this help\n\n"
        f"{exit_codes.help_text()}"
    )


def _unknown(name: str) -> int:
    from bamlvm.vm.program.spelling import suggestion

    hint = suggestion(name, COMMANDS)
    if name.endswith(".baml"):
        hint = f"to run a file: bamlvm run {name}"
    print(f"bamlvm: there is no command {name!r}; {hint}", file=sys.stderr)
    return exit_codes.USAGE
