"""The variables of a file ``.env``, and which commands read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.dotenv import parse
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.main import main

PROGRAM = """
function key() -> string { env.BAMLVM_TEST_KEY }
test Key { functions [key]  args {}  @@assert({{ this == "from the file" }}) }
"""


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\nB = two words \n", {"A": "1", "B": "two words"}),
        ("# comment\n\n  export A=x # why\nB=#x\n", {"A": "x", "B": "#x"}),
        ('A=\'a # \\n b\'\nB="a\\n\\"\\\\ # b" # c', {"A": "a # \\n b", "B": 'a\n"\\ # b'}),
        ("A=\"two\nlines\"\nB='three\n\nlines'", {"A": "two\nlines", "B": "three\n\nlines"}),
        ("A=\nA=2\nB=a=b", {"A": "2", "B": "a=b"}),
        ("A=https://h/p?q=1#f", {"A": "https://h/p?q=1#f"}),
        ("", {}),
    ],
)
def test_what_a_file_means(text: str, variables: dict[str, str]) -> None:
    assert parse(text, ".env") == variables


@pytest.mark.parametrize(("text", "line"), [("A=1\nB", 2), ("1A=2", 1), ("\n\nA='x\n", 3), ('A="x" y', 1)])
def test_a_line_that_is_not_an_entry(text: str, line: int) -> None:
    with pytest.raises(CommandError, match=rf"^\.env:{line}: expected NAME=VALUE \(--no-env-file"):
        parse(text, ".env")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "main.baml").write_text(PROGRAM)
    (tmp_path / ".env").write_text("BAMLVM_TEST_KEY='from the file'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BAMLVM_TEST_KEY", raising=False)
    return tmp_path


@pytest.mark.usefixtures("folder")
class TestCommands:
    def test_run_and_test_read_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["run", "main.baml", "key"]) == exit_codes.OK
        assert capsys.readouterr().out == "from the file\n"
        assert main(["test", "main.baml"]) == exit_codes.OK

    def test_a_variable_that_is_set_wins(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BAMLVM_TEST_KEY", "from the process")
        assert main(["run", "main.baml", "key"]) == exit_codes.OK
        assert capsys.readouterr().out == "from the process\n"

    def test_another_file_or_none(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "other.env").write_text("BAMLVM_TEST_KEY=other")
        assert main(["run", "main.baml", "key", "--env-file", "other.env"]) == exit_codes.OK
        assert capsys.readouterr().out == "other\n"
        assert main(["run", "main.baml", "key", "--no-env-file"]) == exit_codes.THREW
        assert "BAMLVM_TEST_KEY" in capsys.readouterr().err
        assert main(["run", "main.baml", "key", "--env-file", "no.env"]) == exit_codes.HOST
        assert capsys.readouterr().err == "bamlvm run: no.env: No such file or directory\n"
