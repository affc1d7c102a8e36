"""The engine: what a runtime lends to its calls.  A call knows this and nothing of :class:`bamlvm.Runtime`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import HostError
from bamlvm.sysops.scope import Services
from bamlvm.values.results import Results
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.linker import Program
from bamlvm.vm.program.declarations import Signature

if TYPE_CHECKING:
    from bamlvm.collector import Observer

_CALLABLE: Final = ("function", "llm")


class Engine:
    """A linked program, its services and its calls under way."""

    def __init__(
        self,
        program: Program,
        services: Services,
        results: Results,
        env: Mapping[str, str],
        step_limit: int | None,
        own: frozenset[str],
        limits: tuple[int, int],
    ) -> None:
        self.program = program
        self.services = services
        self.results = results
        self.env = env
        self.step_limit = step_limit
        self.collectors: tuple[Observer, ...] = ()
        self.active: set[Any] = set()
        self._own = own
        self._limits = limits
        self._owners = count(1)

    def new_owner(self) -> int:
        """A number for a call in the handle table."""
        return next(self._owners)

    def forget(self, call: Any) -> None:
        """A call has ended."""
        self.active.discard(call)

    def forked(self) -> None:
        """In a child process: the parent's calls are not this process's, and a lock of theirs may be held for ever."""
        self.active = set()
        self.services.handles = HandleTable(*self._limits)
        self.services.compiled_templates.pop("round_robin_lock", None)
        self.program.lock = threading.RLock()

    def signature(self, name: str) -> Signature:
        """A function's parameters, result and documentation.  Raises :class:`bamlvm.HostError` if it is unknown."""
        found = self.program.signatures.get(name)
        if found is None or found.kind not in _CALLABLE:
            raise HostError(f"the program has no function {name!r}{hint_for(name, self.function_names)}")
        return found

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions of the program's own sources that can be called, in their order."""
        found = self.program.signatures.items()
        return tuple(name for name, each in found if name in self._own and each.kind in _CALLABLE)


def hint_for(name: str, known: Iterable[str]) -> str:
    """Return the parenthesis that ends a message about an unknown name: the nearest known one, or all of them."""
    from bamlvm.vm.program.spelling import suggestion  # only an error pays for it

    return f" ({suggestion(name, known) or 'there are none'})"
