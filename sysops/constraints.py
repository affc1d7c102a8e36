"""``@assert`` and ``@check``: what must hold, and what is to be reported, of a value read from a model.

Constraints stand on a type (``int @assert(positive, {{ this > 0 }})``, also inside lists, maps and unions), on a field,
and with ``@@`` on a class or enum.  Each is a Jinja expression over ``this`` (also called ``_``), the value as prompts
see values.

- Asserts are enforced on the whole value, innermost first and left to right: :meth:`Constraints.enforce`.  A list's
  item or a map's entry that fails goes; anything else that fails fails what it is part of.  An alternative of a union
  is asked only where the value is of its type; one that accepts the value is enough.  The asserts of a field say what
  its value must be if it has one: null, which an optional field may always be, is not held against them.
- Checks never fail anything.  :meth:`Constraints.outcomes` tells what they say of a value; one whose expression has no
  answer has failed.

Nothing is walked that has no constraints inside, and Jinja is imported only where there are some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.types import (
    AliasType,
    Attribute,
    AttributedType,
    ClassType,
    EnumType,
    ListType,
    MapType,
    Type,
    UnionType,
    VariantType,
    bare,
    walk,
)
from bamlvm.vm.values import Instance, Value

if TYPE_CHECKING:
    from bamlvm.sysops.prompts.predicates import Predicates
    from bamlvm.sysops.prompts.views import EnumNamespace

Level = Literal["assert", "check"]


class AssertionFailed(Exception):  # noqa: N818 (the callers make ParseFailed of it)
    """An assert does not hold.  ``path`` is where from the value enforced (``items[3].price``; empty for itself),
    ``name`` the assert's name or its expression, ``reason`` why it has no answer, if that is so."""

    def __init__(self, name: str, expression: str, reason: str | None) -> None:
        super().__init__(name)
        self.name = name
        self.expression = expression
        self.reason = reason
        self.steps: list[str] = []

    def at(self, step: str) -> AssertionFailed:
        """Return the same as seen from the container."""
        self.steps.append(step)
        return self

    @property
    def path(self) -> str:
        return "".join(reversed(self.steps)).removeprefix(".")

    def __str__(self) -> str:
        subject = self.path or "the value"
        named = f" `{self.name}`" if self.name != self.expression else ""
        why = f": {self.reason}" if self.reason else " does not hold"
        return f"{subject}: the assertion{named} {{{{ {self.expression} }}}}{why}"


class CheckOutcome(NamedTuple):
    """What one check says of a value."""

    name: str
    expression: str
    holds: bool


def named(attributes: Iterable[Attribute], level: Level) -> list[tuple[str, str]]:
    """Return name and expression of the constraints among attributes; without a name the expression serves."""
    found = []
    for attribute in attributes:
        if attribute.name == level and attribute.expression is not None:
            expression = attribute.expression.strip()
            found.append((str(attribute.arguments[0]) if attribute.arguments else expression, expression))
    return found


