"""The cases of a program's tests: which of them to run, and how each ended.

A :class:`Case` is one function of one ``test`` block.  It *passed* if the call returned and every ``@@assert`` held; it
*failed* if an ``@@assert`` did not hold; it is an *error* if there is no result to test: the call threw or took too
long, an argument does not fit, an expression cannot be evaluated.  An ``@@check`` that does not hold is reported and
does not fail the case.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from bamlvm.errors import BamlError
from bamlvm.sysops.records import AttemptRecord
from bamlvm.test_case import Case as Case

Status: TypeAlias = Literal["passed", "failed", "error"]


class Constraint(msgspec.Struct, frozen=True):
    """One ``@@assert`` or ``@@check``, evaluated.  ``holds`` is None if it cannot be; ``problem`` says why.

    ``operands`` are parts of an expression that does not hold, each as source and value.
    """

    level: Literal["assert", "check"]
    name: str | None
    expression: str
    holds: bool | None
    problem: str | None = None
    operands: tuple[tuple[str, Any], ...] = ()

    @property
    def message(self) -> str:
        """``@@assert(name, {{ this > 1 }}) does not hold``."""
        name = f"{self.name}, " if self.name else ""
        source = f"@@{self.level}({name}{{{{ {self.expression} }}}})"
        if self.holds is None:
            return f"{source} cannot be evaluated: {self.problem}"
        return f"{source} holds" if self.holds else f"{source} does not hold"


class Outcome(msgspec.Struct, frozen=True):
    """How a case ended.

    ``seconds`` is the duration of the call, ``value`` its result (None if there is none), ``error`` what ended the case
    without a result.  ``constraints`` are those that were evaluated, in written order; ``attempts`` the attempts at LLM
    clients.
    """

    case: Case
    status: Status
    seconds: float
    value: Any = None
    error: BamlError | None = None
    constraints: tuple[Constraint, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()

    @property
    def failures(self) -> list[Constraint]:
        """The constraints for which the case did not pass."""
        return [each for each in self.constraints if each.holds is None or (each.level == "assert" and not each.holds)]

    @property
    def failed_checks(self) -> list[Constraint]:
        """The checks that did not hold."""
        return [each for each in self.constraints if each.level == "check" and each.holds is False]


def select(every: Iterable[Case], include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[Case]:
    """Return the cases that match a pattern of ``include`` (any case, if it is empty) and none of ``exclude``.

    A pattern is ``Function::Test``, either side of which may be empty (any) or have ``*`` (any text); without ``::`` it
    is the function's.
    """
    wanted, unwanted = [_pattern(text) for text in include], [_pattern(text) for text in exclude]
    return [
        case
        for case in every
        if (not wanted or any(matches(case) for matches in wanted)) and not any(matches(case) for matches in unwanted)
    ]


def _pattern(text: str) -> Callable[[Case], bool]:
    function, _, test = text.partition("::")

    def matches(case: Case) -> bool:
        return _matches(case.function, function) and _matches(case.info.name, test)

    return matches


def _matches(name: str, pattern: str) -> bool:
    # Only `*` is special: fnmatch's other special characters become sets of themselves.
    return not pattern or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
