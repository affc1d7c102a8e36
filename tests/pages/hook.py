"""What MkDocs does beside its own work when it builds the site: colours for BAML, and ``llms.txt``.

``llms.txt`` (https://llmstxt.org) lists the pages in the order of the navigation, with the first sentence of each;
``llms-full.txt`` has their texts.  Each page's Markdown is written beside its HTML.  Pages about the inside of bamlvm
come under "Optional" and are no part of the full text.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from pygments.lexer import RegexLexer, bygroups, words
from pygments.lexers import LEXERS
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String, Text

from bamlvm.grammar.tokens import INFIX_WORDS, ITEM_KEYWORDS, LITERAL_WORDS, OPERAND_ENDS

OPTIONAL: Final = "Inside"
_PAGES: Final[dict[str, tuple[str, str]]] = {}
"""The title and the text of every page, by its file's name."""
_STATEMENT_WORDS: Final = (
    *("if", "for", "while", "match", "spawn", "await", "throw", "assert", "watch", "native", "sysop"),
    *(word.lower() for word in OPERAND_ENDS if word in ("BREAK", "CONTINUE", "RETURN")),
)


class BamlLexer(RegexLexer):
    """BAML for Pygments: words, strings, comments, attributes; good enough for colours."""

    name = "BAML"
    aliases = ("baml",)
    filenames = ("*.baml",)
    tokens = {  # noqa: RUF012 (Pygments declares it so)
        "root": [
            (r"///?[^\n]*", Comment.Single),
            (r'(?s)(#+)"(.*?)"\1', String),
            (r'"(?:\\.|[^"\\])*"', String.Double),
            (r"(?s)`(?:\\.|[^`\\])*`", String.Backtick),
            (r"@@?[\w.]+", Name.Decorator),
            (r"\{\{", Punctuation, "expression"),
            (
                rf"\b({'|'.join(ITEM_KEYWORDS)})(<llm>)?(\s+)([A-Za-z_]\w*)",
                bygroups(Keyword.Declaration, Keyword.Type, Text, Name.Class),
            ),
            (words((*ITEM_KEYWORDS, *INFIX_WORDS, *_STATEMENT_WORDS), prefix=r"\b", suffix=r"\b"), Keyword),
            (words(tuple(LITERAL_WORDS), prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (
                words(
                    ("int", "float", "string", "bool", "map", "image", "audio", "pdf", "video", "unknown", "never"),
                    prefix=r"\b",
                    suffix=r"\b",
                ),
                Keyword.Type,
            ),
            (r"\d[\d_]*(\.\d+)?([eE][+-]?\d+)?", Number),
            (r"[A-Za-z_]\w*", Name),
            (r"[-+*/%=<>!&|^~?:.]+", Operator),
            (r"[\[\](){},;]", Punctuation),
            (r"\s+", Text),
            (r".", Text),
        ],
        "expression": [
            (r"\}\}", Punctuation, "#pop"),
            (r'"[^"]*"|' + r"'[^']*'", String),
            (r"[^}\"']+|.", Literal),
        ],
    }


_MODULE: Final = "bamlvm_site_lexer"
sys.modules[_MODULE] = SimpleNamespace(__all__=["BamlLexer"], BamlLexer=BamlLexer)  # type: ignore[assignment]  # it stands for a module
LEXERS["BamlLexer"] = (_MODULE, BamlLexer.name, BamlLexer.aliases, BamlLexer.filenames, ())


def on_config(config: Any, **_: Any) -> None:
    """Put every decision into the navigation, by its title."""
    inside = next(section[OPTIONAL] for section in config["nav"] if OPTIONAL in section)
    found = sorted(Path(config["docs_dir"], "decisions").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in found]
    inside.append({"Decisions": [{title: f"decisions/{path.name}"} for title, path in zip(titles, found, strict=True)]})


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Keep the text of a page; return it as Python's Markdown wants it.

    The pages are written for every reader of Markdown (CommonMark with tables): a backslash ends a line, a bar in the
    code of a table has one before it.
    """
    text = re.sub(r"(?ms)^<!--.*?-->\n", "", markdown)
    _PAGES[page.file.src_uri] = (page.title, text)
    text = re.sub(r"(?m)\\$", "  ", text)
    return re.sub(r"(?m)^\|.*$", lambda row: re.sub(r"`[^`]*`", lambda code: code[0].replace("\\|", "|"), row[0]), text)


def on_post_build(config: Any, **_: Any) -> None:
    """Write ``llms.txt``, ``llms-full.txt`` and the pages' texts."""
    site = Path(config["site_dir"])
    for name, (_title, text) in _PAGES.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    listed = [f"# {config['site_name']}\n", f"> {config['site_description']}\n", _introduction(_PAGES["index.md"][1])]
    whole: list[str] = []
    for title, names in _sections(config["nav"]):
        listed += [f"\n## {'Optional' if title == OPTIONAL else title}\n"]
        listed += [f"- [{_PAGES[name][0]}]({name}): {_introduction(_PAGES[name][1])}" for name in names]
        if title != OPTIONAL:
            whole += [_PAGES[name][1].strip() + "\n" for name in names]
    (site / "llms.txt").write_text("\n".join(listed) + "\n", encoding="utf-8")
    (site / "llms-full.txt").write_text("\n\n".join(whole), encoding="utf-8")


def _sections(nav: list[Any]) -> list[tuple[str, list[str]]]:
    """Return the navigation's sections with their pages; the pages that are in none come first, as "Start"."""
    found: dict[str, list[str]] = {}
    for entry in nav:
        for title, value in entry.items():
            found.setdefault("Start" if isinstance(value, str) else title, []).extend(_names(value))
    return list(found.items())


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [name for entry in value for each in entry.values() for name in _names(each)]


def _introduction(text: str) -> str:
    """Return the first sentence of a page, without its links."""
    body = re.sub(r"(?ms)^#.*?$|^```.*?^```$|^\|.*?$|^<!--.*?-->$", "", text)
    paragraph = " ".join(next((part for part in body.split("\n\n") if part.strip()), "").split())
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)
    sentence = re.match(r".*?[.:](?=\s|$)", plain)
    return (sentence[0] if sentence else plain).rstrip(":")