class Constraints:
    """The constraints of one schema, whose expressions ``predicates()`` evaluates.  Safe to share between threads."""

    def __init__(self, schema: Schema, predicates: Callable[[], Predicates]) -> None:
        self._schema = schema
        self._concerned: dict[tuple[Level, Type], bool] = {}
        self._predicates = predicates
        self._enums: dict[str, EnumNamespace] = {}

    def concern(self, level: Level, type_: Type) -> bool:
        """Whether there is a constraint of this level anywhere in values of a type."""
        known = self._concerned.get((level, type_))
        if known is None:
            known = self._concerned[level, type_] = self._search(level, type_)
        return known

    def enforce(self, value: Value, type_: Type) -> Value:
        """Return a value without the items and entries whose asserts fail; itself if all hold.

        Raises :class:`AssertionFailed`.
        """
        if not self.concern("assert", type_):
            return value
        match type_:
            case AttributedType(item, attributes):
                kept = self.enforce(value, item)
                self._hold(kept, named(attributes, "assert"))
                return kept
            case ListType(item) if type(value) is list:
                return self._list(value, item)
            case MapType(key, entry) if type(value) is dict:
                return self._map(value, key, entry)
            case ClassType() if type(value) is Instance:
                return self._instance(value)
            case EnumType(name) | VariantType(name, _):
                self._hold(value, named(self._schema.enums[name].attributes, "assert"))
            case UnionType(parts):
                return self._union(value, parts)
            case AliasType(name):
                return self.enforce(value, self._target(name))
        return value

    def demand(self, value: Value, type_: Type) -> None:
        """Raise where :meth:`enforce` would drop, too: for values that do not come from a model.

        Raises :class:`AssertionFailed`.
        """
        if self.enforce(value, type_) is not value:
            self._demand(value, type_)

    def _demand(self, value: Value, type_: Type) -> None:
        match type_:
            case AttributedType(item, _):
                self._demand(value, item)
            case ListType(item) if type(value) is list:
                for place, each in enumerate(value):
                    self._at(f"[{place}]", each, item)
            case MapType(key, entry) if type(value) is dict:
                for name, each in value.items():
                    self._at(f"[{name!r}]", name, key)
                    self._at(f"[{name!r}]", each, entry)
            case ClassType() if type(value) is Instance:
                for field, each in zip(value.cls.info.fields, value.fields, strict=True):
                    self._at(f".{field.name}", each, field.annotated)
            case UnionType(parts):
                part = self.alternative(value, parts)
                if part is not None:
                    self._demand(value, part)
            case AliasType(name):
                self._demand(value, self._target(name))
            case _:
                pass

    def _at(self, step: str, value: Value, type_: Type) -> None:
        try:
            self.demand(value, type_)
        except AssertionFailed as failed:
            raise failed.at(step) from None

    def outcomes(self, value: Value, attributes: Iterable[Attribute]) -> tuple[CheckOutcome, ...]:
        """Return the outcomes of the checks among attributes."""
        checks = named(attributes, "check")
        if not checks:
            return ()
        this = self._view(value)
        return tuple(CheckOutcome(name, text, self._ask(text, this)[0]) for name, text in checks)

    def alternative(self, value: Value, parts: Iterable[Type]) -> Type | None:
        """Return the first member of a union that a value is of."""
        for part in parts:
            if self._schema.tester(bare(part))(value):
                return part
        return None

    def _target(self, alias: str) -> Type:
        found: Type = self._schema.annotated_aliases[alias]
        return found

    def _list(self, value: list[Value], item: Type) -> Value:
        kept = []
        same = True
        for each in value:
            try:
                enforced = self.enforce(each, item)
            except AssertionFailed:
                same = False
                continue
            same = same and enforced is each
            kept.append(enforced)
        return value if same else kept

    def _map(self, value: dict[Any, Value], key: Type, entry: Type) -> Value:
        kept = {}
        same = True
        for each, held in value.items():
            try:
                self.enforce(each, key)
                enforced = self.enforce(held, entry)
            except AssertionFailed:
                same = False
                continue
            same = same and enforced is held
            kept[each] = enforced
        return value if same else kept

    def _instance(self, value: Instance) -> Value:
        info = value.cls.info  # that of a @@dynamic class may have more fields than the schema's
        fields = list(value.fields)
        for place, field in enumerate(info.fields):
            try:
                fields[place] = self.enforce(fields[place], field.annotated)
                if fields[place] is not None:
                    self._hold(fields[place], named(field.attributes, "assert"))
            except AssertionFailed as failed:
                raise failed.at(f".{field.name}") from None
        if any(one is not other for one, other in zip(fields, value.fields, strict=True)):
            value = Instance(value.cls, fields)
        self._hold(value, named(info.attributes, "assert"))
        return value

    def _union(self, value: Value, parts: tuple[Type, ...]) -> Value:
        failures = []
        for part in parts:
            if self._schema.tester(bare(part))(value):
                try:
                    return self.enforce(value, part)
                except AssertionFailed as failed:
                    failures.append(failed)
        if failures:
            raise failures[0]
        return value

    def _hold(self, value: Value, asserts: list[tuple[str, str]]) -> None:
        if not asserts:
            return
        this = self._view(value)
        for name, expression in asserts:
            holds, reason = self._ask(expression, this)
            if not holds:
                raise AssertionFailed(name, expression, reason)

    def _ask(self, expression: str, this: Any) -> tuple[bool, str | None]:
        from bamlvm.sysops.prompts.predicates import PredicateError

        try:
            return self._predicates().holds(expression, {"this": this, "_": this}), None
        except PredicateError as error:
            return False, str(error)

    def _view(self, value: Value) -> Any:
        from bamlvm.sysops.prompts.views import EnumNamespace, Viewer

        if not self._enums:
            self._enums = {name: EnumNamespace(info) for name, info in self._schema.enums.items()}
        return Viewer(self._enums.get, lambda media: f"<{media.kind}>").view(value)

    def _search(self, level: Level, type_: Type) -> bool:
        seen: set[Type] = set()
        waiting = [type_]
        while waiting:
            for part in walk(waiting.pop()):
                if part in seen:
                    continue
                seen.add(part)
                attributes: tuple[Attribute, ...] = ()
                match part:
                    case AttributedType(_, attributes):
                        pass
                    case ClassType(name, _) if name in self._schema.classes:
                        info = self._schema.classes[name]
                        attributes = tuple(each for field in info.fields for each in field.attributes)
                        attributes += info.attributes
                        waiting += [field.annotated for field in info.fields]
                    case EnumType(name) | VariantType(name, _) if name in self._schema.enums:
                        attributes = self._schema.enums[name].attributes
                    case AliasType(name) if name in self._schema.aliases:
                        waiting.append(self._target(name))
                if named(attributes, level):
                    return True
        return False
