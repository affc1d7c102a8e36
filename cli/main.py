"""The ``bamlvm`` command: finds the command's module, lets it parse its options, runs it, and answers for how it ends.

A command is a module with ``configure(parser)`` and ``execute(options) -> int``; it is imported only when it is the one
that was asked for, since the start of a warm ``bamlvm run`` is mostly imports.  Commands print results to stdout and
everything else to stderr, and report what went wrong by raising :class:`bamlvm.cli.failure.Failure`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from bamlvm.cli import exit_codes

COMMANDS = {
    "run": ("bamlvm.cli.run", "run a function of a program"),
    "check": ("bamlvm.cli.check", "compile programs and report what is wrong with them"),
    "test": ("bamlvm.cli.test", "run the tests of a program"),
    "fmt": ("bamlvm.cli.fmt", "format .baml files"),
    "repl": ("bamlvm.cli.repl", "try out BAML, input by input"),
    "generate": ("bamlvm.cli.generate", "write a typed Python client of a program"),
    "schema": ("bamlvm.cli.schema", "print the JSON Schema of a type"),
    "dump": ("bamlvm.cli.dump", "print what one stage of the compiler makes of a file"),
    "mock": ("bamlvm.cli.mock", "serve made-up LLM answers on a local port"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (see :mod:`bamlvm.cli.exit_codes`)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _dispatch(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        _give_up_broken_streams()
        return exit_codes.BROKEN_PIPE


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

    from bamlvm.cli.failure import Failure

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
    module.configure(parser)
    try:
        options = parser.parse_args(words[1:])
    except SystemExit as stop:  # argparse's way to say that it has printed the help, or what is wrong
        return stop.code if isinstance(stop.code, int) else exit_codes.USAGE
    try:
        code = module.execute(options)
        assert isinstance(code, int)
        return code
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return failure.exit_code


def _give_up_broken_streams() -> None:
    """Let what is still buffered go nowhere: else the interpreter would complain at exit (docs of ``signal``)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _help_width() -> int:
    try:
        return max(40, min(120, os.get_terminal_size(sys.stdout.fileno()).columns - 2))
    except (AttributeError, OSError, ValueError):  # no stdout, or one that is no terminal
        return 100


def _usage() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items())
    return (
        "usage: bamlvm COMMAND …\n\nRun BAML programs: see `bamlvm COMMAND --help` for each command's options.\n\n"
        f"commands:\n{commands}\n\noptions:\n  --version  print the version\n  --help     print this\n\n"
        f"{exit_codes.help_text()}"
    )


def _unknown(name: str) -> int:
    from bamlvm.vm.program.spelling import suggestion

    hint = suggestion(name, COMMANDS)
    if name.endswith(".baml"):
        hint = f"to run a file: bamlvm run {name}"
    print(f"bamlvm: there is no command {name!r}; {hint}", file=sys.stderr)
    return exit_codes.USAGE
