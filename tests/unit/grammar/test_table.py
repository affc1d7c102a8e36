"""The grammar itself: no conflicts, tables that are up to date, an action for every rule; and who imports Lark."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from bamlvm.grammar import lalr
from bamlvm.grammar.actions.items import Actions
from bamlvm.grammar.lalr import build, load, write


@pytest.fixture(scope="module")
def fresh() -> lalr.Table:
    """The tables as Lark makes them now.  Strict: a conflict would be an error."""
    return build()


def test_a_conflict_would_be_refused(tmp_path: Path) -> None:
    """The check can fail: a dangling else is a conflict."""
    from lark import Lark
    from lark.exceptions import GrammarError

    grammar = "start: statement\nstatement: IF statement | IF statement ELSE statement | X\n%declare IF ELSE X"
    with pytest.raises(GrammarError, match="Shift/Reduce"):
        Lark(grammar, parser="lalr", lexer=lalr.declared_lexer(), strict=True)


def test_the_kept_tables_are_those_of_the_grammar(fresh: lalr.Table, tmp_path: Path) -> None:
    """Otherwise run ``python -m bamlvm.grammar.lalr``.  Lark numbers states as it likes: no number counts."""
    kept = load()
    assert kept.digest == fresh.digest
    assert sorted(kept.rules) == sorted(fresh.rules)
    assert len(kept.states) == len(fresh.states)
    assert sorted(sorted(state) for state in kept.states) == sorted(sorted(state) for state in fresh.states)
    write(tmp_path / "a.table")
    assert lalr.read(tmp_path / "a.table") is not None


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff", b'{"digest":"old","starts":{},"ends":{},"rules":[],"states":[]}']
)
def test_tables_that_do_not_fit_are_not_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.table"
    assert lalr.read(path) is None
    path.write_bytes(content)
    assert lalr.read(path) is None


def test_every_rule_has_an_action_for_its_children(fresh: lalr.Table) -> None:
    for size, origin, action in fresh.rules:
        if action:
            signature = inspect.signature(getattr(Actions, action))
            signature.bind(*range(size + 1))
        else:
            assert size == 1, origin


def test_every_action_is_used(fresh: lalr.Table) -> None:
    used = {action for _, _, action in fresh.rules}
    helpers = {"report", "deepen", "unquote", "unescape"}
    public = {name for name, _ in inspect.getmembers(Actions, inspect.isfunction) if not name.startswith("_")}
    assert public - helpers == used - {""}


@pytest.mark.parametrize(
    "code",
    [
        "import bamlvm.grammar.diagnostics, bamlvm.grammar.source, bamlvm.grammar.syntax, bamlvm.grammar.dump",
        "from bamlvm.grammar.parser import parse_file; from bamlvm.grammar.source import SourceFile\n"
        "assert parse_file(SourceFile('a', 'class A { a int }'))[0].items",
    ],
)
def test_lark_is_imported_only_to_make_tables(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('lark' in sys.modules)"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
