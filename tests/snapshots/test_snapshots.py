"""Every stage of every project is what its snapshot says; ``make snapshots`` rewrites them, a reviewer reads the
change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.snapshots.cases import SNAPSHOTS, names, snapshots
from tests.snapshots.pages import pages


@pytest.mark.parametrize("case", names())
def test_stages_match_their_snapshots(case: str) -> None:
    for path, text in snapshots(case):
        assert path.exists(), f"{path.relative_to(SNAPSHOTS)} is missing: run `make snapshots`"
        assert path.read_text(encoding="utf-8") == text, f"{path.relative_to(SNAPSHOTS)} has changed"


def test_no_snapshot_is_orphaned() -> None:
    expected = {path for case in names() for path, _ in snapshots(case)}
    found = set(SNAPSHOTS.rglob("*.txt"))
    assert found == expected


@pytest.mark.parametrize(("path", "text"), [pytest.param(path, text, id=path.name) for path, text in pages()])
def test_generated_pages_are_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, f"{path.name} is stale: run `make docs`"
