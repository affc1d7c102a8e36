"""Running a program's ``test`` blocks: ``bamlvm test`` as a library.

    for case in select(runtime.cases, include=["Extract::*"]):
        outcome = run_case(runtime, case)
        print(case.name, outcome.status, outcome.messages)

A :class:`Case` is one function of one ``test`` block.  It is *passed* if the call returned and every ``@@assert`` held,
*failed* if an ``@@assert`` did not hold, an *error* if there is no answer: the call threw or took too long, an argument
does not fit, an expression cannot be evaluated.  An ``@@check`` that does not hold is reported and fails nothing.

Constraints are evaluated in written order, all of them.  They see ``this`` and ``_.result`` (the result as builtins: a
class is a map by field names, an enum its variant's name), ``_.latency_ms``, and ``_.checks.NAME``, whether the checks
written before held.

Arguments are configuration: a block is a class, a map, or media: ``{ file "a.png" }`` (a path seen from the file of the
test), ``{ url "…" }``, ``{ base64 "…" }``, each with a ``media_type`` where it cannot be told.  ``env.X`` is looked up
when the case runs.
"""

from __future__ import annotations

import base64
import fnmatch
import mimetypes
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from bamlvm.context import CallContext
from bamlvm.errors import BamlError, Cancelled, HostError
from bamlvm.test_case import Case as Case
from bamlvm.test_case import cases as cases
from bamlvm.values.results import to_builtins
from bamlvm.vm.program.declarations import ConfigValue, referenced_environment
from bamlvm.vm.program.types import MEDIA, AliasType, ClassType, ListType, MapType, Primitive, Type, UnionType
from bamlvm.vm.values import Media

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.sysops.prompts.predicates import Predicates

Status = Literal["passed", "failed", "error"]

_SOURCES: Final = ("file", "url", "base64")
_MEDIA_TYPES: Final = {  # what not every system's table has, and what providers call otherwise
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}


class Constraint(msgspec.Struct, frozen=True):
    """What became of one ``@@assert`` or ``@@check``.  ``holds`` is None if it could not be evaluated; ``problem`` says
    why."""

    level: Literal["assert", "check"]
    name: str | None
    expression: str
    holds: bool | None
    problem: str | None = None

    @property
    def message(self) -> str:
        """``@@assert(name, {{ this > 1 }}) does not hold``."""
        written = f"{self.name}, " if self.name else ""
        face = f"@@{self.level}({written}{{{{ {self.expression} }}}})"
        if self.holds is None:
            return f"{face} cannot be evaluated: {self.problem}"
        return f"{face} holds" if self.holds else f"{face} does not hold"


class Outcome(msgspec.Struct, frozen=True):
    """How a case went.  ``seconds`` is the call's duration; ``value`` its result (None if there is none); ``error``
    what ended the case instead; ``constraints`` those that were evaluated."""

    case: Case
    status: Status
    seconds: float
    value: Any = None
    error: BamlError | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def failures(self) -> list[Constraint]:
        """The constraints for which the case did not pass."""
        return [each for each in self.constraints if each.holds is None or (each.level == "assert" and not each.holds)]

    @property
    def failed_checks(self) -> list[Constraint]:
        """The checks that did not hold."""
        return [each for each in self.constraints if each.level == "check" and each.holds is False]


def select(every: Iterable[Case], include: Sequence[str] = (), exclude: Sequence[str] = ()) -> list[Case]:
    """The cases that some pattern of ``include`` fits (any, if there is none) and no pattern of ``exclude``.

    A pattern is ``Function::Test``, either side of which may be empty (any) or have ``*`` (any text); without ``::`` it
    is a function's.
    """
    wanted, unwanted = [_pattern(text) for text in include], [_pattern(text) for text in exclude]
    return [
        case
        for case in every
        if (not wanted or any(fits(case) for fits in wanted)) and not any(fits(case) for fits in unwanted)
    ]


def run_case(
    runtime: Runtime, case: Case, context: CallContext | None = None, root: str | os.PathLike[str] = "."
) -> Outcome:
    """Call the function of a case and evaluate what must hold of its result.

    The files of media arguments are looked for beside the test's file, which is at its name below ``root``.  Raises
    :class:`bamlvm.Cancelled` if the call was cancelled; whatever else goes wrong is in the outcome.
    """
    context = context or CallContext()
    started = time.perf_counter()
    try:
        arguments = _arguments(runtime, case, {**runtime.engine.env, **context.env}, Path(root, case.file).parent)
        started = time.perf_counter()
        value = runtime.call_function_sync(case.function, arguments, context)
        seconds = time.perf_counter() - started
        plain = to_builtins(value, checks=False)
    except BamlError as error:
        if type(error) is Cancelled:
            raise
        return Outcome(case, "error", time.perf_counter() - started, error=error)
    constraints = tuple(_constraints(runtime, case, plain, seconds))
    status: Status = "passed"
    if any(each.holds is None for each in constraints):
        status = "error"
    elif any(each.level == "assert" and not each.holds for each in constraints):
        status = "failed"
    return Outcome(case, status, seconds, value, None, constraints)


def _pattern(text: str) -> Callable[[Case], bool]:
    function, _, test = text.partition("::")

    def fits(case: Case) -> bool:
        return _fits(case.function, function) and _fits(case.info.name, test)

    return fits


