"""Partial values → Python values, each on the basis of the one before.

A streamed answer gives one partial value after the other, each of which contains nearly all of the last.  Converting
each anew would cost the square of the answer's length.  So a :class:`PartialResults` remembers the last value and its
Python form, and walks the new value beside them: a part that is the same object has the same Python form; a list or map
that goes on where the last one ended is a copy of the last one's form with the new items converted.

Nothing that the host has got is changed later: a container that grows is copied first.

Much that is new at once, or nested deeply, is lengthy work (:mod:`bamlvm.vm.work`); it converts the whole value anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from bamlvm.errors import HostError
from bamlvm.values.checked import CHECKED
from bamlvm.values.host_classes import HostClass
from bamlvm.values.rebuild import Leaf, Unfolded, rebuilding
from bamlvm.values.results import Marks, Results, new_object
from bamlvm.vm.builtins import SCALARS
from bamlvm.vm.values import Instance
from bamlvm.vm.work import PIECE, Lengthy, Work, finish, whole

_CONTAINERS: Final = frozenset({list, dict, Instance})
_STATE: Final = "baml.stream.State"
_UNDER_WAY: Final = object()


class _TooMuch(Exception):  # noqa: N818 (it is no error)
    """Raised where more is new than is converted at once."""


class PartialResults:
    """The conversion of the partial values of one answer."""

    __slots__ = ("_before", "_done", "_host", "_left", "_results")

    def __init__(self, results: Results) -> None:
        self._results = results
        self._before: Any = None
        self._host: Any = None
        self._done: dict[int, Any] = {}  # of the value at hand: the forms of its containers, by identity
        self._left = 0  # of what is converted at once

    def to_host(self, value: Any) -> Any:
        """Return the Python form of the next partial value, of the program's partial types.

        Raises :class:`bamlvm.HostError` if the value contains itself.
        """
        return whole(self.to_host_at_once, value)

    def to_host_at_once(self, value: Any) -> Any:
        """Return the same.  Raises :class:`~bamlvm.vm.work.Lengthy` where much is new."""
        self._left = PIECE
        try:
            self._host = self._convert(value, self._before, self._host)
        except (RecursionError, _TooMuch):
            raise Lengthy(self._converting(value)) from None
        finally:
            self._done.clear()
        self._before = value
        return self._host

    def _converting(self, value: Any) -> Work[Any]:
        host = yield from rebuilding(value, self._unfold)
        self._before, self._host = value, host
        return host

    def _convert(self, value: Any, before: Any = None, host_before: Any = None) -> Any:
        kind = type(value)
        if kind in SCALARS:
            return value
        if value is before:
            return host_before
        if kind not in _CONTAINERS:
            return self._results.to_host(value)
        done = self._done
        host = done.get(id(value), done)
        if host is _UNDER_WAY:
            raise HostError("a partial value contains itself: a cycle has no form as plain Python values")
        if host is not done:
            return host
        self._spend(4)
        done[id(value)] = _UNDER_WAY
        if kind is list:
            host = self._list(value, before, host_before)
        elif kind is dict:
            host = self._map(value, before, host_before)
        else:
            host = self._instance(value, before, host_before)
        done[id(value)] = host
        return host

    def _spend(self, items: int) -> None:
        self._left -= items
        if self._left < 0:
            raise _TooMuch

    def _list(self, value: list[Any], before: Any, host_before: Any) -> list[Any]:
        if type(before) is not list or not _continues_list(value, before):
            self._spend(len(value))
            return [self._convert(each) for each in value]
        last = len(before) - 1  # the item that was unfinished: it may have changed
        self._spend(len(value) - last)
        host: list[Any] = host_before.copy()
        host[last] = self._convert(value[last], before[last], host_before[last])
        host += [self._convert(each) for each in value[last + 1 :]]
        return host

    def _map(self, value: dict[Any, Any], before: Any, host_before: Any) -> dict[Any, Any]:
        key_of = self._results.key
        if type(before) is not dict or not _continues_map(value, before):
            self._spend(len(value))
            return {key_of(key): self._convert(entry) for key, entry in value.items()}
        self._spend(len(value) - len(before))
        host: dict[Any, Any] = host_before.copy()
        fresh = [*islice(reversed(value.items()), len(value) - len(before) + 1)]
        for key, entry in reversed(fresh):
            host_key = key_of(key)
            host[host_key] = self._convert(entry, before.get(key), host.get(host_key))
        return host

    def _instance(self, value: Instance, before: Any, host_before: Any) -> Any:
        results = self._results
        shares = type(before) is Instance and before.cls is value.cls
        if value.cls.name == _STATE:
            held, state = value.fields
            old, old_host = (before.fields[0], host_before.value) if shares else (None, None)
            return results.types.wrappers.state(self._convert(held, old, old_host), state)
        if results.partial_types.is_whole(value.cls.name):
            return results.to_host(value)
        made = results.partial_types.form(value.cls)
        marks = results.marks(value)
        if marks is not None and marks.checks and type(host_before) in CHECKED:
            host_before = host_before.value
        shares = shares and host_before is not None
        names, read = made.hosts, made.read
        parts = []
        for place, field in enumerate(value.fields):
            if shares and field is before.fields[place]:
                parts.append(read(host_before, names[place]))
                continue
            if marks is not None and place in marks.done:
                host = results.to_host(field)
            elif shares and (marks is None or place not in marks.fields):
                host = self._convert(field, before.fields[place], read(host_before, names[place]))
            else:
                # A field with checks has a form that contains those of its parts, not the form of its value alone:
                # nothing of the last one can be used again.
                host = self._convert(field)
            if marks is not None and place in marks.fields and field is not None:
                host = finish(results.with_field_checks(field, host, marks.fields[place], place in marks.done))
            parts.append(host)
        struct = new_object(made, parts)
        return results.types.wrappers.checked(struct, {}) if marks is not None and marks.checks else struct

    # --- as lengthy work ----------------------------------------------------------------------------------------------

    def _unfold(self, value: Any) -> Unfolded | Leaf | Work[Unfolded | Leaf]:
        results = self._results
        if type(value) is not Instance:
            return results.unfold(value)
        if value.cls.name == _STATE:
            held, state = value.fields
            return (held,), lambda parts: results.types.wrappers.state(parts[0], state)
        if results.partial_types.is_whole(value.cls.name):
            return self._complete(value)
        return self._unfolded(value, results.partial_types.form(value.cls))

    def _complete(self, value: Any) -> Work[Unfolded | Leaf]:
        return Leaf((yield from self._results.converting(value)))

    def _unfolded(self, value: Instance, made: HostClass) -> Work[Unfolded | Leaf]:
        """Return the fields that may be unfinished; the others are converted."""
        marks = self._results.marks(value)
        complete: dict[int, Any] = {}
        for place, field in enumerate(value.fields):
            if marks is not None and place in marks.done:
                complete[place] = yield from self._results.converting(field)
        rest = [field for place, field in enumerate(value.fields) if place not in complete]
        return rest, partial(self._made, value, made, marks, complete)

    def _made(
        self, value: Instance, made: HostClass, marks: Marks | None, complete: Mapping[int, Any], parts: list[Any]
    ) -> Work[Any]:
        results, rest = self._results, iter(parts)
        hosts = [complete[place] if place in complete else next(rest) for place in range(len(value.fields))]
        for place, info in (marks.fields if marks is not None else {}).items():
            if value.fields[place] is not None:
                whole_field = marks is not None and place in marks.done
                hosts[place] = yield from results.with_field_checks(
                    value.fields[place], hosts[place], info, whole_field
                )
        struct = new_object(made, hosts)
        return results.types.wrappers.checked(struct, {}) if marks is not None and marks.checks else struct


def _continues_list(value: list[Any], before: list[Any]) -> bool:
    """Whether a list begins with all items of the one before but its last.

    Partial values share no container with the last one unless a parser made both, and a parser keeps what it has
    finished.  So one finished container in common says that all items before it are the same, and nothing is compared.
    """
    last = len(before) - 1
    if last < 0 or last >= len(value):
        return False
    if last and before[last - 1] is value[last - 1] and type(value[last - 1]) in _CONTAINERS:
        return True
    return before[:last] == value[:last]


def _continues_map(value: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Whether a map begins with all entries of the one before but its last, and then the key of that.

    As of lists, a finished container in common spares the comparison: here that of the entry before the last.
    """
    more = len(value) - len(before)
    if not before or more < 0:
        return False
    known = next(islice(reversed(before.items()), 1, None), (None, None))
    now = next(islice(reversed(value.items()), more + 1, None), (None, None))
    if known[1] is now[1] and known[0] == now[0] and type(known[1]) in _CONTAINERS:
        return bool(next(reversed(before)) == next(islice(reversed(value), more, None)))
    last = len(before) - 1
    entries, others = [*before.items()], [*islice(value.items(), last + 1)]
    return entries[:last] == others[:last] and entries[last][0] == others[last][0]
