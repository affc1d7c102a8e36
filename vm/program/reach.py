"""What a type leads to: the enums, classes and aliases in it, and which of them lead back to themselves.

A description of types for a model (``ctx.output_format``) defines these before it names them, and a JSON Schema has
them as definitions.  What leads back to itself can only be described by name.  The order is that of the official
runtime's descriptions: types are met last part first, and a type that leads back to itself brings all who are on the
way, in the order of the graph's depth-first search.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from bamlvm.vm.program.cycles import components
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo, FieldInfo, has_attribute
from bamlvm.vm.program.types import AliasType, ClassType, EnumType, ListType, MapType, Type, UnionType, walk


class Declarations:
    """What a program declares, by qualified name, and which of it leads back to itself, found at the first question.

    ``texts`` keeps the descriptions that are made of its types.
    """

    __slots__ = ("_alias_cycles", "_class_cycles", "aliases", "classes", "enums", "texts")

    def __init__(
        self, enums: Mapping[str, EnumInfo], classes: Mapping[str, ClassInfo], aliases: Mapping[str, Type]
    ) -> None:
        self.enums = enums
        self.classes = classes
        self.aliases = aliases
        self.texts: dict[Hashable, str] = {}
        self._class_cycles: dict[str, tuple[str, ...]] | None = None
        self._alias_cycles: dict[str, tuple[str, ...]] | None = None

    def class_cycle(self, name: str) -> tuple[str, ...]:
        """Return the classes that a class leads to and that lead back to it; empty if it does not lead to itself."""
        if self._class_cycles is None:
            # No class of the standard library leads to one of the program, and these are the few.
            own = [each for each in self.classes if not each.startswith("baml.")]
            self._class_cycles = _groups(own, self._class_edges)
        if name.startswith("baml."):
            return _groups(self.classes, self._class_edges).get(name, ())
        return self._class_cycles.get(name, ())

    def alias_cycle(self, name: str) -> tuple[str, ...]:
        """Return the same of an alias."""
        if self._alias_cycles is None:
            self._alias_cycles = _groups(self.aliases, lambda each: _named(self.aliases[each], AliasType))
        return self._alias_cycles.get(name, ())

    def _class_edges(self, name: str) -> set[str]:
        found: set[str] = set()
        through: set[str] = set()
        waiting = [field.type for field in shown_fields(self.classes[name])]
        while waiting:
            type_ = waiting.pop()
            found |= _named(type_, ClassType)
            for alias in _named(type_, AliasType) - through:
                through.add(alias)
                waiting.append(self.aliases[alias])
        return found


class Found(NamedTuple):
    """The names met in a type, each kind in the order of its definitions; ``recursive`` are some of ``classes``."""

    enums: tuple[str, ...]
    classes: tuple[str, ...]
    recursive: tuple[str, ...]
    aliases: tuple[str, ...]


def shown_fields(info: ClassInfo) -> tuple[FieldInfo, ...]:
    """Return the fields that a model sees: all but those marked ``@skip``."""
    return tuple(field for field in info.fields if not has_attribute(field.attributes, "skip"))


def find(type_: Type, declared: Declarations) -> Found:
    """Find everything with a name in a type."""
    enums: dict[str, None] = {}
    classes: dict[str, None] = {}
    recursive: dict[str, None] = {}
    aliases: dict[str, None] = {}
    waiting = [type_]
    while waiting:
        match waiting.pop():
            case EnumType(name):
                enums[name] = None
            case ListType(item):
                waiting.append(item)
            case MapType(key, value):
                waiting += (key, value)
            case UnionType(parts):
                waiting += parts
            case ClassType(name, _) if name not in classes and name in declared.classes:
                classes[name] = None
                recursive.update(dict.fromkeys(declared.class_cycle(name)))
                waiting += [field.type for field in shown_fields(declared.classes[name])]
            case AliasType(name) if name not in aliases and name in declared.aliases:
                aliases.update(dict.fromkeys(declared.alias_cycle(name)))
                aliases[name] = None
                waiting.append(declared.aliases[name])
            case _:
                pass
    return Found(tuple(enums), tuple(classes), tuple(recursive), tuple(aliases))


def _named(type_: Type, kind: type[ClassType] | type[AliasType]) -> set[str]:
    return {each.name for each in walk(type_) if isinstance(each, kind)}


def _groups(names: Iterable[str], edges: Callable[[str], set[str]]) -> dict[str, tuple[str, ...]]:
    """The groups of names that lead back to themselves, by each member.

    Names are visited, and edges followed, in the order of ``names``.
    """
    place = {name: number for number, name in enumerate(names)}
    graph = {name: sorted((each for each in edges(name) if each in place), key=place.__getitem__) for name in place}
    groups: dict[str, tuple[str, ...]] = {}
    for group in components(graph):
        if len(group) > 1 or group[0] in graph[group[0]]:
            groups.update(dict.fromkeys(group, tuple(group)))
    return groups
