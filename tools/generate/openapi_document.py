"""OpenAPI 3.1 of a program: what ``bamlvm serve`` offers over HTTP, in the shape of the official ``baml-cli serve``.

    POST /call/F        the arguments as an object, and ``__baml_options__`` → the result
    POST /stream/F      the same → server-sent events
    else                an object with ``error``, ``message`` and what there is of ``prompt`` and ``raw_output``

Paths, operations and components have the official names, so that clients generated from the official document and from
this one are called alike.  Where the program has a type of the name of a component, the component has an underscore.

A type with checks has two schemas: as a result it has their outcomes, as an argument it has none and is called
``…Input`` (:data:`bamlvm.values.json_schema.Form`).  Functions that take or return what has no form as JSON, such as
functions, are left out; the description of the document names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bamlvm.errors import HostError
from bamlvm.values.json_schema import Schemas
from bamlvm.vm.program.declarations import Signature

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

OPTIONS: Final = "__baml_options__"
"""The property of a request's body that has the options of the call."""
ADDRESS: Final = "http://localhost:2024"
_SCHEMAS: Final = "#/components/schemas/"
_MEDIA: Final = {kind: f"Baml{kind.capitalize()}" for kind in ("image", "audio", "pdf", "video")}
_OWN: Final = (*_MEDIA.values(), "BamlOptions", "ClientProperty", "BamlError")
_STREAM: Final = (
    "Server-sent events, the data of each is JSON: `partial` is a partial value, `attempt` the beginning or end of an "
    "attempt at a model, `final` is the result and ends the stream, `error` is a BamlError and ends it."
)
_ERRORS: Final = {
    "400": "The arguments do not fit the function's parameters.",
    "500": "The function has thrown an error, or the model's answer cannot be read as its result.",
    "502": "No client has answered.",
    "default": "The call has failed.",
}


class _Operation(NamedTuple):
    """A function with the schemas of its request's properties and of its result."""

    signature: Signature
    properties: dict[str, Any]
    required: list[str]
    result: dict[str, Any]


def openapi_document(
    runtime: Runtime, *, title: str = "BAML functions", version: str = "0.1.0", address: str = ADDRESS
) -> dict[str, Any]:
    """Return the OpenAPI document of a program's own functions as builtins.

    ``title`` and ``version`` are those of the service, ``address`` is its URL without a path.
    """
    program, types = runtime.engine.program, runtime.types
    known = {name.rpartition(".")[2] for name in (*program.classes, *program.enums, *program.annotated_aliases)}
    names = {name: _free(name, known) for name in _OWN}
    media = {kind: names[name] for kind, name in _MEDIA.items()}
    arguments = Schemas(program, types, "argument", base=_SCHEMAS, media=media)
    results = Schemas(program, types, "value", base=_SCHEMAS, media=media)
    operations: list[_Operation] = []
    left_out: list[str] = []
    for name in runtime.function_names:
        if "." in name:
            continue
        known_before = dict(arguments.definitions), dict(results.definitions)
        try:
            operations.append(_operation(runtime, runtime.signature(name), arguments, results))
        except HostError:
            left_out.append(name)
            arguments.definitions, results.definitions = known_before
    definitions = _merged(arguments.definitions, results.definitions, operations)
    for name in media.values():
        if name in definitions:
            definitions[name] = _titled(name, definitions[name])
    own = {name: definition(names) for name, definition in _COMPONENTS.items()}
    schemas = {names[name]: schema for name, schema in own.items()} | dict(sorted(definitions.items()))
    about = "The functions of a BAML program, as `bamlvm serve` offers them."
    if left_out:
        about += f" Not offered, because their parameters or results have no form as JSON: {', '.join(left_out)}."
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": about},
        "servers": [{"url": "{address}", "variables": {"address": {"default": address}}}],
        "paths": dict(_paths(operations, {each.signature.name for each in operations})),
        "components": {
            "requestBodies": {each.signature.name: _request_body(each, names) for each in operations},
            "responses": {
                "BamlError": {
                    "description": _ERRORS["default"],
                    "content": _json({"$ref": _SCHEMAS + names["BamlError"]}),
                }
            },
            "schemas": {name: _spelled_out(schema) for name, schema in schemas.items()},
        },
    }


def _operation(runtime: Runtime, signature: Signature, arguments: Schemas, results: Schemas) -> _Operation:
    properties = {each.name: arguments.schema(each.type) for each in signature.parameters}
    required = [
        each.name for each in signature.parameters if not (each.has_default or runtime.types.nullable(each.type))
    ]
    return _Operation(signature, properties, required, results.schema(signature.annotated))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _merged(arguments: Mapping[str, Any], results: Mapping[str, Any], operations: list[_Operation]) -> dict[str, Any]:
    """Return all definitions; an argument's definition that is not the result's of the same name, or refers to such a
    one, becomes ``…Input``, in ``operations`` as well."""
    differ = {name for name, schema in arguments.items() if name in results and results[name] != schema}
    while more := {
        name
        for name, schema in arguments.items()
        if name in results and name not in differ and not differ.isdisjoint(_targets(schema))
    }:
        differ |= more
    taken = {*arguments, *results}
    renamed = {name: _free(f"{name}Input", taken) for name in sorted(differ)}
    for operation in operations:
        for name, schema in operation.properties.items():
            operation.properties[name] = _redirected(schema, renamed)
    # A definition that only arguments have keeps its name; what it refers to may have changed its own.
    own = {renamed.get(name, name): _redirected(schema, renamed) for name, schema in arguments.items()}
    return {**own, **results}


