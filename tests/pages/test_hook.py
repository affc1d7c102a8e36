"""What the site's build adds: colours for BAML, and ``llms.txt`` in the order of the navigation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from pygments.lexers import get_lexer_by_name
from pygments.token import Error, Keyword, Name

from tests.pages import hook, site
from tests.pages.blocks import DOCS, ROOT, blocks, pages


class _Loader(yaml.SafeLoader):
    """Reads ``mkdocs.yml``, whose tags are MkDocs' own."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def test_baml_has_colours() -> None:
    lexer = get_lexer_by_name("baml")
    for name in pages():
        for block in blocks((DOCS / name).read_text("utf-8")):
            if block.language == "baml":
                tokens = list(lexer.get_tokens(block.text))
                assert Error not in {kind for kind, _ in tokens}
                assert "".join(text for _, text in tokens).strip() == block.text.strip()
    tokens = list(lexer.get_tokens("class Person { name string }"))
    assert tokens[0] == (Keyword.Declaration, "class") and (Name.Class, "Person") in tokens


def test_pages_are_written_for_python_markdown() -> None:
    page = SimpleNamespace(title="T", file=SimpleNamespace(src_uri="t.md"))
    text = "<!-- hidden\na\n-->\n**`f()`**\\\nabout\n\n| `a\\|b` |\n"
    assert hook.on_page_markdown(text, page) == "**`f()`**  \nabout\n\n| `a|b` |\n"


def test_llms_txt_has_every_page_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), _Loader)
    monkeypatch.setattr(hook, "_PAGES", {})
    hook.on_config(config | {"docs_dir": str(DOCS)})
    for path in DOCS.rglob("*.md"):
        page = SimpleNamespace(title=path.stem, file=SimpleNamespace(src_uri=str(path.relative_to(DOCS))))
        hook.on_page_markdown(path.read_text("utf-8"), page)
    hook.on_post_build(config | {"site_dir": str(tmp_path)})
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search_index.json").write_text("{}")
    assert list(site.problems(tmp_path)) == []
    listed = (tmp_path / "llms.txt").read_text("utf-8")
    assert listed.index("](tutorial.md)") < listed.index("](language.md)") < listed.index("## Optional")
    assert "](decisions/001-rings-and-rooms.md)" in listed
    whole = (tmp_path / "llms-full.txt").read_text("utf-8")
    assert "# Tutorial" in whole and "# Opcodes" not in whole and "<!-- setting" not in whole


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.com/a.css">',
        '<img src="http://example.com/a.png">',
    ],
)
def test_a_page_that_asks_another_host_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search_index.json").write_text("{}")
    (tmp_path / "llms.txt").write_text("")
    (tmp_path / "index.html").write_text(f'<a href="https://example.com">a link is none</a>{text}')
    assert len(list(site.problems(tmp_path))) == 1