def _fits(name: str, pattern: str) -> bool:
    # `*` alone is special: the other signs of fnmatch are written as sets of themselves
    return not pattern or fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))


def _constraints(runtime: Runtime, case: Case, plain: Any, seconds: float) -> Iterable[Constraint]:
    if not case.info.constraints:
        return
    predicates = _predicates(runtime)
    checks: dict[str, bool] = {}
    names = {"this": plain, "_": {"result": plain, "latency_ms": seconds * 1000, "checks": checks}}
    for attribute in case.info.constraints:
        level: Literal["assert", "check"] = "check" if attribute.name == "check" else "assert"
        name = str(attribute.arguments[0]) if attribute.arguments else None
        expression = (attribute.expression or "").strip()
        holds, problem = _evaluate(predicates, expression, names)
        if level == "check" and name is not None and holds is not None:
            checks[name] = holds
        yield Constraint(level, name, expression, holds, problem)


def _evaluate(predicates: Predicates, expression: str, names: Mapping[str, Any]) -> tuple[bool | None, str | None]:
    from bamlvm.sysops.prompts.predicates import PredicateError

    if not expression:
        return None, "it has no {{ expression }}"
    try:
        return predicates.holds(expression, names), None
    except PredicateError as error:
        return None, str(error)


def _predicates(runtime: Runtime) -> Predicates:
    from bamlvm.sysops.prompts.predicates import Predicates

    kept = runtime.engine.services.compiled_templates
    with runtime.engine.program.lock:
        if "predicates" not in kept:
            kept["predicates"] = Predicates(runtime.engine.program.enums)
        found: Predicates = kept["predicates"]
        return found


# --- arguments --------------------------------------------------------------------------------------------------------


def _arguments(runtime: Runtime, case: Case, environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    types = {parameter.name: parameter.type for parameter in runtime.signature(case.function).parameters}
    reader = _Reader(runtime, environment, folder)
    given = case.info.arguments
    if len(case.info.functions) > 1:  # which share one block of arguments: each takes its own
        given = {name: value for name, value in given.items() if name in types}
    return {name: reader.read(value, types.get(name), name) for name, value in given.items()}


class _Reader:
    """Convert configuration to the Python values that arguments are made from; the type says where media are meant."""

    def __init__(self, runtime: Runtime, environment: Mapping[str, str], folder: Path) -> None:
        self._program = runtime.engine.program
        self._environment = environment
        self._folder = folder

    def read(self, value: ConfigValue, type_: Type | None, path: str) -> Any:
        """A value for a parameter or part of the type (None: unknown)."""
        parts = self._parts(type_)
        if isinstance(value, list):
            item = next((part.item for part in parts if isinstance(part, ListType)), None)
            return [self.read(each, item, f"{path}[{place}]") for place, each in enumerate(value)]
        if not isinstance(value, dict):
            return value
        variable = referenced_environment(value)
        if variable is not None:
            if variable not in self._environment:
                raise HostError(f"{path}: the environment has no variable {variable}")
            return self._environment[variable]
        kind = next((part.name for part in parts if isinstance(part, Primitive) and part.name in MEDIA), None)
        if kind is not None and any(source in value for source in _SOURCES):
            return self._media(value, kind, path)
        types: dict[str, Type] = {}
        anything: Type | None = None
        for part in parts:
            if isinstance(part, ClassType) and part.name in self._program.classes:
                types |= {field.name: field.type for field in self._program.classes[part.name].fields}
            elif isinstance(part, MapType):
                anything = part.value
        return {key: self.read(each, types.get(key, anything), f"{path}.{key}") for key, each in value.items()}

    def _parts(self, type_: Type | None) -> list[Type]:
        """The members of a union, aliases looked through; one type is its only member."""
        found: list[Type] = []
        waiting = [type_] if type_ is not None else []
        seen: set[str] = set()
        while waiting:
            each = waiting.pop()
            if isinstance(each, UnionType):
                waiting.extend(each.members)
            elif isinstance(each, AliasType):
                if each.name not in seen and each.name in self._program.aliases:
                    seen.add(each.name)
                    waiting.append(self._program.aliases[each.name])
            else:
                found.append(each)
        return found

    def _media(self, value: dict[str, Any], kind: str, path: str) -> Media:
        given = {key: self.read(each, None, f"{path}.{key}") for key, each in value.items()}
        mime = given.pop("media_type", None)
        if len(given) != 1 or not all(isinstance(each, str) for each in (*given.values(), mime or "")):
            forms = '`file "…"`, `url "…"` or `base64 "…"`'
            raise HostError(f"{path}: expected {kind} as one of {forms}, with a `media_type` or without")
        ((source, data),) = given.items()
        if source == "url":
            return Media(kind, mime, "url", data)
        if source == "base64":
            return Media(kind, mime, "base64", data)
        file = self._folder / data
        try:
            content = file.read_bytes()
        except OSError as error:
            raise HostError(f"{path}: {file}: {error.strerror}") from None
        mime = mime or _MEDIA_TYPES.get(file.suffix.lower()) or mimetypes.guess_type(file.name)[0]
        return Media(kind, mime, "base64", base64.b64encode(content).decode())
