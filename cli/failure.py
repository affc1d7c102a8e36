"""How a command says that it cannot go on."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818  # it is how a command ends, reported by `main`, not an error of the program
    """Ends the command with ``exit_code``; ``message``, a sentence for the user, is printed to stderr."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
