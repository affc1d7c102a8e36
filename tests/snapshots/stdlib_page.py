"""``docs/stdlib.md``: the standard library's declarations with their doc comments, file by file.

Types and defaults are shown as the sources write them; what a function throws that declares nothing is what the checker
has inferred.  Fields that begin with `_` are the library's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from bamlvm import stdlib
from bamlvm.grammar import syntax
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.vm.program.types import NEVER, render
from tests.snapshots.cases import standard_stages

CAPABILITIES = {"baml.fs": "fs", "baml.net": "net", "baml.http": "http", "env": "env", "baml.sys.shell": "shell"}
"""What a host can deny, by namespace or function; a test denies each and calls it."""


class Declared(NamedTuple):
    """A declaration with the text that its places count in, and its qualified name."""

    name: str
    node: syntax.Class | syntax.Enum | syntax.Alias | syntax.Function
    text: str


@cache
def declarations() -> dict[str, list[Declared]]:
    """Everything declared, in the order of the sources, by file."""
    found: dict[str, list[Declared]] = {}
    for file, text in stdlib.sources().items():
        namespace = stdlib.NAMESPACES[file]
        tree, diagnostics = parse_file(SourceFile(file, text))
        assert not diagnostics, diagnostics
        for item in tree.items:
            node = item.declaration
            assert isinstance(node, syntax.Class | syntax.Enum | syntax.Alias | syntax.Function), node
            found.setdefault(file, []).append(Declared(f"{namespace}.{node.name}", node, item.text))
    return found


def functions() -> Iterator[Declared]:
    """Every function and method."""
    for declared in (each for group in declarations().values() for each in group):
        if isinstance(declared.node, syntax.Function):
            yield declared
        elif isinstance(declared.node, syntax.Class):
            for method in declared.node.methods:
                yield Declared(f"{declared.name}.{method.name}", method, declared.text)


def introduction(file: str) -> str:
    """The paragraphs that a source begins with."""
    lines = []
    for line in stdlib.sources()[file].splitlines():
        if not line.startswith("//") or line.startswith("///"):
            break
        lines.append(line.removeprefix("//").removeprefix(" "))
    paragraphs = "\n".join(lines).split("\n\n")
    return "\n\n".join(f"```text\n{each}\n```" if each.startswith("    ") else each for each in paragraphs)


def page() -> str:
    """``docs/stdlib.md``."""
    return "\n".join([*_HEAD.splitlines(), *_contents(), *_namespaces(), ""])


def _contents() -> Iterator[str]:
    yield ""
    for namespace in dict.fromkeys(stdlib.NAMESPACES.values()):
        yield f"- [{namespace}](#{namespace.replace('.', '')})"


def _namespaces() -> Iterator[str]:
    before = ""
    for file, group in declarations().items():
        namespace = stdlib.NAMESPACES[file]
        if namespace != before:
            yield from ("", f"## {namespace}")
        yield from ("", introduction(file))
        if namespace in CAPABILITIES and namespace != before:
            yield from ("", f"Needs the capability `{CAPABILITIES[namespace]}`.")
        before = namespace
        for declared in group:
            yield from _declaration(declared)


def _declaration(declared: Declared) -> Iterator[str]:
    node = declared.node
    match node:
        case syntax.Function():
            yield from ("", f"### {node.name}", "", *_function(declared))
        case syntax.Class():
            variables = f"<{', '.join(node.type_parameters)}>" if node.type_parameters else ""
            yield from ("", f"### class {node.name}{variables}", "", node.doc)
            fields = [each for each in node.fields if not each.name.startswith("_")]
            if fields:
                yield from ("", "| field | type | |", "|---|---|---|")
            for field in fields:
                type_ = declared.text[field.type.start : field.type.end].replace("|", "\\|")
                yield f"| `{field.name}` | `{type_}` | {_on_one_line(field.doc)} |"
            for method in node.methods:
                yield from ("", *_function(Declared(f"{declared.name}.{method.name}", method, declared.text)))
        case syntax.Enum():
            yield from ("", f"### enum {node.name}", "", node.doc, "")
            yield from (f"- `{each.name}`{': ' if each.doc else ''}{_on_one_line(each.doc)}" for each in node.variants)
        case syntax.Alias():
            written = " ".join(declared.text[node.type.start : node.type.end].split())
            yield from (
                "",
                f"### type {node.name}",
                "",
                node.doc,
                "",
                "```baml",
                f"type {node.name} = {written}",
                "```",
            )


def _function(declared: Declared) -> Iterator[str]:
    """A function as a line of its signature, its marks, what it throws, and its documentation."""
    function = declared.node
    assert isinstance(function, syntax.Function)
    variables = f"<{', '.join(function.type_parameters)}>" if function.type_parameters else ""
    parameters = ", ".join(declared.text[each.start : each.end] for each in function.parameters)
    result = declared.text[function.result.start : function.result.end] if function.result else ""
    mark = " §" if isinstance(function.body, syntax.NativeBody) and function.body.kind == "sysop" else ""
    yield f"**`{function.name}{variables}({parameters}) -> {result}`**{mark}\\"
    yield function.doc
    notes = [f"Throws {_throws(declared, function)}."] if _throws(declared, function) else []
    if declared.name in CAPABILITIES:
        notes.append(f"Needs the capability `{CAPABILITIES[declared.name]}`.")
    if notes:
        yield from ("", " ".join(notes))


def _throws(declared: Declared, function: syntax.Function) -> str:
    if function.throws is not None:
        parts = declared.text[function.throws.start : function.throws.end].split("|")
        return ", ".join(f"`{each.strip()}`" for each in parts)
    unit = standard_stages().unit
    assert unit is not None
    throws = unit.signatures[declared.name].throws
    return "" if throws == NEVER else render(throws)


def _on_one_line(doc: str) -> str:
    return " ".join(doc.split())


_HEAD = """\
# The standard library

What every program can use, by namespace. The methods of built-in types stand in `baml`: those of `string` in the class
`String`, of `T[]` in `Array<T>`, of `map<K, V>` in `Map<K, V>`, of numbers and booleans in `Int`, `Float` and `Bool`.

§ marks what may wait for the world outside (a *sys-op*); a call waits by itself. What touches the machine needs a
*capability*: `Runtime.from_directory(path, capabilities=["fs", "net", "http", "env", "shell"])` names those that a
program has, and what needs another throws `baml.errors.InvalidArgument` (of `env`: it panics). Without it, and on the
command line, a program has all but `shell`; the command line has `--allow shell`. [security.md](security.md) says how
to limit them.

This page is made from the doc comments in `stdlib/` by `make docs`."""
