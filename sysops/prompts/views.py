"""BAML values as a prompt template sees them.

=============  =====================================================================================================
BAML           in the template
=============  =====================================================================================================
null … string  Python's own; a map becomes a dict of views, a list a :class:`ListView` of them
class          :class:`ClassView`: ``x.field``, and a mapping of its fields' names (``x.items()``, ``x|length``)
enum           :class:`EnumView`: prints as its alias, equals its variant's name, ``.value`` is that name
media          :class:`MediaView`: prints as a mark that :mod:`bamlvm.sysops.prompts.messages` turns into a part
=============  =====================================================================================================

Printing follows the official runtime: scalars as literals, a list on one line, a class over lines, four spaces deeper
each, keyed by alias.  Null is ``null`` where it is printed alone, a field of a class or an item of a list that the host
gave, and ``none`` everywhere else: in a map, in a list that the template made, and as a part of a text (``"a" ~ x``,
``join``).  A value that contains itself is cut at ``...``.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from bamlvm.vm.program.declarations import EnumInfo, attribute_text
from bamlvm.vm.program.types import Attribute
from bamlvm.vm.rendering import scalar_text
from bamlvm.vm.values import Closure, EnumValue, Future, Handle, Instance, Media, TypeValue


class ListView(list[Any]):
    """A list of the program's, as opposed to one that a template made."""

    __slots__ = ()


class ClassView(Mapping[str, Any]):
    """An instance's fields by name, each a view; ``aliases`` has the printed name of every field that has one."""

    __slots__ = ("aliases", "class_name", "fields")

    def __init__(self, class_name: str, aliases: Mapping[str, str]) -> None:
        self.class_name = class_name
        self.aliases = aliases
        self.fields: dict[str, Any] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassView) and self.class_name == other.class_name and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.class_name)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __str__(self) -> str:
        return "".join(_block(self, 0, ()))


class EnumView:
    """A variant of an enum."""

    __slots__ = ("alias", "enum", "value")

    def __init__(self, enum: str, value: str, alias: str) -> None:
        self.enum = enum
        self.value = value
        self.alias = alias

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EnumView):
            return self.enum == other.enum and self.value == other.value
        return self.value == other

    def __hash__(self) -> int:
        return hash(self.value)

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)

    def __str__(self) -> str:
        return self.alias


class EnumNamespace:
    """An enum's name in a template: ``Color.Red``."""

    __slots__ = ("name", "variants")

    def __init__(self, info: EnumInfo) -> None:
        self.name = info.name
        self.variants = {
            variant.name: EnumView(info.name, variant.name, alias_of(variant.attributes) or variant.name)
            for variant in info.variants
        }

    def __str__(self) -> str:
        return self.name


class MediaView:
    """An image, audio, pdf or video; ``mark`` is what stands for it in the rendered text."""

    __slots__ = ("mark", "media")

    def __init__(self, media: Media, mark: str) -> None:
        self.media = media
        self.mark = mark

    def __str__(self) -> str:
        return self.mark


class Tags(dict[str, str]):
    """``ctx.tags``: a tag that the host did not set is empty text, as in the official runtime."""

    def __missing__(self, key: object) -> str:
        return ""


def alias_of(attributes: tuple[Attribute, ...]) -> str | None:
    """Return the argument of ``@alias``, or None."""
    return attribute_text(attributes, "alias")


class Viewer:
    """Makes the views of one rendering.

    ``enums`` gives an enum by qualified name, ``mark_media`` a part's mark; ``note`` hears how many values there are.
    """

    def __init__(
        self,
        enums: Callable[[str], EnumNamespace | None],
        mark_media: Callable[[Media], str],
        note: Callable[[int], None] | None = None,
    ) -> None:
        self._enums = enums
        self._note = note
        self._mark_media = mark_media
        self._seen: dict[int, Any] = {}
        self._kept: list[Any] = []

    def view(self, value: Any) -> Any:
        """Return the view of a BAML value; shared and cyclic structure is kept."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, EnumValue):
            namespace = self._enums(value.enum)
            known = namespace.variants.get(value.variant) if namespace else None
            return known or EnumView(value.enum, value.variant, value.variant)
        if isinstance(value, Media):
            return MediaView(value, self._mark_media(value))
        known = self._seen.get(id(value))
        if known is not None:
            return known
        self._kept.append(value)  # an id is good only as long as its object lives
        if isinstance(value, list):
            items = ListView()
            self._seen[id(value)] = items
            if self._note is not None:
                self._note(len(value))
            items.extend(map(self.view, value))
            return items
        if isinstance(value, dict):
            entries: dict[Any, Any] = {}
            self._seen[id(value)] = entries
            if self._note is not None:
                self._note(len(value))
            for key, entry in value.items():
                entries[self.view(key)] = self.view(entry)
            return entries
        if isinstance(value, Instance):
            view = ClassView(value.class_name, class_aliases(value))
            self._seen[id(value)] = view
            if self._note is not None:
                self._note(len(value.fields))
            for name, field in zip(value.cls.field_names, value.fields, strict=True):
                view.fields[name] = self.view(field)
            return view
        if isinstance(value, TypeValue):
            return str(value.type)
        if isinstance(value, Handle):
            return f"<{value.kind}>"
        if isinstance(value, (Closure, Future)):
            return "<function>" if isinstance(value, Closure) else "<future>"
        raise TypeError(f"a {type(value).__name__} cannot be used in a prompt")


def class_aliases(value: Instance) -> dict[str, str]:
    """Return the aliases of an instance's fields, by field name."""
    aliases = {}
    for field in value.cls.info.fields:
        alias = alias_of(field.attributes)
        if alias is not None:
            aliases[field.name] = alias
    return aliases


