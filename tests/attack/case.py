"""An attack, and what must come of it.

An attack is a function without arguments that runs in a process of its own, whose address space and processor time are
limited: how long it takes by the clock says nothing on a machine that others use, too.
It returns what came of it, in the words of the table in docs/security.md (``LIMIT: a panic that the program cannot
catch``), and raises where the process was harmed in a way of its own (a figure that is too high).  Whatever else
happens to the process (a signal, no memory, no end) is a breach.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import bamlvm

SECONDS: Final = 20.0
"""How much processor time an attack may take, the start of its process included."""

MEGABYTES: Final = 1024
"""How large the address space of its process may grow."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    ``name`` says what is done, in the table's words; ``expected`` is what ``run`` returns.  ``seconds`` and
    ``megabytes`` are the limits of the process.  ``short`` attacks are part of ``make test``.
    """

    name: str
    expected: str
    run: Callable[[], str]
    seconds: float = SECONDS
    megabytes: int = MEGABYTES
    short: bool = True

    @property
    def slug(self) -> str:
        """The name as a word, to choose attacks by."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def ending(call: Callable[[], object]) -> str:
    """Return what a host sees of a call: ``a value``, or the name of the error that it gets."""
    try:
        call()
    except bamlvm.ThrownError as error:
        return error.class_name.rpartition(".")[2]
    except bamlvm.BamlError as error:
        return type(error).__name__
    return "a value"


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Return a context that may take ``seconds`` of processor time, or :class:`AssertionError` is raised."""
    started = time.process_time()
    yield
    taken = time.process_time() - started
    assert taken <= seconds, f"took {taken:.2f} s of processor time, more than {seconds} s"
