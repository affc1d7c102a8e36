"""The modules ``types.py`` and ``stream_types.py`` of a client whose classes are Pydantic models, as the official
client's are: enums of strings, models with their fields' descriptions, aliases.

A model has its BAML name in ``__baml_name__``; a field that cannot have its BAML name in Python has it as its alias.
In ``stream_types.py`` lists and maps that have not begun are empty, everything else is None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from bamlvm.tools.generate.annotations import MODELS, Annotations, type_names
from bamlvm.tools.generate.enums_and_aliases import aliases_of, enum_text, plain_aliases
from bamlvm.tools.generate.writing import References, description, docstring, quoted
from bamlvm.values.identifiers import host_names
from bamlvm.vm.program.cycles import components
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, has_attribute
from bamlvm.vm.program.types import ClassType, ListType, walk

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

_HEAD: Final = """\
\"\"\"{about}\"\"\"

from __future__ import annotations

{imports}
{own}
"""
_IMPORTS: Final = {
    "_b": "import builtins as _b\n",
    "_e": "import enum as _e\n",
    "_t": "import typing as _t\n",
    "_m": "\nimport bamlvm.compat.models as _m\n",
    "_p": "import pydantic as _p\n",
    "types": "\nfrom . import types\n",
}
"""The imports of a module, by the name that it needs them for."""
_ITSELF: Final = """
if _t.TYPE_CHECKING:
    from . import {module} as {name}
"""
_LATE: Final = """\
if not _t.TYPE_CHECKING:  # unknown until here, so that Pydantic waits for it with the models above
    import sys

    {name} = sys.modules[__name__]
"""
_RECURSIVE: Final = """\
if _t.TYPE_CHECKING:
    {name}: _t.TypeAlias = {text}
else:
    import typing_extensions

    {name} = typing_extensions.TypeAliasType("{name}", {text})
"""
_WRAPPERS: Final = ("Check", "Checked", "get_checks", "all_succeeded")
_PARTIAL_WRAPPERS: Final = ("StreamState",)
_RESERVED: Final = frozenset(
    {
        "model_computed_fields",
        "model_config",
        "model_construct",
        "model_copy",
        "model_dump",
        "model_dump_json",
        "model_extra",
        "model_fields",
        "model_fields_set",
        "model_json_schema",
        "model_parametrized_name",
        "model_post_init",
        "model_rebuild",
        "model_validate",
        "model_validate_json",
        "model_validate_strings",
    }
)
"""Members of ``pydantic.BaseModel`` that a field must not replace."""


def models_module(runtime: Runtime, *, is_partial: bool) -> str:
    """Return the text of ``types.py``, or of ``stream_types.py``."""
    program = runtime.engine.program
    names = type_names(program)
    references = References()
    whole = "types." if is_partial else ""
    annotations = Annotations(program, runtime.types, references, whole, is_partial=is_partial, style=MODELS)
    parts = []
    if not is_partial:
        parts += [
            enum_text(info, names[name], "str, _e.Enum", _variant_names(info))
            for name, info in program.enums.items()
            if name in names
        ]
    models = {
        name: info
        for name, info in program.classes.items()
        if name in names and not (is_partial and has_attribute(info.attributes, "stream.done"))
    }
    parts += [_class(info, names[name], annotations, references, is_partial) for name, info in models.items()]
    parts += _aliases(runtime, names, annotations, references)
    if models:
        parts.append("".join(f"{names[name]}.model_rebuild()\n" for name in _innermost_first(models)))
    itself = "_partial_types" if is_partial else "_types"
    about = "The program's classes while they stream." if is_partial else "The program's classes, enums and aliases."
    own = ""
    if itself in references.names:  # a field hides the name of a class: the class is referred to through its module
        references.to("_t.TYPE_CHECKING")
        own += _ITSELF.format(module="stream_types" if is_partial else "types", name=itself)
        parts.insert(-1, _LATE.format(name=itself))
    exported = _PARTIAL_WRAPPERS if is_partial else _WRAPPERS
    own += "\n" + "".join(f"{name} = _m.{name}\n" for name in exported if name not in names.values())
    body = own + "".join("\n\n" + part for part in parts)
    used = [name for name in _IMPORTS if re.search(rf"(?<![\w.]){name}\.", body)]
    return _HEAD.format(about=about, imports="".join(map(_IMPORTS.__getitem__, used)), own=body)


def _innermost_first(models: Mapping[str, ClassInfo]) -> list[str]:
    """Return the names of classes, each behind those in its fields: Pydantic completes what a model needs by recursion,
    which a chain of some dozens exhausts."""
    edges = {
        name: [part.name for field in info.fields for part in walk(field.type) if isinstance(part, ClassType)]
        for name, info in models.items()
    }
    known = {name: [each for each in found if each in models] for name, found in edges.items()}
    return [name for group in components(known) for name in group]


def _variant_names(info: EnumInfo) -> dict[str, str]:
    """Return the Python name of each variant, which must not hide a member of ``str``."""
    names = [variant.name for variant in info.variants]
    own = {name for name in names if hasattr(str, name) or name == "mro" or name.startswith("_")}
    return host_names(names, reserved={*own, "name", "value"}, prefix="v")


def _class(info: ClassInfo, name: str, annotations: Annotations, references: References, is_partial: bool) -> str:
    hosts = {
        own: host if not host.startswith("_") else f"field{host}"
        for own, host in host_names((field.name for field in info.fields), _RESERVED).items()
    }
    settings = ["protected_namespaces=()"]
    if any(own != host for own, host in hosts.items()):
        settings.append("populate_by_name=True")
    if has_attribute(info.attributes, "dynamic"):
        settings.append('extra="allow"')
    text = f"class {name}(_p.BaseModel):\n"
    text += docstring(description(info.attributes, info.doc), "    ")
    string = references.to("_b.str") if "str" in hosts.values() else "str"
    text += f"    __baml_name__: {references.to('_t.ClassVar')}[{string}] = {quoted(info.name)}\n"
    text += f"    model_config = _p.ConfigDict({', '.join(settings)})\n"
    for field in info.fields:
        type_, has_default = annotations.field(field, hosts.values())
        options = []
        if is_partial and annotations.begins_empty(field):
            options.append(f"default_factory={'list' if isinstance(field.annotated, ListType) else 'dict'}")
        elif has_default:
            options.append("default=None")
        if hosts[field.name] != field.name:
            options.append(f"alias={quoted(field.name)}")
        about = description(field.attributes, field.doc)
        if about:
            options.append(f"description={about!r}")
        value = " = None" if options == ["default=None"] else f" = _p.Field({', '.join(options)})" if options else ""
        text += f"    {hosts[field.name]}: {type_}{value}\n"
    return text


def _aliases(runtime: Runtime, names: dict[str, str], annotations: Annotations, references: References) -> list[str]:
    """Write the aliases; those that an alias refers to may be recursive and are evaluated when they are used."""
    aliases = aliases_of(runtime, names, annotations)
    if aliases.referred:
        references.to("_t.TYPE_CHECKING")
    parts = [_RECURSIVE.format(name=each.name, text=quoted(each.text)) for each in aliases.referred]
    alias = references.to("_t.TypeAlias") if aliases.plain else ""
    return parts + plain_aliases(aliases, alias, quoted)
