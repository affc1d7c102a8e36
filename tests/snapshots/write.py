"""Rewrite the snapshots: ``python -m tests.snapshots.write`` (``make snapshots``); ``--docs`` for the generated
pages."""

from __future__ import annotations

import shutil
import sys

from tests.snapshots.cases import SNAPSHOTS, names, snapshots
from tests.snapshots.pages import pages


def main() -> None:
    if "--docs" in sys.argv[1:]:
        for path, text in pages():
            path.write_text(text, encoding="utf-8")
        return
    made = [entry for case in names() for entry in snapshots(case)]
    for folder in SNAPSHOTS.iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            shutil.rmtree(folder)
    for path, text in made:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
