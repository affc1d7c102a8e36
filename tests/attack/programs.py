"""Hostile programs: their source, what they compute, and what they make of time and memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import bamlvm
from tests.attack.case import Attack, ending

_RECURSES: Final = "function main() -> int { main() + 1 }"


def recursion() -> str:
    with bamlvm.Runtime.from_files({"main.baml": _RECURSES}) as runtime:
        return ending(lambda: runtime.call_function_sync("main"))


ATTACKS: Final[Sequence[Attack]] = (Attack("a function that calls itself without end", "StackOverflow", recursion),)
