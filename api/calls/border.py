"""The border of a call: the conversions of its arguments and results, and the types that these follow.

Nearly every call has its runtime's own.  A call that adds types has one made for these, over the runtime's: it is kept
for the next calls that add the same, and nothing in it changes, so that calls with different types do not meet.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.errors import HostError
from bamlvm.sysops.services import Readers
from bamlvm.values.arguments import Arguments
from bamlvm.values.classes import PartialTypes, Types
from bamlvm.values.results import Results

if TYPE_CHECKING:
    from bamlvm.vm.linker import Program
    from bamlvm.vm.program.declarations import Additions

KEPT: Final = 128
"""How many different sets of added types a runtime keeps the readers of."""


class Border(msgspec.Struct, frozen=True):
    """The conversions of calls with the same types; ``added`` are the readers of these, None for the program's own."""

    arguments: Arguments
    results: Results
    added: Readers | None = None


class Borders:
    """The borders of one runtime's calls: ``own`` is that of calls which add nothing.

    ``resolve(program, types)`` returns the additions that a context's ``types`` are.
    """

    def __init__(
        self,
        program: Program,
        own: Border,
        readers: Readers,
        resolve: Callable[[Program, Any], Sequence[Additions]],
    ) -> None:
        self.own = own
        self._program = program
        self._readers = readers
        self._resolve = resolve
        self._kept: OrderedDict[Hashable, Border] = OrderedDict()
        self._last: tuple[Any, Border] | None = None

    def of(self, types: Any) -> Border:
        """Return the border of a call whose context adds ``types``.

        Raises :class:`bamlvm.HostError` for types that do not fit the program.
        """
        if types is None:
            return self.own
        found = tuple(each for each in self._resolve(self._program, types) if each)
        if not found:
            return self.own
        last = self._last
        if last is not None and len(last[0]) == len(found) and all(map(_same, last[0], found)):
            return last[1]
        border = self._kept.get(found)
        if border is None:
            border = self._make(found)
            self._kept[found] = border
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._last = found, border
        return border

    def _make(self, additions: Sequence[Additions]) -> Border:
        from bamlvm.vm.overlay import AdditionError, Overlay

        try:
            overlay: Any = Overlay(self._program, additions)
        except AdditionError as error:
            raise HostError(f"CallContext.types: {error}") from None
        results = self.own.results
        types = Types(overlay.classes, overlay.enums, overlay.aliases, results.types, overlay.changed)
        partial_types = PartialTypes(types, results.partial_types)
        readers = Readers(overlay, self._readers)
        return Border(Arguments(overlay, types), Results(types, partial_types, readers), readers)

    def forked(self) -> None:
        """Start afresh in a child process: a thread of the parent may have held a lock."""
        self._kept = OrderedDict()
        self._last = None


def _same(one: object, other: object) -> bool:
    return one is other
