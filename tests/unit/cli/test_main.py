"""The command's frame: dispatch, help, and how it ends; and the mock server as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import COMMANDS, main

BAMLVM = [sys.executable, "-m", "bamlvm"]


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == exit_codes.USAGE
    assert main(["--help"]) == exit_codes.OK
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert f"\n  {command} " in shown
    for code, meaning in exit_codes.MEANINGS.items():
        assert f"{code:>3}  {meaning}" in shown


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("rum", "bamlvm: there is no command 'rum'; did you mean `run`?\n"),
        ("xyzzy", f"bamlvm: there is no command 'xyzzy'; there are {', '.join(f'`{each}`' for each in COMMANDS)}\n"),
        ("a.baml", "bamlvm: there is no command 'a.baml'; to run a file: bamlvm run a.baml\n"),
    ],
)
def test_an_unknown_command(capsys: pytest.CaptureFixture[str], word: str, message: str) -> None:
    assert main([word]) == exit_codes.USAGE
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", message)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_the_exit_codes(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: bamlvm {command} ")
    assert exit_codes.help_text() in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--nonsense"]) == exit_codes.USAGE
    assert capsys.readouterr().out == ""


def test_the_start_of_run_imports_nothing_heavy() -> None:
    program = "import sys, bamlvm.cli.main, bamlvm.cli.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "asyncio",
        "bamlvm.cli.dotenv",
        "bamlvm.mock",
        "bamlvm.replay",
        "bamlvm.testing",
        "difflib",
        "logging",
        "bamlvm.cli.progress",
        "bamlvm.tools.mock",
        "bamlvm.compiler.project",
        "httpx",
        "jinja2",
        "json",
        "lark",
    }
    assert heavy.isdisjoint(loaded)


INTERRUPTED = """
import sys
from bamlvm.cli import main

def struck(words):
    exec("raise KeyboardInterrupt")  # Ctrl-C strikes where Python runs a text, as dataclasses has it do

main._dispatch = struck
sys.exit(main.main(["run"]))
"""


def test_ctrl_c_is_an_exit_code_wherever_it_strikes(tmp_path: Path) -> None:
    (tmp_path / "struck.py").write_text(INTERRUPTED)
    done = subprocess.run([sys.executable, "-m", "struck"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (exit_codes.INTERRUPTED, "bamlvm run: interrupted\n")


class TestMockCommand:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_prints_its_url_serves_and_stops_at_a_signal(self, tmp_path: Path, number: signal.Signals) -> None:
        script = tmp_path / "script.toml"
        script.write_text('[[rules]]\nname = "hi"\npath = "/hi"\nanswers = [{ text = "there" }]\n')
        command = [*BAMLVM, "mock", "--script", str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with urllib.request.urlopen(f"{url}/hi") as answer:
                assert answer.read() == b"there"
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (exit_codes.OK, "")
        assert err.splitlines()[0].startswith("GET /hi → 200, rule 'hi', ")
        assert "Traceback" not in err

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rules = 1", "Expected `array`, got `int` - at `$.rules`"),
            ("rules = [", "Invalid value (at end of document)"),
            ('[[rules]]\nanswers = [{ faults = [{ kind = "nope" }] }]', "Invalid value 'nope' - at"),
        ],
    )
    def test_a_wrong_script(self, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
        script = tmp_path / "script.toml"
        script.write_text(text)
        assert main(["mock", "--script", str(script)]) == exit_codes.HOST
        shown = capsys.readouterr().err
        assert shown.startswith(f"bamlvm mock: {script}: ") and message in shown

    def test_a_missing_script(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        missing = tmp_path / "nowhere.toml"
        assert main(["mock", "--script", str(missing)]) == exit_codes.HOST
        assert capsys.readouterr().err == f"bamlvm mock: cannot read the script {missing}: No such file or directory\n"

    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ("stats", "unknown fault 'stats'; the kinds are bom, chunk, comments,"),
            ("status:503", "'503' in the fault 'status:503' is not of the form field=value"),
            ("status:kode=4", "unknown field `kode` (fields of status: code, body,"),
            ("reset:where=nowhere", "Invalid enum value 'nowhere'"),
        ],
    )
    def test_a_wrong_fault(self, capsys: pytest.CaptureFixture[str], fault: str, message: str) -> None:
        assert main(["mock", "--fault", fault]) == exit_codes.USAGE
        assert message in capsys.readouterr().err
