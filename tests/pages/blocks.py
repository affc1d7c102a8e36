"""The code blocks of a page, and what its author says about them.

    ```baml title="baml_src/main.baml"      a file of this name; the reader sees the name
    ```baml                                 must compile, together with the page's files and earlier blocks
    ```python                               runs after the page's earlier Python, in the page's folder
    ```console                              `$ command` and the beginning of what it prints; `…` stands for any text
    ```sh                                   runs, and must succeed
    ```toml, yaml, json                     must be such a text
    ```text and others                      is not run
    <!-- not run: reason -->                on the line before a block: why it cannot run
    <!-- as a test: name -->                …: the Python of the block is a file of tests, run by pytest
    <!-- setting: {…} -->                   at the top of a page: see :class:`Setting`
    <!-- hidden … -->                       Python that the reader does not see: what the page's Python needs

Comments are seen neither in the site nor on a page of the repository.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
GENERATED: Final = frozenset({"api.md", "cli.md", "diagnostics.md", "faults.md", "opcodes.md", "stdlib.md", "words.md"})
"""Pages that are made from code, whose blocks have their own tests."""
_BLOCK: Final = re.compile(
    r"(?ms)^(?P<before><!-- (?P<word>not run|as a test): (?P<about>[^\n]*?) -->\n)?"
    r"(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n(?P<text>.*?)^(?P=indent)```$"
    r"|^<!-- hidden\n(?P<hidden>.*?)^-->$"
)


class Block(NamedTuple):
    """A block: its language, text, line in the page (from 1), file name, and its author's word about it."""

    language: str
    text: str
    line: int
    title: str | None = None
    word: str | None = None
    about: str | None = None


class Setting(NamedTuple):
    """What a page's blocks run with: ``answers`` of the models, in turn, of every client that names OpenAI; or the
    answers of one function by the text that its prompt contains, ``rules``; ``env`` variables."""

    answers: list[Any] = []  # noqa: RUF012 (never changed)
    rules: list[Any] = []  # noqa: RUF012 (never changed)
    env: dict[str, str] = {}  # noqa: RUF012 (never changed)


def pages() -> list[str]:
    """Return the pages with blocks that run, by name below ``docs/``."""
    names = [str(path.relative_to(DOCS)) for path in sorted(DOCS.rglob("*.md"))]
    kept = [name for name in names if name not in GENERATED and not name.startswith("decisions/")]
    return ["../README.md", *kept]


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page in their order, the hidden ones as Python."""
    found = []
    for match in _BLOCK.finditer(text):
        if match["hidden"] is not None:
            found.append(Block("python", match["hidden"], text.count("\n", 0, match.start("hidden")) + 1))
            continue
        indent = len(match["indent"])
        body = "".join(line[indent:] if line.strip() else line for line in match["text"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start("text")) + 1
        found.append(Block(match["language"], body, line, match["title"], match["word"], match["about"]))
    return found


def setting(text: str) -> Setting:
    """Return the setting that a page's first line has."""
    match = re.match(r"(?s)<!-- setting: (.*?) -->\n", text)
    return Setting(**json.loads(match[1])) if match else Setting()
