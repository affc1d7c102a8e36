"""Code lenses, and the commands behind them: run a function, run a test, preview a prompt.

A client may execute the commands itself, in a terminal, say.  The server runs programs in a process of their own, from
the files as they are saved; a prompt is rendered here, from the buffers, with the arguments of a test.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lsprotocol import types as lsp

from bamlvm.errors import BamlError
from bamlvm.grammar import syntax
from bamlvm.tools.language_server.conversion import range_of
from bamlvm.tools.language_server.workspace import File, Workspace
from bamlvm.tools.project import project_folder

RUN: Final = "bamlvm.run"
TEST: Final = "bamlvm.test"
PREVIEW: Final = "bamlvm.previewPrompt"
_LONGEST: Final = 300
"""Seconds that a program may take."""


def code_lenses(workspace: Workspace, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    """Return what can be run in a document, above what it is about."""
    file = workspace.file(params.text_document.uri)
    if file is None:
        return []
    return [
        lsp.CodeLens(range_of(file.text, start, end), lsp.Command(title, command, arguments=[arguments]))
        for start, end, title, command, arguments in _lenses(file)
    ]


def _lenses(file: File) -> Iterator[tuple[int, int, str, str, dict[str, Any]]]:
    model = file.program.model()
    place = file.program.folder or file.path
    tests = _tests(file)
    for item in model.items(file.path):
        declaration = item.declaration
        start = item.offset + declaration.name_start
        end = start + len(declaration.name)
        match declaration:
            case syntax.Function():
                base = {"program": place, "function": declaration.name}
                named = tests.get(declaration.name, [])
                if all(each.default is not None for each in declaration.parameters):
                    yield start, end, "▶ Run", RUN, base
                if isinstance(declaration.body, syntax.LlmBody):
                    given = {**base, "test": named[0]} if named else base
                    yield start, end, "Preview prompt", PREVIEW, given
                if len(named) > 1:
                    yield start, end, f"▶ Run {len(named)} tests", TEST, base
            case syntax.Test():
                for function in _functions(declaration):
                    arguments = {"program": place, "function": function, "test": declaration.name}
                    called = model.stages.index.entries.get(function)
                    yield start, end, f"▶ Test {function}", TEST, arguments
                    tested = called.declaration if called is not None else None
                    if isinstance(tested, syntax.Function) and isinstance(tested.body, syntax.LlmBody):
                        yield start, end, "Preview prompt", PREVIEW, arguments
            case _:
                pass


def _functions(test: syntax.Test) -> list[str]:
    for entry in test.body.entries:
        if entry.key == "functions":
            items = entry.value.items if isinstance(entry.value, syntax.ConfigList) else (entry.value,)
            return [str(each.value) for each in items if isinstance(each, syntax.ConfigScalar)]
    return []


def _tests(file: File) -> dict[str, list[str]]:
    """Return the tests of a program by the functions that they call."""
    found: dict[str, list[str]] = {}
    for entry in file.program.model().stages.index.tests:
        if isinstance(entry.declaration, syntax.Test):
            for function in _functions(entry.declaration):
                found.setdefault(function, []).append(entry.declaration.name)
    return found


async def execute(workspace: Workspace, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Execute a command; return ``{exitCode, output, errors}`` or, of a prompt, ``{messages}``."""
    program, function = str(arguments["program"]), str(arguments["function"])
    test = arguments.get("test")
    if command == PREVIEW:
        for each in workspace.programs:
            if program in (each.folder, *each.files):
                texts = {path: text.text for path, text in each.files.items()}
                return await asyncio.to_thread(_preview, texts, each.folder, function, test)
        return {"error": f"{program}: no such program is open"}
    if command == RUN:
        return await _run("run", program, function)
    return await _run("test", program, "-i", f"{function}::{test or '*'}")


async def _run(*words: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bamlvm", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LONGEST):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    shown = (text.decode(errors="replace") for text in (output, errors))
    return {"exitCode": process.returncode, **dict(zip(("output", "errors"), shown, strict=True))}


def _preview(texts: Mapping[str, str], folder: str, function: str, test: str | None) -> dict[str, Any]:
    from bamlvm.context import NO_CONTEXT
    from bamlvm.runtime import Runtime
    from bamlvm.tools.test_runner.arguments import arguments

    try:
        with Runtime.from_files(texts) as runtime:
            cases = [case for case in runtime.cases if case.function == function and test in (None, case.info.name)]
            given: dict[str, Any] = {}
            if cases:
                beside = Path(cases[0].file).parent
                given = arguments(runtime, cases[0], NO_CONTEXT, beside, project_folder(folder or str(beside)))
            prompt = runtime.render_prompt(function, given)
    except BamlError as error:
        return {"error": str(error)}
    return {"messages": [{"role": message.role, "text": message.text} for message in prompt]}
