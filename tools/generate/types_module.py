"""The modules ``types.py`` and ``partial_types.py`` of a client package: enums, classes and aliases.

In ``partial_types.py`` a class is what it is while it streams, and a type that streams only when it is complete is that
of ``types.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bamlvm.tools.generate.annotations import Annotations, type_names
from bamlvm.tools.generate.enums_and_aliases import aliases_of, enum_text, plain_aliases
from bamlvm.tools.generate.writing import References, description, docstring, quoted
from bamlvm.values.classes import field_names, variant_names
from bamlvm.vm.program.declarations import ClassInfo, has_attribute

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_IMPORTS: Final = {
    "_b": "import builtins as _b\n",
    "_t": "import typing as _t\n",
    "ClassVar": "from typing import ClassVar\n",  # msgspec recognises it by this name only
    "_bamlvm": "\nimport bamlvm as _bamlvm\n",
    "_bamlvm_types": "import bamlvm.values.classes as _bamlvm_types\n",
    "_types": "\nfrom . import types as _types\n",
}


def types_module(runtime: Runtime, *, is_partial: bool) -> str:
    """Return the text of ``types.py``, or of ``partial_types.py``."""
    program = runtime.engine.program
    names = type_names(program)
    references = References()
    annotations = Annotations(
        program, runtime.types, references, whole="_types." if is_partial else "", is_partial=is_partial
    )
    parts = []
    if not is_partial:
        base = "_bamlvm_types.BamlEnum"
        parts += [
            enum_text(info, names[name], references.to(base), variant_names(info))
            for name, info in program.enums.items()
            if name in names
        ]
    for name, info in program.classes.items():
        if name in names and not (is_partial and has_attribute(info.attributes, "stream.done")):
            parts.append(_class(info, names[name], annotations, references))
    parts += _aliases(runtime, names, annotations, references)
    about = "The program's classes while they stream." if is_partial else "The program's classes, enums and aliases."
    body = "".join("\n\n" + part for part in parts)
    return f'"""{about}"""\n\nfrom __future__ import annotations\n\n{_imports(references, is_partial)}{body}'


def _imports(references: References, is_partial: bool) -> str:
    """Import the names that the module refers to.

    Where a field hides the name of a class, the module refers to the class through itself: an import of a module by
    itself, which only type checkers read.
    """
    itself = "_partial_types" if is_partial else "_types"
    refers_to_itself = itself in references.names
    if refers_to_itself:
        references.to("_t.TYPE_CHECKING")
    text = "".join(line for name, line in _IMPORTS.items() if name in references.names and name != itself)
    if refers_to_itself:
        text += f"\nif _t.TYPE_CHECKING:\n    from . import {itself.removeprefix('_')} as {itself}\n"
    return text.lstrip("\n")


def _class(info: ClassInfo, name: str, annotations: Annotations, references: References) -> str:
    hosts = field_names(info)
    renamed = {host: field for field, host in hosts.items() if field != host}
    options = f", rename={renamed!r}" if renamed else ""
    text = f"class {name}({references.to('_bamlvm_types.BamlStruct')}, kw_only=True{options}):\n"
    text += docstring(description(info.attributes, info.doc), "    ")
    string = references.to("_b.str") if "str" in hosts.values() else "str"
    text += f"    __baml_name__: {references.to('ClassVar')}[{string}] = {quoted(info.name)}\n"
    for field in info.fields:
        type_, has_default = annotations.field(field, hosts.values())
        text += f"    {hosts[field.name]}: {type_}{' = None' if has_default else ''}\n"
        text += docstring(description(field.attributes, field.doc), "    ")
    return text


def _aliases(runtime: Runtime, names: dict[str, str], annotations: Annotations, references: References) -> list[str]:
    """Write the aliases.  Those that an alias refers to may be recursive and cannot be evaluated: a type checker reads
    them as text, at run time they are ``Any``."""
    aliases = aliases_of(runtime, names, annotations)
    alias = references.to("_t.TypeAlias") if any(aliases) else ""
    parts = []
    if aliases.referred:
        read = "".join(f"    {each.name}: {alias} = {quoted(each.text)}\n" for each in aliases.referred)
        evaluated = "".join(f"    {each.name} = _t.Any\n" for each in aliases.referred)
        parts.append(f"if _t.TYPE_CHECKING:\n{read}else:\n{evaluated}")
    return parts + plain_aliases(aliases, alias, str)
