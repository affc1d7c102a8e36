"""Which functions the second tier translates in this run of the tests: ``BAMLVM_TRANSLATE``, as a runtime reads it."""

from __future__ import annotations

import os
from typing import Final

from bamlvm.vm.linker import Program, Translation

_NAMES: Final[dict[str, Translation]] = {"0": "off", "": "hot", "eager": "eager", "stress": "stress"}
TRANSLATION: Final = _NAMES[os.environ.get("BAMLVM_TRANSLATE", "")]


def as_translated(program: Program) -> Program:
    """Set up a program as this run of the tests asks for."""
    program.translation = TRANSLATION
    return program
