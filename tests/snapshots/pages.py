"""The pages of ``docs/`` that are made from the code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bamlvm.vm.opcodes import markdown
from tests.attack import page as attacks
from tests.diagnostics.examples import page as diagnostics_page
from tests.pages import api_page, cli_page, words_page
from tests.snapshots.stdlib_page import page as stdlib_page
from tests.streaming.faults import page as faults

DOCS = Path(__file__).parent.parent.parent / "docs"


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page: file and text."""
    yield DOCS / "opcodes.md", markdown()
    yield DOCS / "faults.md", faults.text()
    yield DOCS / "diagnostics.md", diagnostics_page()
    yield DOCS / "stdlib.md", stdlib_page()
    yield DOCS / "api.md", api_page.page()
    yield DOCS / "cli.md", cli_page.page()
    yield DOCS / "words.md", words_page.page()
    yield DOCS / "security.md", attacks.text()
