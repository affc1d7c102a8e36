"""A TypeScript client of ``bamlvm serve``: no dependencies, `fetch` and the types.

    index.ts            `b`, `BamlClient`, errors, and the types
    client.ts           a method for each function, and `b.stream`
    types.ts            what goes over the wire
    partial_types.ts    classes while they stream
    wire.ts             requests, server-sent events, errors: the same for every program

``wire.ts`` beside this module is written as it is.  Functions that take or return what has no form as JSON are no
methods, as they are not in the OpenAPI document.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from bamlvm.errors import HostError
from bamlvm.tools.generate.typescript_types import (
    TypeNames,
    TypeTexts,
    comment,
    imports,
    or_null,
    partial_types_text,
    types_text,
    typescript_names,
)
from bamlvm.values.json_schema import Schemas
from bamlvm.vm.program.declarations import Signature

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

HEADER: Final = "// Written by `bamlvm generate` from the program's sources: changes will be lost.\n\n"

_INDEX: Final = """\
import {{ BamlClient }} from "./client{extension}";

export {{ BamlClient }} from "./client{extension}";
export {{ BamlError, BamlStream }} from "./wire{extension}";
export type {{ CallOptions, ClientRegistry, ServerOptions }} from "./wire{extension}";
export type * as partial_types from "./partial_types{extension}";
export * as types from "./types{extension}";

/** The program's functions on a server at `http://localhost:2024`; for another make a `BamlClient`. */
export const b = new BamlClient();
"""
_CLIENT: Final = """
/** The program's functions, called on a server. */
export class BamlClient {{
  readonly #caller: $.Caller;
  readonly stream: BamlStreamClient;

  constructor(options: $.ServerOptions = {{}}) {{
    this.#caller = new $.Caller(options);
    this.stream = new BamlStreamClient(this.#caller);
  }}
{methods}}}

/** The same functions, with partial values while an answer arrives. */
export class BamlStreamClient {{
  readonly #caller: $.Caller;

  constructor(caller: $.Caller) {{
    this.#caller = caller;
  }}
{streams}}}
"""
_CALL: Final = """
{doc}  {host}({parameters}): Promise<{result}> {{
    return this.#caller.call({name}, {{ {arguments} }}, $options);
  }}
"""
_STREAM: Final = """
{doc}  {host}({parameters}): $.BamlStream<{partial}, {result}> {{
    return this.#caller.stream({name}, {{ {arguments} }}, $options);
  }}
"""


def typescript_files(runtime: Runtime, *, has_extensions: bool = False) -> dict[str, str]:
    """Return the files of a client, by name; with ``has_extensions`` its modules import each other as ``./x.js``, as
    ECMAScript modules of Node.js must."""
    extension = ".js" if has_extensions else ""
    names = TypeNames(runtime)
    texts = {
        "client.ts": _client(runtime, names, extension),
        "index.ts": _INDEX.format(extension=extension),
        "partial_types.ts": partial_types_text(runtime, names, extension),
        "types.ts": types_text(runtime, names, extension),
        "wire.ts": files("bamlvm.tools.generate").joinpath("wire.ts").read_text(encoding="utf-8"),
    }
    return {name: HEADER + text for name, text in texts.items()}


def _client(runtime: Runtime, names: TypeNames, extension: str) -> str:
    inputs = TypeTexts(runtime, names, "argument", "$types.")
    whole = TypeTexts(runtime, names, "value", "$types.")
    partial = TypeTexts(runtime, names, "partial", "$types.", "$partial.")
    own = [name for name in runtime.function_names if "." not in name and _has_json(runtime, runtime.signature(name))]
    methods = streams = ""
    for name, host in typescript_names(own, ("constructor", "stream", "then")).items():
        signature = runtime.signature(name)
        parameters = typescript_names(each.name for each in signature.parameters)
        fields = {
            "host": host,
            "name": f'"{name}"',
            "doc": comment(signature.doc, "  "),
            "parameters": ", ".join([*_parameters(runtime, signature, parameters, inputs), "$options?: $.CallOptions"]),
            "arguments": ", ".join(own if own == made else f"{own}: {made}" for own, made in parameters.items()),
            "result": whole.text(signature.annotated),
            "partial": or_null(partial.text(signature.annotated)) if signature.kind == "llm" else "unknown",
        }
        methods += _CALL.format_map(fields).replace("{  }", "{}")
        streams += _STREAM.format_map(fields).replace("{  }", "{}")
    body = _CLIENT.format(methods=methods, streams=streams)
    types = imports(body, {"$partial": "partial_types", "$types": "types"}, extension).rstrip("\n")
    return f'import * as $ from "./wire{extension}";\n{types}\n'.rstrip("\n") + "\n" + body


def _parameters(runtime: Runtime, signature: Signature, hosts: dict[str, str], inputs: TypeTexts) -> list[str]:
    """Return the parameters; one that may be left out is optional if all that follow it are."""
    texts: list[str] = []
    may_be_left_out = True
    for each in reversed(signature.parameters):
        text = inputs.text(each.annotated)
        if not (each.has_default or runtime.types.nullable(each.type)):
            may_be_left_out = False
            texts.append(f"{hosts[each.name]}: {text}")
        elif may_be_left_out:
            texts.append(f"{hosts[each.name]}?: {text} | undefined")
        else:
            texts.append(f"{hosts[each.name]}: {text} | undefined")
    return texts[::-1]


def _has_json(runtime: Runtime, signature: Signature) -> bool:
    """Whether a function's arguments and result can go over the wire."""
    schemas = Schemas(runtime.engine.program, runtime.types, "value")
    try:
        for type_ in (*(each.type for each in signature.parameters), signature.result):
            schemas.schema(type_)
    except HostError:
        return False
    return True