def _titled(name: str, media: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of media with the official titles of its forms, which become the names of classes."""
    titles = {"base64": f"{name}Base64", "url": f"{name}Url"}
    forms = {next(each for each in titles if each in form["properties"]): form for form in media["anyOf"]}
    return {"oneOf": [{"title": title, **forms[source]} for source, title in titles.items()]}


def _targets(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to."""
    if "$ref" in schema:
        yield schema["$ref"].removeprefix(_SCHEMAS)
    for part in _parts(schema):
        yield from _targets(part)


def _redirected(schema: dict[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """Return a schema that refers to the definitions by their new names."""
    made = _mapped(schema, lambda part: _redirected(part, renamed))
    if "$ref" in made:
        name = made["$ref"].removeprefix(_SCHEMAS)
        made["$ref"] = _SCHEMAS + renamed.get(name, name)
    return made


def _spelled_out(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema as generators of clients read it: constants have their type, a described enum is ``enum`` with
    ``x-enum-descriptions``, an int says that it has 64 bits, of which Java and Go would otherwise read 32."""
    made = _mapped(schema, _spelled_out)
    choices = made.get("oneOf", ())
    if made.get("type") == "string" and choices:
        del made["oneOf"]
        made["enum"] = [each["const"] for each in choices]
        made["x-enum-descriptions"] = [each.get("description", "") for each in choices]
    constants = made.get("enum", [made["const"]] if "const" in made else [])
    kinds = {_JSON_TYPES[type(each)] for each in constants}
    if len(kinds) == 1 and "type" not in made:
        made = {"type": kinds.pop(), **made}
    if not constants and made.get("type") in ("integer", ["integer", "null"]):
        made["format"] = "int64"
    return made


_JSON_TYPES: Final = {str: "string", int: "integer", bool: "boolean"}
_SCHEMA_KEYS: Final = ("items", "additionalProperties", "propertyNames")
_LIST_KEYS: Final = ("anyOf", "oneOf")


def _parts(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in _SCHEMA_KEYS:
        if isinstance(schema.get(key), dict):
            yield schema[key]
    for key in _LIST_KEYS:
        yield from schema.get(key, ())
    yield from schema.get("properties", {}).values()


def _mapped(schema: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return a schema whose parts are what ``change`` returns for them."""
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            made[key] = {name: change(part) for name, part in value.items()}
        elif key in _LIST_KEYS:
            made[key] = [change(part) for part in value]
        else:
            made[key] = change(value) if key in _SCHEMA_KEYS and isinstance(value, dict) else value
    return made


# --- paths ------------------------------------------------------------------------------------------------------------


def _paths(operations: list[_Operation], names: set[str]) -> Iterator[tuple[str, Any]]:
    errors = {
        status: {"description": about, "$ref": "#/components/responses/BamlError"} for status, about in _ERRORS.items()
    }
    for operation in operations:
        name = operation.signature.name
        result = {"title": f"{name}Response"} | _spelled_out(operation.result)
        about = {"description": operation.signature.doc} if operation.signature.doc else {}
        body = {"requestBody": {"$ref": f"#/components/requestBodies/{name}"}}
        call = {"200": {"description": "The result.", "content": _json(result)}} | errors
        yield f"/call/{name}", {"post": {"operationId": name} | about | body | {"responses": call}}
        events = {"text/event-stream": {"schema": {"type": "string"}}}
        stream = {"200": {"description": _STREAM, "content": events}} | errors
        identifier = _free(f"stream_{name}", names)
        yield f"/stream/{name}", {"post": {"operationId": identifier} | about | body | {"responses": stream}}


def _request_body(operation: _Operation, names: Mapping[str, str]) -> dict[str, Any]:
    options = {"anyOf": [{"$ref": _SCHEMAS + names["BamlOptions"]}, {"type": "null"}]}
    properties = {name: _spelled_out(schema) for name, schema in operation.properties.items()}
    schema = _object(properties | {OPTIONS: options}, operation.required)
    return {"required": True, "content": _json({"title": f"{operation.signature.name}Request"} | schema)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


# --- components -------------------------------------------------------------------------------------------------------


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema | {"additionalProperties": False}


def _options(names: Mapping[str, str]) -> dict[str, Any]:
    clients = {"type": "array", "items": {"$ref": _SCHEMAS + names["ClientProperty"]}}
    registry = _object({"clients": clients, "primary": {"type": ["string", "null"]}}, ["clients"])
    return _object({"client_registry": {"anyOf": [registry, {"type": "null"}]}}, [])


def _client(names: Mapping[str, str]) -> dict[str, Any]:
    text = {"type": "string"}
    options = {"type": "object", "additionalProperties": True}
    name = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
    return _object({"name": name, "provider": text, "options": options}, ["name", "provider", "options"])


def _error(names: Mapping[str, str]) -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": {
            "error": {"type": "string", "description": "The kind of the error, such as `validation_failure`."},
            "message": text,
            "prompt": {"description": "What was sent to the model."},
            "raw_output": {"type": "string", "description": "What the model has answered."},
        },
        "required": ["error", "message"],
    }


_COMPONENTS: Final[dict[str, Callable[[Mapping[str, str]], dict[str, Any]]]] = {
    "BamlOptions": _options,
    "ClientProperty": _client,
    "BamlError": _error,
}
