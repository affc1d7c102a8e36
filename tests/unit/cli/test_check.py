"""``bamlvm check``: its output by format, its colour, its exit code."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main

pytestmark = pytest.mark.slow

FINE = "function main() -> int { 1 }\n"
WARNS = "function main() -> int { match (1) { _ => 1, 2 => 2 } }\n"
WRONG = "function main() -> int { coutn }\nfunction count() -> int { 1 }\n"

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("fine", FINE), ("warns", WARNS), ("wrong", WRONG)):
        (tmp_path / f"{name}.baml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestLevels:
    def test_strict_makes_warnings_errors(self, folder: Path, capsys: Captured) -> None:
        assert main(["check", "--strict", "warns.baml"]) == exit_codes.COMPILE
        assert capsys.readouterr().err.startswith("error[E0063]")
        (folder / "bamlvm.toml").write_text("strict = true")
        assert main(["check", "warns.baml"]) == exit_codes.COMPILE

    def test_the_project_sets_levels(self, folder: Path, capsys: Captured) -> None:
        settings = folder / "bamlvm.toml"
        settings.write_text('levels = { E0063 = "error" }')
        assert main(["check", "warns.baml"]) == exit_codes.COMPILE
        settings.write_text('strict = true\nlevels = { E0063 = "off", E0003 = "off" }')
        assert main(["check", "warns.baml"]) == exit_codes.OK
        assert main(["check", "wrong.baml"]) == exit_codes.COMPILE  # an error is no warning
        capsys.readouterr()
        settings.write_text('levels = { E0064x = "error" }')
        assert main(["check", "warns.baml"]) == exit_codes.HOST
        assert "no diagnostic has the code 'E0064x' (did you mean `E0064`?)" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
class TestText:
    def test_each_program_is_told_of(self, capsys: Captured) -> None:
        assert main(["check", "fine.baml", "warns.baml", "wrong.baml"]) == exit_codes.COMPILE
        out, err = capsys.readouterr()
        assert out == "fine.baml: ok\nwarns.baml: ok, 1 warning\n"
        assert (
            err.startswith("warning[E0063]") and "\nerror[E0003]: unknown name `coutn`\n --> wrong.baml:1:26\n" in err
        )
        assert err.endswith("\n1 error\n")

    def test_what_cannot_be_read_is_told_of_and_the_rest_is_checked(self, capsys: Captured) -> None:
        assert main(["check", "nowhere", "wrong.baml", "fine.baml"]) == exit_codes.HOST
        out, err = capsys.readouterr()
        assert out == "fine.baml: ok\n"
        assert err.startswith("bamlvm check: nowhere: no such file or folder\nerror[E0003]")

    def test_a_warm_check_says_the_same(self, capsys: Captured) -> None:
        first = (main(["check", "warns.baml"]), capsys.readouterr())
        assert (main(["check", "warns.baml"]), capsys.readouterr()) == first
        assert first[1].err

    def test_without_a_path_it_is_the_usual_folder(
        self, folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "inner").mkdir()
        monkeypatch.chdir(folder / "inner")
        assert main(["check"]) == exit_codes.HOST
        assert capsys.readouterr().err == (
            "bamlvm check: no program found: there is no folder `baml_src` here or above; "
            "name a .baml file or a folder, or create baml_src/main.baml\n"
        )
        (folder / "baml_src").mkdir()
        (folder / "baml_src" / "main.baml").write_text(FINE)
        assert main(["check"]) == exit_codes.OK
        assert capsys.readouterr().out == "../baml_src: ok\n"

    def test_what_other_tools_keep_in_a_folder_is_no_part_of_a_program(self, folder: Path, capsys: Captured) -> None:
        program = folder / "program"
        for name in (".hidden", "node_modules/baml", ".venv/lib", "env/lib", "prompts"):
            (program / name).mkdir(parents=True)
            (program / name / "main.baml").write_text(FINE)
        (program / "env" / "pyvenv.cfg").touch()
        os.mkfifo(program / "pipe.baml")
        assert main(["check", "program"]) == exit_codes.OK
        assert capsys.readouterr().out == "program: ok\n"


@pytest.mark.usefixtures("folder")
class TestFormats:
    def test_json_is_one_document_for_all_programs(self, capsys: Captured) -> None:
        assert main(["check", "--format", "json", "wrong.baml", "nowhere", "warns.baml", "."]) == exit_codes.HOST
        out, err = capsys.readouterr()
        assert err == "bamlvm check: nowhere: no such file or folder\n"
        document = json.loads(out)
        assert document["diagnostics"][0]["hint"] == "did you mean `count`?"
        places = [(each["code"], each["file"]) for each in document["diagnostics"]]
        assert places[:2] == [("E0003", "wrong.baml"), ("E0063", "warns.baml")]

    def test_a_file_of_two_programs_is_reported_once(self, capsys: Captured) -> None:
        assert main(["check", "--format", "github", "wrong.baml", "wrong.baml"]) == exit_codes.COMPILE
        assert capsys.readouterr().out == (
            "::error file=wrong.baml,line=1,col=26,endLine=1,endColumn=31,title=E0003"
            "::unknown name `coutn`%0Ahint: did you mean `count`?\n"
        )

    def test_nothing_wrong(self, capsys: Captured) -> None:
        assert main(["check", "--format", "github", "fine.baml"]) == exit_codes.OK
        assert capsys.readouterr() == ("", "")
        assert main(["check", "--format", "json", "fine.baml"]) == exit_codes.OK
        assert json.loads(capsys.readouterr().out)["diagnostics"] == []

    def test_sarif(self, capsys: Captured) -> None:
        assert main(["check", "--format", "sarif", "warns.baml"]) == exit_codes.OK
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert [each["level"] for each in run["results"]] == ["warning"]

    def test_an_unknown_format(self, capsys: Captured) -> None:
        assert main(["check", "--format", "xml", "fine.baml"]) == exit_codes.USAGE
        assert "'text', 'json', 'github', 'sarif'" in capsys.readouterr().err


def on_terminal(folder: Path, *options: str, **environment: str) -> str:
    """What ``bamlvm check wrong.baml`` writes to a terminal at stderr."""
    ours, theirs = pty.openpty()
    try:
        variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {
            "TERM": "xterm",
            **environment,
        }
        command = [sys.executable, "-m", "bamlvm", "check", *options, "wrong.baml"]
        done = subprocess.run(command, cwd=folder, stderr=theirs, stdout=subprocess.PIPE, env=variables, timeout=120)
        assert done.returncode == exit_codes.COMPILE
        return os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)


class TestColour:
    def test_on_a_terminal_unless_told_not_to(self, folder: Path) -> None:
        assert "\x1b[1;31m" in on_terminal(folder)
        assert "\x1b" not in on_terminal(folder, NO_COLOR="1")
        assert "\x1b" not in on_terminal(folder, TERM="dumb")
        assert "\x1b" not in on_terminal(folder, "--color", "never")
        assert "\x1b[1;31m" in on_terminal(folder, "--color", "always", NO_COLOR="1")

    def test_not_elsewhere_unless_told_to(self, folder: Path, capsys: Captured) -> None:
        main(["check", "wrong.baml"])
        assert "\x1b" not in capsys.readouterr().err
        main(["check", "--color", "always", "wrong.baml"])
        assert "\x1b[1;31m" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
class TestFix:
    def test_mends_and_says_what(self, folder: Path, capsys: Captured) -> None:
        wrong = folder / "wrong.baml"
        wrong.write_text(WRONG.replace("coutn", "coutn()"))
        assert main(["check", "--fix", "wrong.baml", "fine.baml"]) == exit_codes.OK
        assert wrong.read_text() == WRONG.replace("coutn", "count()")
        assert (folder / "fine.baml").read_text() == FINE
        out, err = capsys.readouterr()
        assert out == "wrong.baml: ok\nfine.baml: ok\n"
        assert err == "wrong.baml:1:26: fixed E0003: `coutn` is now `count`\n"

    def test_diff_writes_nothing(self, folder: Path, capsys: Captured) -> None:
        assert main(["check", "--diff", "wrong.baml"]) == exit_codes.COMPILE
        assert (folder / "wrong.baml").read_text() == WRONG
        assert "-function main() -> int { coutn }\n+function main() -> int { count }\n" in capsys.readouterr().out

    def test_what_cannot_be_written_is_reported(self, folder: Path, capsys: Captured) -> None:
        (folder / "wrong.baml").write_bytes(b"\xff")
        assert main(["check", "--fix", "wrong.baml", "warns.baml"]) == exit_codes.HOST
        assert "not UTF-8" in capsys.readouterr().err
