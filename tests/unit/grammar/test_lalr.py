"""The grammar itself: no conflicts, tables that are current, an action for every rule; and when Lark is imported."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bamlvm.grammar import lalr
from bamlvm.grammar.actions import expressions, items, statements, types
from bamlvm.grammar.lalr import Table, actions_of, build, load, read, write

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh() -> Table:
    """The tables as Lark makes them now.  Strict: a conflict would be an error."""
    return build()


def test_a_conflict_would_be_refused(tmp_path: Path) -> None:
    """The check can fail: a dangling else is a conflict."""
    from lark import Lark
    from lark.exceptions import GrammarError

    grammar = "start: statement\nstatement: IF statement | IF statement ELSE statement | X\n%declare IF ELSE X"
    with pytest.raises(GrammarError, match="Shift/Reduce"):
        Lark(grammar, parser="lalr", lexer=lalr.declared_lexer(), strict=True)


def test_the_kept_tables_are_those_of_the_grammar(fresh: Table) -> None:
    """The build or an earlier run left them beside the grammar.  Lark numbers states as it likes: no number counts."""
    load()
    kept = read(Path(lalr.__file__).with_name("baml.table"))
    assert kept is not None
    assert kept.grammar == fresh.grammar
    assert sorted(kept.rules) == sorted(fresh.rules)
    assert len(kept.states) == len(fresh.states)
    assert sorted(sorted(state) for state in kept.states) == sorted(sorted(state) for state in fresh.states)


def test_tables_that_do_not_fit_are_not_used(fresh: Table, tmp_path: Path) -> None:
    path = tmp_path / "x.table"
    assert read(path) is None
    for content in (b"", b"{}", b"\xff", msgspec.msgpack.encode(fresh)[:-1]):
        path.write_bytes(content)
        assert read(path) is None
    write(fresh, path)
    assert read(path) == fresh
    write(msgspec.structs.replace(fresh, grammar=fresh.grammar + "\n"), path)
    assert read(path) is None
    write(msgspec.structs.replace(fresh, starts={"class_item": 1}), path)
    assert read(path) is None
    assert list(tmp_path.iterdir()) == [path]


PROBE = """
import sys
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
assert parse_file(SourceFile("a", "class A { a int }"))[0].items
print("lark" in sys.modules)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the grammar's folder, as in a fresh checkout."""
    original = Path(lalr.__file__).parent
    copy = tmp_path / "bamlvm" / "grammar"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__", "baml.table*"))
    (tmp_path / "bamlvm" / "__init__.py").touch()
    return copy


def imports_lark(folder: Path) -> bool:
    """Whether parsing a text in a new process imports Lark; ``folder`` is that of the grammar."""
    environment = {**os.environ, "PYTHONPATH": str(folder.parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stderr == ""
    return done.stdout == "True\n"


def test_missing_and_stale_tables_are_made_anew_once(checkout: Path) -> None:
    grammar = checkout / "baml.lark"
    assert imports_lark(checkout)
    assert not imports_lark(checkout)
    grammar.write_text(grammar.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    assert imports_lark(checkout)
    assert not imports_lark(checkout)


def test_tables_that_cannot_be_kept_are_made_every_time(checkout: Path) -> None:
    (checkout / "baml.table").mkdir()
    assert imports_lark(checkout)
    assert imports_lark(checkout)
    assert [path.name for path in checkout.glob("baml.table*")] == ["baml.table"]


ACTIONS = actions_of(types, expressions, statements, items)


def test_every_rule_has_an_action_for_its_children(fresh: Table) -> None:
    for size, origin, action in fresh.rules:
        if action:
            inspect.signature(ACTIONS[action]).bind(*range(size + 1))
        else:
            assert size == 1, origin


def test_every_action_is_used(fresh: Table) -> None:
    assert ACTIONS.keys() - {"integer"} == {action for _, _, action in fresh.rules} - {""}


def test_every_action_has_one_definition() -> None:
    modules = [actions_of(module) for module in (types, expressions, statements, items)]
    assert sum(map(len, modules)) == len(ACTIONS)


def test_the_tree_and_its_printing_need_no_tables() -> None:
    code = """
import sys, bamlvm.grammar.diagnostics, bamlvm.grammar.source, bamlvm.grammar.syntax, bamlvm.grammar.dump
print("bamlvm.grammar.lalr" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("False\n", "")
