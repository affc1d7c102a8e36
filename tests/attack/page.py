"""The table of docs/security.md: every attack, what comes of it, and the limits that it runs under.

The rest of the page is written by hand; the table is between two marks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.attack.run import KINDS

PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
_BEGIN: Final = "<!-- attacks: generated from tests/attack by `make docs` -->\n"
_END: Final = "<!-- end of attacks -->\n"

_TITLES: Final = {
    "programs": "A hostile program",
    "sources": "A hostile source",
    "servers": "A hostile server",
    "recordings": "A hostile recording",
    "caches": "A hostile cache",
    "capabilities": "A program that reaches for what is denied",
    "files": "A hostile file system, to the command line",
}


def text() -> str:
    """Return the page with its table made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{_table()}\n{_END}{after}"


def _table() -> str:
    lines: list[str] = []
    for kind, attacks in KINDS.items():
        if not attacks:
            continue
        lines += [
            "",
            f"### {_TITLES[kind]}",
            "",
            "| The attack | comes to | within (of processor time, memory) |",
            "|---|---|---|",
        ]
        lines += [f"| {each.name} | {each.expected} | {each.seconds:g} s, {each.megabytes} MB |" for each in attacks]
    return "\n".join(lines) + "\n"
