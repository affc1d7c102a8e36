"""The exit codes of every ``bamlvm`` command, listed once for the code and for ``--help``; and the error that ends a
command with one."""

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
TERMINATED = 143

MEANINGS = {
    OK: "success",
    THREW: "an uncaught error; a test that did not pass; a file that would change (`fmt` and `generate --check`)",
    USAGE: "the command line is wrong, or an argument does not fit its parameter",
    COMPILE: "the program does not compile",
    HOST: "something outside the program failed: a file, a port, a recording that does not match",
    NO_TESTS: "`test`: there are no tests, or none is selected",
    TIMEOUT: "the time of --timeout is up",
    INTERRUPTED: "Ctrl-C",
    BROKEN_PIPE: "the reader of the output closed it",
    TERMINATED: "SIGTERM, where a command ends in good order (`batch`, `eval`)",
}


class CommandError(Exception):
    """Ends the command with ``exit_code``; ``message`` is a sentence for the user."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message


def help_text() -> str:
    """Return the table for ``--help``."""
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
