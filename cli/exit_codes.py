"""The exit codes of every ``bamlvm`` command: one place, from which ``--help`` is printed too."""

from __future__ import annotations

OK = 0
THREW = 1
FAILED = 1
UNFORMATTED = 1
STALE = 1
USAGE = 2
COMPILE = 3
HOST = 4
NO_TESTS = 5
TIMEOUT = 124
INTERRUPTED = 130
BROKEN_PIPE = 141

MEANINGS = {
    OK: "success",
    THREW: "the program threw an error that it did not catch; `bamlvm test`: a test did not pass; "
    "`bamlvm fmt --check`, `bamlvm generate --check`: a file would change",
    USAGE: "the command line was wrong, or an argument did not fit its parameter",
    COMPILE: "the program does not compile",
    HOST: "the surroundings failed: a file, a port, a recording that does not fit",
    NO_TESTS: "`bamlvm test`: there is no test, or none that was asked for",
    TIMEOUT: "--timeout ran out",
    INTERRUPTED: "Ctrl-C",
    BROKEN_PIPE: "whoever read the output stopped reading",
}


def help_text() -> str:
    """The table for ``--help``."""
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
