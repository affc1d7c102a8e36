"""The modules ``sync_client.py`` and ``async_client.py`` of a client with the names and habits of the official one:
``b``, ``b.stream``, ``b.request``, ``b.stream_request``, ``b.parse``, ``b.parse_stream``, ``b.with_options``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bamlvm.tools.generate.annotations import MODELS, Annotations
from bamlvm.tools.generate.client_module import functions_of, parameters_of
from bamlvm.tools.generate.writing import References, docstring, quoted

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_OPTIONS: Final = "baml_options: _o.BamlCallOptions = _o.NO_OPTIONS"
_GROUPS: Final = ("stream", "request", "stream_request", "parse", "parse_stream")

_HEAD: Final = '''"""The program's functions{awaited}."""

from __future__ import annotations

import typing as _t

import bamlvm.compat.client as _c
import bamlvm.compat.collector as _l
{models}import bamlvm.compat.options as _o
import bamlvm.compat.type_builder as _tb
{defaults}
{imports}from .globals import project as _project

'''

_GROUP: Final = '''
class {name}:
    """{about}"""

    def __init__(self, caller: _c.Caller) -> None:
        self._caller = caller
'''

_ABOUT: Final = {
    "stream": "Partial values while an answer arrives.",
    "request": "The HTTP request of a call, which is not sent.",
    "stream_request": "The HTTP request of a streamed call, which is not sent.",
    "parse": "Answers parsed as a function's result; no model is asked.",
    "parse_stream": "The beginnings of answers, parsed as far as they go.",
}
_CLASSES: Final = {
    "stream": "BamlStreamClient",
    "request": "BamlHttpRequestClient",
    "stream_request": "BamlHttpStreamRequestClient",
    "parse": "LlmResponseParser",
    "parse_stream": "LlmStreamParser",
}

_CALL: Final = """\

    {define} {host}({parameters}) -> {result}:
{doc}\
        value: {result} = {wait}self._caller.{call}({name}, {arguments}, baml_options)
        return value
"""
_STREAM: Final = """\

    def {host}({parameters}) -> _c.{kind}[{partial}, {result}]:
{doc}\
        return self._caller.{start}({name}, {arguments}, baml_options)
"""
_REQUEST: Final = """\

    {define} {host}({parameters}) -> _l.HTTPRequest:
{doc}\
        return {wait}self._caller.{request}({name}, {arguments}, baml_options, stream={streams})
"""
_PARSE: Final = """\

    def {host}(self, llm_response: str, {options}) -> {parsed}:
{doc}\
        value: {parsed} = self._caller.{group}({name}, llm_response, baml_options)
        return value
"""

_CLIENT: Final = '''
class {name}:
    """The program's functions; ``baml_options`` concern one call."""

    def __init__(self, caller: _c.Caller) -> None:
        self._caller = caller
{members}
    def with_options(
        self,
        client: str | None = None,
        client_registry: _o.ClientRegistry | None = None,
        collector: _l.Collector | list[_l.Collector] | None = None,
        env: _t.Mapping[str, str | None] | None = None,
        tags: _t.Mapping[str, str] | None = None,
        on_tick: _t.Callable[[str, _l.FunctionLog], _t.Any] | None = None,
        abort_controller: _o.AbortController | None = None,
        tb: _tb.TypeBuilder | None = None,
    ) -> {name}:
        """Return a client with these options for every call."""
        options = _o.given_options(
            client=client,
            client_registry=client_registry,
            collector=collector,
            env=env,
            tags=tags,
            on_tick=on_tick,
            abort_controller=abort_controller,
            tb=tb,
        )
        return {name}(self._caller.with_options(options))
'''


def compat_module(runtime: Runtime, *, is_async: bool) -> str:
    """Return the text of ``async_client.py``, or of ``sync_client.py``."""
    program, types = runtime.engine.program, runtime.types
    references = References()
    whole = Annotations(program, types, references, "_types.", "_stream_types.", style=MODELS)
    partial = Annotations(program, types, references, "_types.", "_stream_types.", is_partial=True, style=MODELS)
    calls = ""
    groups = dict.fromkeys(_GROUPS, "")
    for function in functions_of(runtime, (*_GROUPS, "with_options")):
        signature = function.signature
        is_llm = signature.kind == "llm"
        arguments = ", ".join(f"{quoted(name)}: {host}" for name, host in function.parameters.items())
        fields = {
            "host": function.host,
            "name": quoted(signature.name),
            "doc": docstring(signature.doc, "        "),
            "parameters": ", ".join((*parameters_of(runtime, function, whole), _OPTIONS)),
            "options": _OPTIONS,
            "arguments": "{" + arguments + "}",
            "result": whole.text(signature.annotated),
            "partial": partial.text(signature.result) if is_llm else "_t.Any",
            "kind": "BamlStream" if is_async else "BamlSyncStream",
            "start": "stream_async" if is_async else "stream",
            "define": "async def" if is_async else "def",
            "wait": "await " if is_async else "",
            "call": "call_async" if is_async else "call",
            "request": "request_async" if is_async else "request",
        }
        calls += _CALL.format_map(fields)
        groups["stream"] += _STREAM.format_map(fields)
        if is_llm:
            groups["request"] += _REQUEST.format_map({**fields, "streams": False})
            groups["stream_request"] += _REQUEST.format_map({**fields, "streams": True})
            groups["parse"] += _PARSE.format_map({**fields, "group": "parse", "parsed": fields["result"]})
            partly = fields["partial"] if "None" in fields["partial"] else f"{fields['partial']} | None"
            groups["parse_stream"] += _PARSE.format_map({**fields, "group": "parse_stream", "parsed": partly})
    client = "BamlAsyncClient" if is_async else "BamlSyncClient"
    members = "".join(f"        self.{group} = {_CLASSES[group]}(caller)\n" for group in _GROUPS)
    imports = "".join(
        f"from . import {name} as _{name}\n" for name in ("stream_types", "types") if f"_{name}" in references.names
    )
    text = _HEAD.format(
        awaited=", to be awaited" if is_async else "",
        imports=imports,
        models="import bamlvm.compat.models as _m\n" if "_m" in references.names else "",
        defaults="from bamlvm import client as _client\n" if "_client." in calls else "",
    )
    for group in _GROUPS:
        text += _GROUP.format(name=_CLASSES[group], about=_ABOUT[group]) + groups[group] + "\n"
    text += _CLIENT.format(name=client, members=members) + calls
    return text + f"\n\nb: _t.Final = {client}(_c.Caller(_project))\n"
