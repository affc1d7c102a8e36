"""A project as data for the page: what there is to run, with the schemas of its forms, and what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import HostError
from bamlvm.grammar.excerpts import render
from bamlvm.grammar.source import SourceFile
from bamlvm.stages import STAGES
from bamlvm.tools.dev.project import Project
from bamlvm.tools.dev.stages import library
from bamlvm.tools.reports import report
from bamlvm.values.json_schema import Schemas

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_MOST_EXCERPTS: Final = 200


def described(project: Project, *, mocked: bool, recording: bool) -> dict[str, Any]:
    """Return what the page shows of a project."""
    runtime = project.runtime
    diagnostics = json.loads(report(project.diagnostics, project.files, "json"))["diagnostics"]
    sources = {path: SourceFile(path, text) for path, text in project.files.items()}
    for shown, diagnostic in zip(diagnostics[:_MOST_EXCERPTS], project.diagnostics, strict=False):
        shown["excerpt"] = _excerpt(render(diagnostic, sources))
    found: dict[str, Any] = {
        "version": project.version,
        "path": project.path,
        "problem": project.problem,
        "diagnostics": diagnostics,
        "is_current": project.problem is None and project.files == project.compiled,
        "functions": [],
        "tests": [],
        "clients": [],
        "schemas": {},
        "stages": list(STAGES),
        "library": library(),
        "mocked": mocked,
        "recording": recording,
    }
    if runtime is not None:
        schemas = Schemas(runtime.engine.program, runtime.types, "argument")
        found["functions"] = [_function(runtime, name, schemas) for name in runtime.function_names]
        found["schemas"] = schemas.definitions
        found["clients"] = sorted(name for name in runtime.engine.program.clients if "." not in name)
        found["tests"] = [
            {"name": case.name, "function": case.function, "file": case.file, "line": case.line}
            for case in runtime.cases
        ]
    return found


def _excerpt(rendered: str) -> str:
    """Return what follows the message: place, source, labels, hint."""
    lines = rendered.split("\n")
    begin = next((at for at, line in enumerate(lines) if line.lstrip().startswith("-->")), 0)
    while lines[-1].strip() == "|":
        lines.pop()
    return "\n".join(lines[begin:])


def _function(runtime: Runtime, name: str, schemas: Schemas) -> dict[str, Any]:
    signature = runtime.signature(name)
    place = runtime.engine.program.function(name).position(0)
    parameters = []
    for parameter in signature.parameters:
        required = not (parameter.has_default or runtime.types.nullable(parameter.type))
        try:
            schema: dict[str, Any] | None = schemas.schema(parameter.type)
        except HostError:  # a function: it has no form as JSON
            schema = None
        parameters.append(
            {
                "name": parameter.name,
                "type": str(parameter.type),
                "required": required,
                "has_default": parameter.has_default,
                "schema": schema,
            }
        )
    llm = runtime.engine.program.llm_functions.get(name)
    return {
        "name": name,
        "client": None if llm is None else llm.client,
        "kind": signature.kind,
        "signature": str(signature),
        "doc": signature.doc,
        "parameters": parameters,
        "file": place.file,
        "line": place.line,
    }