def text_of(value: Any) -> Any:
    """Return a value as ``{{ value }}`` prints it.  What is not a BAML value (an undefined name, Jinja's own objects)
    is returned as it is, for Jinja to print or refuse."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, int, float)):
        return scalar_text(value)
    if isinstance(value, ClassView):
        return "".join(_block(value, 0, ()))
    if isinstance(value, (list, tuple, dict)):
        return "".join(_inline(value, ()))
    if isinstance(value, (Iterator, range, KeysView, ValuesView, ItemsView)):
        return "".join(_inline(list(value), ()))
    return value


def part_of(value: Any) -> str:
    """Return a value as a part of a text: as it prints, but for null, which is ``none`` there."""
    return "none" if value is None else str(text_of(value))


def debug_text(value: Any) -> str:
    """Return a value as ``pprint`` writes it: over lines, texts in quotes."""
    return "".join(_block(value, 0, (), null="none"))


_ESCAPES = {"\t": "\\t", "\r": "\\r", "\n": "\\n", '"': '\\"', "\\": "\\\\", "\0": "\\0"}


def _quoted(text: str) -> str:
    """Write a text as the official runtime quotes it, which is Rust's way: ``\\u{7f}`` for what cannot be printed."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(c) or (c if c.isprintable() else f"\\u{{{ord(c):x}}}") for c in text) + '"'


def _atom(value: Any, null: str) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return null
    return scalar_text(value) if isinstance(value, (bool, int, float)) else str(value)


def _key(key: Any) -> str:
    return _quoted(str(key)) if isinstance(key, (str, EnumView)) else _atom(key, "none")


def _null_in(value: Any) -> str:
    """Return how null prints as a direct part of a value."""
    return "null" if isinstance(value, (ListView, ClassView)) else "none"


def _inline(value: Any, inside: tuple[int, ...], null: str = "null") -> Iterator[str]:
    if isinstance(value, ClassView):
        yield from _block(value, 0, inside)
    elif isinstance(value, (list, tuple)):
        if id(value) in inside:
            yield "..."
            return
        inside = (*inside, id(value))
        yield "["
        for place, item in enumerate(value):
            yield ", " if place else ""
            yield from _inline(item, inside, _null_in(value))
        yield "]"
    elif isinstance(value, dict):
        if id(value) in inside:
            yield "..."
            return
        inside = (*inside, id(value))
        yield "{"
        for place, (key, item) in enumerate(value.items()):
            yield f"{', ' if place else ''}{_key(key)}: "
            yield from _inline(item, inside, "none")
        yield "}"
    else:
        yield _atom(value, null)


def _block(value: Any, depth: int, inside: tuple[int, ...], null: str = "null") -> Iterator[str]:
    """Write a class, or what is inside one: one entry a line, each with a trailing comma."""
    if isinstance(value, ClassView):
        entries: list[tuple[str, Any]] = [
            (f"{_key(value.aliases.get(name, name))}: ", field) for name, field in value.fields.items()
        ]
        opening, closing = "{", "}"
    elif isinstance(value, dict):
        entries = [(f"{_key(key)}: ", entry) for key, entry in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, (list, tuple)):
        entries = [("", item) for item in value]
        opening, closing = "[", "]"
    else:
        yield _atom(value, null)
        return
    if id(value) in inside:
        yield "..."
        return
    if not entries:
        yield opening + closing
        return
    inside = (*inside, id(value))
    margin = "    " * (depth + 1)
    yield opening + "\n"
    for label, entry in entries:
        yield margin + label
        yield from _block(entry, depth + 1, inside, _null_in(value))
        yield ",\n"
    yield "    " * depth + closing
