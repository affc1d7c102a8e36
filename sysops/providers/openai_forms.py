"""Asking for an answer by a schema, in the words that both formats of OpenAI share.

Documents: "Structured model outputs" and "Function calling" (OpenAI).

A schema is *strict* unless ``output_strict false``: then it may say what strict ones cannot (maps), and the server does
not hold the answer against it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bamlvm.sysops.providers.catalogue import Provider
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.wire import document
from bamlvm.vm.program.schemas.forms import Form

_KNOW_PARALLEL_CALLS: Final = frozenset({"openai", "azure-openai", "openai-responses"})
_REASONING_MODEL: Final = re.compile(r"o\d")


def text_format(options: Options, form: Form) -> dict[str, Any]:
    """Return the name, the description, the schema and the strictness of an answer's text."""
    (shape,) = form.shapes
    described = {"description": shape.description} if shape.description else {}
    schema = document(options, form, shape, "openai")
    return {"name": shape.name, **described, "schema": schema, "strict": options.output_strict() is not False}


def tools(options: Options, form: Form) -> list[dict[str, Any]]:
    """Return the function of each tool: its name, description, parameters and strictness."""
    strict = options.output_strict() is not False
    return [
        {
            "name": shape.name,
            "description": shape.purpose,
            "parameters": document(options, form, shape, "openai"),
            "strict": strict,
        }
        for shape in form.shapes
    ]


def choose(row: Provider, options: Options, body: dict[str, Any], form: Form, sole: dict[str, Any]) -> None:
    """Say which tools are to be called, unless the client's options do; ``sole`` names the only tool.

    A list may be empty, so calls for one are not demanded.  Everything else is one call; OpenAI's reasoning models of
    the first generations refuse the parameter that says so.
    """
    choice: Any = "auto" if form.many else "required"
    body.setdefault("tool_choice", choice if form.many or len(form.shapes) > 1 else sole)
    if form.many or row.name not in _KNOW_PARALLEL_CALLS or _REASONING_MODEL.match(options.model() or ""):
        return
    body.setdefault("parallel_tool_calls", False)
    if body["parallel_tool_calls"] is None:
        del body["parallel_tool_calls"]
