"""The modules ``sync_client.py`` and ``async_client.py`` of a client package: a class with a method for each function,
and one class each for its ``stream``, ``parse`` and ``request``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from bamlvm.tools.generate.annotations import Annotations
from bamlvm.tools.generate.writing import References, docstring, quoted
from bamlvm.values.identifiers import host_names
from bamlvm.vm.program.declarations import Signature

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_GROUPS: Final = {
    "stream": "Partial values while an answer arrives.",
    "parse": "Answers parsed as a function's result; no model is asked.",
    "request": "The HTTP request of a call, which is not sent.",
}
_CONTEXT: Final = "ctx: _bamlvm.CallContext | None = None"

_HEAD: Final = '''\
"""The program's functions{awaited}."""

from __future__ import annotations

import typing as _t

import bamlvm as _bamlvm
from bamlvm import client as _client

{imports}from ._sources import project as _project


'''

_CLASS: Final = '''\
class {name}:
    """{about}"""

    def __init__(self, project: _client.Project) -> None:
        self.project: _t.Final = project
'''

_CALL: Final = """\

    {define} {host}({parameters}) -> {result}:
{doc}\
        value: {result} = {wait}self.project.{call}({name}, {arguments}, ctx)
        return value
"""

_STREAM: Final = """\

    def {host}({parameters}) -> _client.{kind}Stream[{partial}, {result}]:
{doc}\
        return _client.{kind}Stream(self.project.stream({name}, {arguments}, ctx))
"""

_PARSE: Final = """\

    def {host}(self, text: str, {context}) -> {result}:
{doc}\
        value: {result} = self.project.runtime.parse({name}, text, ctx)
        return value
"""

_REQUEST: Final = """\

    def {host}({request_parameters}) -> _bamlvm.HttpRequest:
{doc}\
        return self.project.runtime.request({name}, _client.given({arguments}), ctx, stream=stream)
"""


class ClientFunction(NamedTuple):
    """A function of the client: its name in Python, its signature, its parameters' names in Python."""

    host: str
    signature: Signature
    parameters: dict[str, str]


def client_module(runtime: Runtime, *, is_async: bool) -> str:
    """Return the text of ``async_client.py``, or of ``sync_client.py``."""
    program, types = runtime.engine.program, runtime.types
    references = References()
    whole = Annotations(program, types, references, "_types.", "_partial_types.")
    partial = Annotations(program, types, references, "_types.", "_partial_types.", is_partial=True)
    calls = ""
    groups: dict[str, str] = dict.fromkeys(_GROUPS, "")
    for function in functions_of(runtime, (*_GROUPS, "project")):
        signature = function.signature
        is_llm = signature.kind == "llm"
        parameters = parameters_of(runtime, function, whole)
        arguments = ", ".join(f"{quoted(name)}: {host}" for name, host in function.parameters.items())
        fields = {
            "host": function.host,
            "name": quoted(signature.name),
            "doc": docstring(signature.doc, "        "),
            "parameters": ", ".join((*parameters, _CONTEXT)),
            "request_parameters": ", ".join((*parameters, "stream: bool = False", _CONTEXT)),
            "arguments": "{" + arguments + "}",
            "result": whole.text(signature.annotated),
            "partial": partial.text(signature.result) if is_llm else "_t.Any",
            "kind": "Async" if is_async else "Sync",
            "define": "async def" if is_async else "def",
            "wait": "await " if is_async else "",
            "call": "call_async" if is_async else "call",
            "context": _CONTEXT,
        }
        calls += _CALL.format_map(fields)
        groups["stream"] += _STREAM.format_map(fields)
        if is_llm:
            groups["parse"] += _PARSE.format_map(fields)
            groups["request"] += _REQUEST.format_map(fields)
    return _module(calls, groups, references, is_async)


def _module(calls: str, groups: dict[str, str], references: References, is_async: bool) -> str:
    kind = "Async" if is_async else "Sync"
    written = [group for group in groups if groups[group]]
    classes = [
        _CLASS.format(name=f"{kind}{group.capitalize()}", about=_GROUPS[group]) + groups[group] for group in written
    ]
    about = "The program's functions; ``ctx`` is the context of a call."
    members = "".join(f"        self.{group} = {kind}{group.capitalize()}(project)\n" for group in written)
    classes.append(_CLASS.format(name=f"{kind}Client", about=about) + members + calls)
    imports = "".join(
        f"from . import {name} as _{name}\n" for name in ("partial_types", "types") if f"_{name}" in references.names
    )
    head = _HEAD.format(awaited=", to be awaited" if is_async else "", imports=imports)
    return head + "\n\n".join(classes) + f"\n\nb: _t.Final = {kind}Client(_project)\n"


def functions_of(runtime: Runtime, taken: Iterable[str]) -> Iterator[ClientFunction]:
    """Yield the program's own functions; ``taken`` are the names of the client's other members."""
    own = [name for name in runtime.function_names if "." not in name]
    for name, host in host_names(own, taken, "function").items():
        signature = runtime.signature(name)
        parameters = host_names(
            (each.name for each in signature.parameters),
            ("self", "ctx", "baml_options"),
            "argument",
        )
        yield ClientFunction(host, signature, parameters)


def parameters_of(runtime: Runtime, function: ClientFunction, annotations: Annotations) -> list[str]:
    """Return the parameters of a method, with ``*`` where the keyword-only ones begin.

    BAML allows an optional parameter before a required one, Python only if both are keyword-only.
    """
    texts = []
    optional = []
    for parameter in function.signature.parameters:
        text = annotations.text(parameter.type)
        host = function.parameters[parameter.name]
        if parameter.has_default:
            texts.append(f"{host}: {text} | _client.Default = _client.DEFAULT")
        elif runtime.types.nullable(parameter.type):
            texts.append(f"{host}: {text} = None")
        else:
            texts.append(f"{host}: {text}")
        optional.append("=" in texts[-1])
    first_optional = optional.index(True) if True in optional else len(texts)
    positional = first_optional if False in optional[first_optional:] else len(texts)
    return ["self", *texts[:positional], "*", *texts[positional:]]
