"""``docs/cli.md``: the commands and their options, from the parsers that read them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from bamlvm.cli import exit_codes
from bamlvm.cli.main import COMMANDS
from bamlvm.cli.parser import whole_parser

_HEAD = """\
# The command line

`bamlvm COMMAND --help` prints what this page says of a command. Without a PATH it is the program of the project: the
nearest folder `baml_src`, here or above, or what `source` names in the table `[tool.bamlvm]` of `pyproject.toml` or in
`bamlvm.toml`.

This page is made from the commands by `make docs`.
"""


def page() -> str:
    """``docs/cli.md``."""
    parser = whole_parser()
    commands = next(each for each in parser._actions if isinstance(each, argparse._SubParsersAction)).choices
    listed = [f"| [`{name}`](#{name}) | {summary} |" for name, (_, summary) in COMMANDS.items()]
    parts = [_HEAD, "\n".join(["| command | does |", "|---|---|", *listed]) + "\n"]
    parts += ["\n".join(_command(name, command)) + "\n" for name, command in commands.items()]
    return "\n".join(parts) + "\n## Exit codes\n\n```text\n" + exit_codes.help_text().rstrip() + "\n```\n"


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield _prose(parser.description or "")
    yield ""
    words = [_word(each) for each in parser._actions if not each.option_strings]
    yield f"**`bamlvm {name} {' '.join([*words, '[OPTIONS]'])}`**"
    yield ""
    yield "| argument | |"
    yield "|---|---|"
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        text = (action.help or "") % vars(action)  # as argparse does
        yield f"| `{_flags(action)}` | {_cell(text)} |"


def _flags(action: argparse.Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return value.replace("|", "\\|")
    return ", ".join(action.option_strings) + (f" {value}".replace("|", "\\|") if value else "")


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar is None and action.choices:
        return "|".join(map(str, action.choices))
    name = action.metavar or action.dest.upper()
    return name if isinstance(name, str) else " ".join(name)


def _word(action: argparse.Action) -> str:
    value = _value(action)
    return {"?": f"[{value}]", "*": f"[{value}…]", "+": f"{value}…"}.get(str(action.nargs), value)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _prose(text: str) -> str:
    """Return a description; its indented lines are a block of code."""
    found = []
    for part in text.strip().split("\n\n"):
        if part.startswith(" "):
            found.append("```text\n" + re.sub(r"(?m)^ {2,4}", "", part) + "\n```")
        else:
            found.append(re.sub(r"(?<!`)<(\w+)>", r"&lt;\1&gt;", part))
    return "\n\n".join(found)
