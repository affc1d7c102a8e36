"""Running a case: call its function, then evaluate the constraints of its ``test`` block.

    for case in select(runtime.cases, include=["Extract::*"]):
        outcome = run_case(runtime, case)
        print(case.name, outcome.status, [each.message for each in outcome.failures])

All constraints are evaluated, in written order.  They see ``this`` and ``_.result`` (the result as builtins: a class is
a map by field names, an enum its variant's name), ``_.latency_ms``, and ``_.checks.NAME``, whether an earlier check
held.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from bamlvm.collector import Collector
from bamlvm.context import CallContext, TypesSource
from bamlvm.errors import BamlError, Cancelled
from bamlvm.tools.project import project_folder
from bamlvm.tools.test_runner.arguments import arguments
from bamlvm.tools.test_runner.cases import Case, Constraint, Outcome, Status
from bamlvm.values.results import to_builtins

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.sysops.prompts.predicates import Predicates
    from bamlvm.vm.program.declarations import TestInfo


def run_case(
    runtime: Runtime,
    case: Case,
    context: CallContext | None = None,
    root: str | os.PathLike[str] | None = None,
    project: str | os.PathLike[str] | None = None,
) -> Outcome:
    """Call the function of a case and evaluate its constraints.

    Files among the arguments are relative to the test's file, whose own name is relative to ``root``, or else to the
    current folder.  They must be below ``project``; that is ``root`` if it is not given, or else the project of the
    test's file (:func:`bamlvm.tools.project.project_folder`).  Raises :class:`bamlvm.Cancelled` if the call is
    cancelled; any other error is in the outcome.
    """
    collector = Collector()
    context = context or CallContext()
    context = msgspec.structs.replace(context, collectors=(*context.collectors, collector))
    started = time.perf_counter()
    try:
        folder = Path("." if root is None else root, case.file).parent
        inside = project or root or project_folder(str(folder))
        context = msgspec.structs.replace(context, types=_types(case, context))
        given = arguments(runtime, case, context, folder, str(inside))
        started = time.perf_counter()
        value = runtime.call_function_sync(case.function, given, context)
        seconds = time.perf_counter() - started
        plain = to_builtins(value, checks=False)
    except BamlError as error:
        if type(error) is Cancelled:
            raise
        return Outcome(case, "error", time.perf_counter() - started, error=error, attempts=collector.attempts)
    constraints = tuple(evaluated(runtime, case.info, plain, seconds, context.types))
    status: Status = "passed"
    if any(each.holds is None for each in constraints):
        status = "error"
    elif any(each.level == "assert" and not each.holds for each in constraints):
        status = "failed"
    return Outcome(case, status, seconds, value, None, constraints, collector.attempts)


def _types(case: Case, context: CallContext) -> TypesSource | Sequence[TypesSource] | None:
    """Return the types of a case: those of its ``type_builder``, and those of the context."""
    given = context.types
    if given is None or not case.info.types:
        return case.info.types or given
    more = given if isinstance(given, list | tuple) else (given,)
    return (case.info.types, *more)


def evaluated(
    runtime: Runtime,
    test: TestInfo,
    plain: Any,
    seconds: float,
    types: TypesSource | Sequence[TypesSource] | None = None,
) -> Iterable[Constraint]:
    """Yield the constraints of a test, evaluated for a result as builtins that took so long; ``types`` are those that
    the call added."""
    if not test.constraints:
        return
    added = runtime.engine.borders.of(types).added
    predicates = (added or runtime.engine.services.readers).predicates
    checks: dict[str, bool] = {}
    names = {"this": plain, "_": {"result": plain, "latency_ms": seconds * 1000, "checks": checks}}
    for attribute in test.constraints:
        level: Literal["assert", "check"] = "check" if attribute.name == "check" else "assert"
        name = str(attribute.arguments[0]) if attribute.arguments else None
        expression = (attribute.expression or "").strip()
        holds, problem = _evaluate(predicates, expression, names)
        if level == "check" and name is not None and holds is not None:
            checks[name] = holds
        shown = _operands(predicates, expression, names) if holds is False else ()
        yield Constraint(level, name, expression, holds, problem, shown)


def _evaluate(predicates: Predicates, expression: str, names: Mapping[str, Any]) -> tuple[bool | None, str | None]:
    from bamlvm.sysops.prompts.predicates import PredicateError

    if not expression:
        return None, "it has no {{ expression }}"
    try:
        return predicates.holds(expression, names), None
    except PredicateError as error:
        return None, str(error)


def _operands(predicates: Predicates, expression: str, names: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    from bamlvm.tools.test_runner.operands import operands  # needs Jinja

    return operands(predicates, expression, names)
