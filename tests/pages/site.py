"""Whether a built site keeps its promises: no page asks another host for anything, and every page is in ``llms.txt``.

``python -m tests.pages.site FOLDER`` (``make site``) prints what is wrong and exits with 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

_LOADS: Final = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LINKS: Final = frozenset({"stylesheet", "icon", "preconnect", "preload", "prefetch", "dns-prefetch", "manifest"})
_IN_STYLES: Final = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")\s]+)")


class _Requests(HTMLParser):
    """Collects the addresses that a page loads from other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get(_LOADS.get(tag, ""))
        if tag == "link" and _LINKS & set((values.get("rel") or "").split()):
            address = values.get("href")
        if address and re.match(r"(?:https?:)?//", address):
            self.found.append(address)


def problems(site: Path) -> Iterator[str]:
    """Yield a line about each promise that the site in a folder breaks."""
    for path in sorted(site.rglob("*.html")):
        reader = _Requests()
        reader.feed(path.read_text("utf-8"))
        yield from (f"{path.relative_to(site)} asks {address}" for address in reader.found)
    for path in sorted(site.rglob("*.css")):
        for address in _IN_STYLES.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(site)} asks {address}"
    listed = (site / "llms.txt").read_text("utf-8")
    for path in sorted(site.rglob("*.md")):
        name = str(path.relative_to(site))
        if f"]({name})" not in listed:
            yield f"llms.txt does not list {name}"
    if not (site / "search" / "search_index.json").exists():
        yield "there is no search index"


def main() -> int:
    """Check a site; return the exit code."""
    found = list(problems(Path(sys.argv[1])))
    print("\n".join(found) or f"{sys.argv[1]}: {len(list(Path(sys.argv[1]).rglob('*.html')))} pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
