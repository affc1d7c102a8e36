"""A test is found by its subject's name: ``vm/linker.py`` is tested by ``tests/unit/vm/test_linker.py``.

A name may go on after the module's (``test_machine_limits.py``), and a package's tests may bear its own name.  And
``make test-translations`` may leave out only what runs no program.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

UNIT: Final = Path(__file__).parent
ROOT: Final = UNIT.parent.parent

OTHERWISE: Final = {
    "api/calls/test_concurrency.py": "many calls at once, through every module of the package",
    "api/calls/test_ends_of_processes.py": "what a process leaves when it ends",
    "api/test_example.py": "the two programs that the project promises first",
    "api/test_imports.py": "what a start-up loads, in every ring",
    "api/test_standard_library.py": "stdlib/ as programs see it",
    "compiler/test_mutations.py": "every stage, on programs that were broken",
    "compiler/test_soundness.py": "every stage, against the reference interpreter",
    "sysops/providers/test_media.py": "media in the requests of every wire format",
    "test_layout.py": "this very rule",
    "vm/test_standard_library.py": "stdlib/ as the machine sees it",
}
"""Tests of no single module, and what they are about."""


def subject(test: Path) -> Path | None:
    """The module or package that a test is named after."""
    folder = ROOT / test.parent
    words = test.stem.removeprefix("test_").split("_")
    for count in range(len(words), 0, -1):
        name = "_".join(words[:count])
        for found in (folder / f"{name}.py", folder / name / "__init__.py"):
            if found.exists():
                return found
    return folder if words == folder.name.split("_") and folder.is_dir() else None


TESTS: Final = sorted(str(path.relative_to(UNIT)) for path in UNIT.rglob("test_*.py"))


@pytest.mark.parametrize("test", TESTS)
def test_a_test_is_named_after_its_subject(test: str) -> None:
    assert (subject(Path(test)) is not None) != (test in OTHERWISE), "rename it, or say in OTHERWISE what it is about"


def test_no_exception_is_out_of_date() -> None:
    assert set(TESTS) >= set(OTHERWISE)


RUNS: Final = re.compile(r"\bMachine\b|\blab\b|\brun_text\b|\bcall_function|\bstream\(")
"""How a test runs a program."""


def test_modules_without_programs_run_none() -> None:
    texts = {test: (UNIT / test).read_text(encoding="utf-8") for test in TESTS}
    assert not [test for test, text in texts.items() if "mark.no_program" in text and RUNS.search(text)]
