"""The module ``type_builder.py`` of a client: a TypeBuilder that knows the program's classes and enums by name, so that
editors and type checkers do, too.  One that is not ``@@dynamic`` has a viewer: nothing can be added to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from bamlvm.dynamic.builder import TypeBuilder
from bamlvm.dynamic.parts import Parts
from bamlvm.tools.generate.annotations import type_names
from bamlvm.tools.generate.writing import quoted
from bamlvm.values.identifiers import host_names
from bamlvm.vm.program.declarations import Attribute, has_attribute

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime
    from bamlvm.vm.linker import Program

_HEAD: Final = """\
\"\"\"Types that are made at run time: ``types = TypeBuilder()``, then {use}.\"\"\"

from __future__ import annotations

import {base} as _tb
import bamlvm.dynamic.parts as _p
from bamlvm.dynamic.state import FieldType as FieldType

from .{home} import project as _project
"""
_PARTS: Final = """

class {kind}(_p.Parts):
{members}

class {name}(_p.{base}):
    @property
    def {attribute}(self) -> {kind}:
        return {kind}(self)
"""
_MEMBER: Final = """\
    @property
    def {host}(self) -> _p.{type}:
        found: _p.{type} = self[{name}]
        return found
"""
_BUILDER: Final = """

class TypeBuilder(_tb.TypeBuilder):
    \"\"\"Types to be added to the program.\"\"\"

    def __init__(self) -> None:
        super().__init__({argument})
"""
_TYPE: Final = """
    @property
    def {host}(self) -> {name}:
        return {name}(self._state, {quoted})
"""


def builder_module(runtime: Runtime, *, has_models: bool) -> str:
    """Return the text of ``type_builder.py``."""
    program = runtime.engine.program
    own = [name for name in type_names(program) if name not in program.annotated_aliases]
    attributes = host_names(own, dir(TypeBuilder), "type")
    roles = {name: "Builder" if has_attribute(_attributes(program, name), "dynamic") else "Viewer" for name in own}
    kinds = {name: "Properties" if name in program.classes else "Values" for name in own}
    made = [name + role for name in own for role in (roles[name], kinds[name])]
    names = host_names(made, ("FieldType", "TypeBuilder"))
    text = _HEAD.format(
        base="bamlvm.compat.type_builder" if has_models else "bamlvm.dynamic.builder",
        home="globals" if has_models else "_sources",
        use='``baml_options={"tb": types}``' if has_models else "``ctx=bamlvm.CallContext(types=types)``",
    )
    types = ""
    for name in own:
        is_class = name in program.classes
        parts = program.classes[name].fields if is_class else program.enums[name].variants
        builder = names[name + roles[name]]
        text += _PARTS.format(
            name=builder,
            kind=names[name + kinds[name]],
            members=_members([each.name for each in parts], f"{'Property' if is_class else 'Value'}{roles[name]}"),
            base=f"{'Class' if is_class else 'Enum'}{roles[name]}",
            attribute="props" if is_class else "values",
        )
        types += _TYPE.format(host=attributes[name], name=builder, quoted=quoted(name))
    return text + _BUILDER.format(argument="_project" if has_models else "_project.runtime") + types


def _attributes(program: Program, name: str) -> Iterable[Attribute]:
    info = program.classes.get(name) or program.enums[name]
    return info.attributes


def _members(names: Iterable[str], type_: str) -> str:
    hosts = host_names(names, dir(Parts), "field")
    members = (_MEMBER.format(host=host, type=type_, name=quoted(name)) for name, host in hosts.items())
    return "\n".join(members) or "    pass\n"
