"""What a symbol is, in words of the language: its signature, and its documentation.

Rule: a description is what would be written to declare it, with what the compiler found out (inferred types and throws)
in the same spelling.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bamlvm.compiler.symbols import Symbols
from bamlvm.compiler.templates import values
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.tools.language_server.model import Model
from bamlvm.vm.program.declarations import Parameter, Signature
from bamlvm.vm.program.types import NEVER, NULL, UNKNOWN, Type, render

_MOST_MEMBERS = 40


class Description(NamedTuple):
    """A signature in BAML, documentation as it is written, and notes in Markdown."""

    signature: str
    doc: str = ""
    notes: tuple[str, ...] = ()

    @property
    def markdown(self) -> str:
        """The signature as a block of code, then the documentation, then the notes."""
        return "\n\n".join(part for part in (f"```baml\n{self.signature}\n```", self.doc, *self.notes) if part)


def describe(model: Model, symbol: Symbol, value: object = None, type_: Type | None = None) -> Description | None:
    """Return what a symbol is; ``value`` is what it has in a prompt, ``type_`` the type of this use of it."""
    symbols = model.stages.symbols
    match symbol.kind:
        case "item":
            return _item(model, symbol.name)
        case "member":
            return _member(symbols, symbol)
        case "parameter":
            return _parameter(model, symbol, type_)
        case "local":
            type_ = type_ or model.local_type(symbol)
            return Description(f"let {symbol.name}: {render(type_)}") if type_ is not None else None
        case "environment":
            return Description(f"env.{symbol.name}: string", notes=("A variable of the environment.",))
        case "variable":
            return _variable(symbol, value)


def _item(model: Model, name: str) -> Description | None:
    symbols = model.stages.symbols
    signature = symbols.signatures.get(name) or symbols.standard.signatures.get(name)
    if signature is not None:
        return _function(model, signature)
    info = symbols.classes.get(name) or symbols.standard.classes.get(name)
    if info is not None:
        fields = [f"{each.name} {render(each.annotated)}" for each in info.fields if not each.name.startswith("_")]
        methods = [_head(each) for each in _methods(symbols, name)]
        lines = [*(_written(model, name, syntax.Class) or fields), *methods, *_marks(model, name)]
        return Description(_block(f"class {name}", lines), info.doc)
    enum = symbols.enums.get(name) or symbols.standard.enums.get(name)
    if enum is not None:
        lines = _written(model, name, syntax.Enum) or [each.name for each in enum.variants]
        return Description(_block(f"enum {name}", [*lines, *_marks(model, name)]), enum.doc)
    alias = symbols.annotated_aliases.get(name) or symbols.standard.annotated_aliases.get(name)
    entry = model.stages.index.entries.get(name)
    declaration = entry.declaration if entry is not None else None
    doc = declaration.doc if declaration is not None else ""
    if alias is not None:
        return Description(f"type {name} = {render(alias)}", doc)
    match declaration:
        case syntax.Constant():
            checked = model.stages.tir.get(name)
            written = f": {render(checked.result)}" if checked is not None else ""
            text = entry.item.text[declaration.value.start : declaration.value.end] if entry is not None else ""
            value = f" = {text}" if len(text) <= 60 and "\n" not in text else ""
            return Description(f"const {name}{written}{value}", doc)
        case syntax.TemplateString() if entry is not None:
            parameters = ", ".join(entry.item.text[each.start : each.end] for each in declaration.parameters)
            return Description(f"template_string {name}({parameters})", doc)
        case syntax.Client() if entry is not None:
            from bamlvm.tools.language_server.clients import describe_client  # loads the providers

            return Description(describe_client(model.stages.index, declaration), doc)
        case syntax.RetryPolicy() if entry is not None:
            text = entry.item.text[declaration.body.start : declaration.body.end]
            return Description(f"retry_policy {name} {text}", doc)
        case _:
            return None


def _written(model: Model, name: str, kind: type[syntax.Class | syntax.Enum]) -> list[str]:
    """Return the fields or variants of a class or enum of the project as they are written, attributes included."""
    entry = model.stages.index.entries.get(name)
    if entry is None or not isinstance(entry.declaration, kind):
        return []
    declaration = entry.declaration
    parts = declaration.fields if isinstance(declaration, syntax.Class) else declaration.variants
    return [" ".join(entry.item.text[part.start : part.end].split()) for part in parts]


def _marks(model: Model, name: str) -> list[str]:
    """Return the ``@@`` attributes of a class or enum of the project as they are written."""
    entry = model.stages.index.entries.get(name)
    if entry is None or not isinstance(entry.declaration, syntax.Class | syntax.Enum):
        return []
    return [" ".join(entry.item.text[each.start : each.end].split()) for each in entry.declaration.attributes]


def _function(model: Model, signature: Signature) -> Description:
    found = model.stages.symbols.bodies.get(signature.name)
    if found is None:
        return Description(_head(signature), signature.doc)
    entry, function = found
    defaults = {each.name: each.default for each in function.parameters}
    text = entry.item.text
    shown = {name: text[node.start : node.end] for name, node in defaults.items() if node is not None}
    notes = []
    if isinstance(function.body, syntax.LlmBody) and function.body.client is not None:
        notes.append(f"LLM function · client `{function.body.client}`")
    return Description(_head(signature, shown), signature.doc, tuple(notes))


def _head(signature: Signature, defaults: dict[str, str] | None = None) -> str:
    name = signature.name.rpartition(".")[2]
    parameters = ", ".join(parameter_text(each, (defaults or {}).get(each.name)) for each in signature.parameters)
    result = f" -> {render(signature.annotated)}" if signature.annotated != NULL else ""
    throws = f" throws {render(signature.throws)}" if signature.throws != NEVER else ""
    return f"function {name}({parameters}){result}{throws}"


def parameter_text(parameter: Parameter, default: str | None = None) -> str:
    """Return a parameter as it is declared."""
    if parameter.name == "self":
        return "self"
    value = f" = {default}" if default is not None else " = …" if parameter.has_default else ""
    return f"{parameter.name}: {render(parameter.annotated)}{value}"


def _methods(symbols: Symbols, name: str) -> Iterable[Signature]:
    for method in dict.fromkeys(symbols.methods(name)):
        found = symbols.signatures.get(f"{name}.{method}") or symbols.standard.signatures.get(f"{name}.{method}")
        if found is not None:
            yield found


def _block(head: str, lines: list[str]) -> str:
    if not lines:
        return f"{head} {{}}"
    shown = [f"  {line}" for line in lines[:_MOST_MEMBERS]]
    if len(lines) > _MOST_MEMBERS:
        shown.append(f"  // and {len(lines) - _MOST_MEMBERS} more")
    return "\n".join((f"{head} {{", *shown, "}"))


def _member(symbols: Symbols, symbol: Symbol) -> Description | None:
    owner, name = symbol.owner, symbol.name
    method = symbols.signatures.get(f"{owner}.{name}") or symbols.standard.signatures.get(f"{owner}.{name}")
    if method is not None:
        return Description(f"// {owner}\n{_head(method)}", method.doc)
    info = symbols.classes.get(owner) or symbols.standard.classes.get(owner)
    for field in info.fields if info is not None else ():
        if field.name == name:
            marks = "".join(f" @{each.name}{_arguments(each.arguments)}" for each in field.attributes)
            return Description(f"{owner}.{name}: {render(field.annotated)}{marks}", field.doc)
    enum = symbols.enums.get(owner) or symbols.standard.enums.get(owner)
    for variant in enum.variants if enum is not None else ():
        if variant.name == name:
            marks = "".join(f" @{each.name}{_arguments(each.arguments)}" for each in variant.attributes)
            return Description(f"{owner}.{name}{marks}", variant.doc)
    return None


def _arguments(arguments: tuple[str | int | float | bool, ...]) -> str:
    shown = [f'"{each}"' if isinstance(each, str) else str(each) for each in arguments]
    return f"({', '.join(shown)})" if shown else ""


def _parameter(model: Model, symbol: Symbol, type_: Type | None) -> Description | None:
    symbols = model.stages.symbols
    signature = symbols.signatures.get(symbol.owner) or symbols.standard.signatures.get(symbol.owner)
    for each in signature.parameters if signature is not None else ():
        if each.name == symbol.name:
            return Description(f"{each.name}: {render(type_ or each.annotated)}")
    entry = model.stages.index.entries.get(symbol.owner)
    if entry is not None and isinstance(entry.declaration, syntax.TemplateString):
        for written in entry.declaration.parameters:
            if written.name == symbol.name:
                return Description(entry.item.text[written.start : written.end])
    return None


def _variable(symbol: Symbol, value: object) -> Description | None:
    type_ = value_type(value)
    return Description(f"{symbol.name}: {type_}") if type_ is not None else None


def value_type(value: object) -> str | None:
    """Return the type of a value of a prompt, or None if there is nothing to say."""
    match value:
        case None:
            return None
        case values.Items(item):
            inner = value_type(item)
            return f"({inner})[]" if inner and " " in inner else f"{inner or 'unknown'}[]"
        case values.Tuple(items):
            return f"({', '.join(value_type(each) or 'unknown' for each in items)})"
        case values.Enum(name):
            return f"enum {name}"
        case values.Loop():
            return "loop"
        case values.Callable(what, name, parameters):
            return f"{what} {name}({', '.join(parameters)})"
        case values.Builtin(path):
            return path
        case values.Record(name):
            return name
        case _ if value == UNKNOWN:
            return "unknown"
        case _:
            return render(value)  # type: ignore[arg-type]  # every other value is a type
