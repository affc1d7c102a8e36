"""One function of one ``test`` block."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bamlvm.vm.program.declarations import TestInfo


class Case(msgspec.Struct, frozen=True):
    """One function of one ``test`` block; ``line`` counts from 1."""

    function: str
    info: TestInfo

    @property
    def name(self) -> str:
        """``Function::Test``."""
        return f"{self.function}::{self.info.name}"

    @property
    def file(self) -> str:
        """The file of the test, as the runtime's sources name it."""
        return self.info.file

    @property
    def line(self) -> int:
        """Where the test begins in its file."""
        return self.info.line + 1


def cases(tests: Iterable[TestInfo]) -> tuple[Case, ...]:
    """The cases of ``test`` blocks, in their order."""
    return tuple(Case(function, info) for info in tests for function in info.functions)
