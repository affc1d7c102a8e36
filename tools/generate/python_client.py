"""A typed client package, written from a program: ``baml_client``.

    __init__.py        ``b`` and ``b_async``, the types, ``configure``
    sync_client.py     a method for each function, ``b.stream``, ``b.parse``, ``b.request``
    async_client.py    the same for event loops
    types.py           classes as Structs, enums, aliases
    partial_types.py   what the classes are while they stream
    _sources.py        the program's sources

The text depends on nothing but the program, so generating twice gives the same files.  It is meant to please type
checkers in their strict modes; a name of the program that Python keeps for itself is changed by
:mod:`bamlvm.values.identifiers`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bamlvm.errors import HostError
from bamlvm.tools.generate.annotations import Annotations, type_names
from bamlvm.values.classes import field_names, variant_names
from bamlvm.values.identifiers import host_names
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, GeneratorInfo, Signature, attribute_text, has_attribute
from bamlvm.vm.program.types import AliasType, Attribute, walk

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

PACKAGE: Final = "baml_client"
HEADER: Final = "# Written by `bamlvm generate` from the program's sources: changes will be lost.\n"
_PYTHON: Final = "python"
_GROUPS: Final = ("stream", "parse", "request", "project")


class Target(NamedTuple):
    """Where a client is to be written, and whether its ``b`` is the asynchronous one."""

    folder: Path
    is_async: bool


def targets(runtime: Runtime, root: Path) -> list[Target]:
    """What the program's generators of Python clients ask for; their files are relative to ``root``.

    Raises :class:`HostError` for modes that are none.
    """
    found = []
    for generator in runtime.generators:
        properties = generator.properties
        if _language(generator) != _PYTHON:
            continue
        mode = properties.get("default_client_mode", "sync")
        if mode not in ("sync", "async"):
            raise HostError(f"generator {generator.name}: default_client_mode is sync or async, not {mode!r}")
        folder = root / Path(generator.file).parent / str(properties.get("output_dir", ".."))
        found.append(Target(package_folder(folder), mode == "async"))
    return found


def foreign(runtime: Runtime) -> list[str]:
    """The generators of clients in other languages, each with its language."""
    found = [(generator.name, _language(generator)) for generator in runtime.generators]
    return [f"{name} ({language})" for name, language in found if language != _PYTHON]


def _language(generator: GeneratorInfo) -> str:
    return str(generator.properties.get("output_type", _PYTHON)).partition("/")[0]


def package_folder(folder: Path) -> Path:
    """The package's own folder inside the one that was asked for."""
    folder = Path(os.path.normpath(folder))
    return folder if folder.name == PACKAGE else folder / PACKAGE


def client_files(runtime: Runtime, sources: Mapping[str, str], *, is_async: bool = False) -> dict[str, str]:
    """The files of a client, by name."""
    functions = list(_functions(runtime))
    texts = {
        "__init__.py": _package(is_async),
        "_sources.py": _project(sources),
        "async_client.py": _client(runtime, functions, True),
        "partial_types.py": _types(runtime, True),
        "sync_client.py": _client(runtime, functions, False),
        "types.py": _types(runtime, False),
    }
    return {name: HEADER + text for name, text in texts.items()} | {"py.typed": ""}


