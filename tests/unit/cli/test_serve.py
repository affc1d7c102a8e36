"""The options of ``bamlvm serve``; tests/unit/tools/server/test_process.py runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "65536"], "expected a port from 0 to 65535, got 65536"),
        (["--port", "-1"], "expected a port from 0 to 65535, got -1"),
        (["--workers", "0"], "expected a whole number from 1 up, got 0"),
        (["--queue", "x"], "expected a whole number from 0 up, got x"),
        (["--max-body", "16X"], "expected bytes, as in 65536, 512K or 16M, got 16X"),
        (["--grace", "nan"], "expected seconds from 0 up, got nan"),
        (["--workers", "2", "--record", "r.jsonl"], "--record writes one file, so it needs --workers 1"),
    ],
)
def test_options_that_cannot_be(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "nowhere.baml", *options]) == exit_codes.USAGE
    assert message in capsys.readouterr().err


def test_a_program_that_does_not_compile_serves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "main.baml"
    program.write_text("function f() -> int { x }")
    assert main(["serve", str(program), "--port", "0"]) == exit_codes.COMPILE
    captured = capsys.readouterr()
    assert captured.out == "" and "main.baml:1:23" in captured.err


def test_a_file_without_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "main.baml"
    program.write_text("function f() -> int { 1 }")
    keys = tmp_path / "keys"
    keys.write_text("# none yet\n")
    assert main(["serve", str(program), "--keys-file", str(keys)]) == exit_codes.HOST
    assert capsys.readouterr().err == f"bamlvm serve: {keys}: there is no key in it\n"
    assert main(["serve", str(program), "--keys-file", os.devnull + "x"]) == exit_codes.HOST