def stale(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """The files in a package's folder that are not as they would be written: other, missing, or written once and no
    longer part of it."""
    found = [folder / name for name, text in files.items() if _read(folder / name) != text]
    return found + [path for path in _written(folder) if path.name not in files]


def write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write a package; what is as it should be is left alone.  Returns the files that changed or went.

    Raises :class:`HostError`.
    """
    changed = stale(folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in changed:
            if path.name in files:
                path.write_text(files[path.name], encoding="utf-8", newline="\n")
            else:
                path.unlink()
    except OSError as error:
        raise HostError(f"{error.filename or folder}: {error.strerror}") from None
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _written(folder: Path) -> Iterator[Path]:
    """The modules in a folder that this module wrote."""
    for path in sorted(folder.glob("*.py")):
        if (_read(path) or "").startswith(HEADER):
            yield path


# --- texts ------------------------------------------------------------------------------------------------------------


def _package(is_async: bool) -> str:
    other, this = ("sync", "async") if is_async else ("async", "sync")
    return f'''"""A typed client of a BAML program: ``from {PACKAGE} import b``."""

from . import partial_types, types
from ._sources import project as _project
from .{this}_client import b
from .{other}_client import b as b_{other}

b_{this} = b
configure = _project.configure

__all__ = ["b", "b_async", "b_sync", "configure", "partial_types", "types"]
'''


def _project(sources: Mapping[str, str]) -> str:
    entries = "".join(f"    {name!r}: {_literal(text)},\n" for name, text in sorted(sources.items()))
    return f'''"""The program: its sources by file name, compiled at the first call."""

from typing import Final

from bamlvm.client import Project

from . import partial_types, types

SOURCES: Final[dict[str, str]] = {{
{entries}}}

project: Final = Project(SOURCES, types, partial_types)
'''


def _literal(text: str) -> str:
    """A string as source, a line of it on a line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return repr(text)
    return "(\n" + "".join(f"        {line!r}\n" for line in lines) + "    )"


def _types(runtime: Runtime, partial: bool) -> str:
    program = runtime.engine.program
    names = type_names(program)
    annotations = Annotations(program, runtime.types, "_types." if partial else "", "", partial)
    parts = []
    if not partial:
        parts += [_enum(info, names[name]) for name, info in program.enums.items() if name in names]
    for name, info in program.classes.items():
        if name in names and not (partial and has_attribute(info.attributes, "stream.done")):
            parts.append(_class(info, names[name], annotations))
    aliases = [(name, type_) for name, type_ in program.annotated_aliases.items() if name in names]
    named = {part.name for _, type_ in aliases for part in walk(type_) if isinstance(part, AliasType)}
    recursive = [(names[name], annotations.text(type_)) for name, type_ in aliases if name in named]
    if recursive:
        written = "".join(f"    {name}: _t.TypeAlias = {_quoted(text)}\n" for name, text in recursive)
        parts.append(
            f"if _t.TYPE_CHECKING:\n{written}else:\n" + "".join(f"    {name} = _t.Any\n" for name, _ in recursive)
        )
    for name, type_ in aliases:
        if name not in named:
            parts.append(f"{names[name]}: _t.TypeAlias = {annotations.text(type_)}\n")
    body = "".join("\n\n" + part for part in parts)
    what = "The program's classes while they stream." if partial else "The program's classes, enums and aliases."
    return f'"""{what}"""\n\nfrom __future__ import annotations\n\n{_imports(body, partial)}{body}'


def _imports(body: str, partial: bool) -> str:
    """The imports that a module's text needs; its own module, under another name, only for type checkers."""
    known = {
        "_b": "import builtins as _b\n",
        "_t": "import typing as _t\n",
        "ClassVar": "from typing import ClassVar\n",  # msgspec knows it by this name only
        "_bamlvm": "\nimport bamlvm as _bamlvm\n",
        "_bamlvm_types": "import bamlvm.values.classes as _bamlvm_types\n",
        "_msgspec": "import msgspec as _msgspec\n",
        "_types": "\nfrom . import types as _types\n",
    }
    own = "_partial_types" if partial else "_types"
    needed = {name for name in (*known, own) if re.search(rf"\b{name}[.[]", body)}
    text = "".join(line for name, line in known.items() if name in needed and name != own)
    if own in needed:
        text += f"\nif _t.TYPE_CHECKING:\n    from . import {own.removeprefix('_')} as {own}\n"
    return text.lstrip("\n")


def _enum(info: EnumInfo, name: str) -> str:
    lines = [f"class {name}(_bamlvm_types.BamlEnum):", *_doc(_about(info.attributes, info.doc), "    ")]
    lines += [f"    __baml_name__ = {_quoted(info.name)}", ""]
    hosts = variant_names(info)
    for variant in info.variants:
        lines.append(f"    {hosts[variant.name]} = {_quoted(variant.name)}")
        lines += _doc(_about(variant.attributes, variant.doc), "    ")
    return "\n".join(lines) + "\n"


def _class(info: ClassInfo, name: str, annotations: Annotations) -> str:
    hosts = field_names(info)
    renamed = {host: field for field, host in hosts.items() if field != host}
    options = f", rename={renamed!r}" if renamed else ""
    lines = [f"class {name}(_msgspec.Struct, kw_only=True{options}):"]
    lines += _doc(_about(info.attributes, info.doc), "    ")
    text = "_b.str" if "str" in hosts.values() else "str"
    lines.append(f"    __baml_name__: ClassVar[{text}] = {_quoted(info.name)}")
    for field in info.fields:
        text, has_default = annotations.field(field, hosts.values())
        lines.append(f"    {hosts[field.name]}: {text}{' = None' if has_default else ''}")
        lines += _doc(_about(field.attributes, field.doc), "    ")
    return "\n".join(lines) + "\n"


class _Function(NamedTuple):
    """A function of the client: its name here, its signature, its parameters' names here."""

    host: str
    signature: Signature
    parameters: dict[str, str]


def _functions(runtime: Runtime) -> Iterator[_Function]:
    own = [name for name in runtime.function_names if "." not in name]
    for name, host in host_names(own, _GROUPS, "function").items():
        signature = runtime.signature(name)
        parameters = host_names((each.name for each in signature.parameters), ("self", "ctx"), "argument")
        yield _Function(host, signature, parameters)


def _client(runtime: Runtime, functions: Iterable[_Function], is_async: bool) -> str:
    whole = Annotations(runtime.engine.program, runtime.types, "_types.", "_partial_types.")
    partial = Annotations(runtime.engine.program, runtime.types, "_types.", "_partial_types.", True)
    kind = "Async" if is_async else "Sync"
    define, wait, call = ("async def", "await ", "call_async") if is_async else ("def", "", "call")
    calls: list[str] = []
    streams: list[str] = []
    parses: list[str] = []
    requests: list[str] = []
    for each in functions:
        signature = each.signature
        face = ", ".join((*_parameters(runtime, each, whole), _CONTEXT))
        arguments = "{" + ", ".join(f"{_quoted(name)}: {host}" for name, host in each.parameters.items()) + "}"
        result = whole.text(signature.annotated)
        shown = partial.text(signature.result) if signature.kind == "llm" else "_t.Any"
        doc = _doc(signature.doc, "        ")
        name = _quoted(signature.name)
        calls += ["", f"    {define} {each.host}({face}) -> {result}:", *doc]
        calls += [
            f"        value: {result} = {wait}self.project.{call}({name}, {arguments}, ctx)",
            "        return value",
        ]
        streams += ["", f"    def {each.host}({face}) -> _client.{kind}Stream[{shown}, {result}]:", *doc]
        streams.append(f"        return _client.{kind}Stream(self.project.stream({name}, {arguments}, ctx))")
        if signature.kind == "llm":
            parses += ["", f"    def {each.host}(self, text: str) -> {result}:", *doc]
            parses += [f"        value: {result} = self.project.runtime.parse({name}, text)", "        return value"]
            face = ", ".join((*_parameters(runtime, each, whole), "stream: bool = False", _CONTEXT))
            requests += ["", f"    def {each.host}({face}) -> _bamlvm.HttpRequest:", *doc]
            given = f"{name}, _client.given({arguments}), ctx, stream=stream"
            requests.append(f"        return self.project.runtime.request({given})")
    groups = {
        "Stream": ("Partial values while an answer arrives.", streams),
        "Parse": ("What an answer is read as; no model is asked.", parses),
        "Request": ("The HTTP request that would be sent; none is.", requests),
    }
    parts = [
        _class_text(f"{kind}{name}", about, "", "\n".join(lines)) for name, (about, lines) in groups.items() if lines
    ]
    made = "".join(f"        self.{name.lower()} = {kind}{name}(project)\n" for name in groups if groups[name][1])
    about = "The program's functions; ``ctx`` says what goes with a call."
    parts.append(_class_text(f"{kind}Client", about, made, "\n".join(calls)))
    parts.append(f"b: _t.Final = {kind}Client(_project)\n")
    body = "\n\n".join(parts)
    local = "".join(
        f"from . import {name} as _{name}\n" for name in ("partial_types", "types") if re.search(rf"\b_{name}\.", body)
    )
    return (
        f'"""The program\'s functions{", to be awaited" if is_async else ""}."""\n\n'
        "from __future__ import annotations\n\nimport typing as _t\n\n"
        "import bamlvm as _bamlvm\nfrom bamlvm import client as _client\n\n"
        f"{local}from ._sources import project as _project\n\n\n{body}"
    )


def _class_text(name: str, about: str, made: str, methods: str) -> str:
    text = f'class {name}:\n    """{about}"""\n\n    def __init__(self, project: _client.Project) -> None:\n'
    return f"{text}        self.project: _t.Final = project\n{made}{methods.rstrip()}\n"


_CONTEXT: Final = "ctx: _bamlvm.CallContext | None = None"


def _parameters(runtime: Runtime, function: _Function, annotations: Annotations) -> list[str]:
    """The parameters of a method, up to those that go by name only.

    Those that may be left out, and come before one that may not, go by name too.
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
    first = optional.index(True) if True in optional else len(texts)
    by_name = first if False in optional[first:] else len(texts)
    return ["self", *texts[:by_name], "*", *texts[by_name:]]


def _about(attributes: Iterable[Attribute], doc: str) -> str:
    text = attribute_text(attributes, "description")
    return doc if text is None else text


def _doc(text: str, margin: str) -> list[str]:
    """A docstring, if there is a text."""
    lines = [line.rstrip() for line in text.replace("\\", "\\\\").replace('"', '\\"').split("\n")]
    if not any(lines):
        return []
    if len(lines) == 1:
        return [f'{margin}"""{lines[0].strip()}"""']
    return [
        f'{margin}"""{lines[0].strip()}',
        *(f"{margin}{line}" if line else "" for line in lines[1:]),
        f'{margin}"""',
    ]


def _quoted(text: Any) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
