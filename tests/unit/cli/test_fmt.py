"""``bamlvm fmt``: which files it writes, what it prints, how it ends; and ``bamlvm.format_source``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main

pytestmark = pytest.mark.slow

MESSY = "class A { a int }  // café\r\n"
NEAT = "class A {\r\n  a int\r\n} // café\r\n"
BROKEN = "class A { a int }\nclass B { b }\n"
DIFF = """\
--- {0}
+++ {0} (formatted)
@@ -1 +1 @@
-type A = int;
\\ No newline at end of file
+type A = int
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project as the current folder: a messy file, a neat one, and files that the command must not touch."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"messy.baml": MESSY, "inner/neat.baml": NEAT, ".git/no.baml": MESSY, "no.txt": MESSY}.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(text.encode())
    return tmp_path


def read(name: str) -> str:
    return Path(name).read_bytes().decode()


@pytest.mark.parametrize("arguments", [[], ["."], ["messy.baml", "inner"], ["messy.baml", ".", "./messy.baml"]])
def test_formats_in_place(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["fmt", *arguments]) == exit_codes.OK
    assert (read("messy.baml"), read("inner/neat.baml")) == (NEAT, NEAT)
    assert (read(".git/no.baml"), read("no.txt")) == (MESSY, MESSY)
    assert capsys.readouterr() == ("messy.baml\n", "1 file formatted, 1 file already formatted\n")
    assert main(["fmt", *arguments]) == exit_codes.OK
    assert capsys.readouterr() == ("", "2 files already formatted\n")


def test_each_file_has_the_indentation_of_its_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text("[tool.bamlvm.format]\nindent = 4\n")
    Path("inner/bamlvm.toml").write_text("format.indent = 3\n")
    assert main(["fmt"]) == exit_codes.OK
    assert read("messy.baml") == NEAT.replace("  ", "    ")
    assert read("inner/neat.baml") == NEAT.replace("  ", "   ")
    Path("inner/bamlvm.toml").write_text("format.indent = 0\n")
    capsys.readouterr()
    assert main(["fmt", "inner"]) == exit_codes.HOST
    assert capsys.readouterr().err == "bamlvm fmt: inner/bamlvm.toml: Expected `int` >= 1 - at `$.format.indent`\n"


def test_formats_the_folder_of_sources_from_anywhere_in_the_project(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("baml_src").mkdir()
    Path("baml_src/main.baml").write_bytes(MESSY.encode())
    monkeypatch.chdir("inner")
    assert main(["fmt", "--check"]) == exit_codes.UNFORMATTED
    assert capsys.readouterr().out == "../baml_src/main.baml\n"


def test_a_file_that_is_named_may_be_called_anything(folder: Path) -> None:
    assert main(["fmt", "no.txt"]) == exit_codes.OK
    assert read("no.txt") == NEAT


def test_check_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--check"]) == exit_codes.UNFORMATTED == 1
    assert read("messy.baml") == MESSY
    assert capsys.readouterr() == ("messy.baml\n", "1 file would change, 1 file already formatted\n")
    assert main(["fmt", "--check", "inner"]) == exit_codes.OK
    assert capsys.readouterr() == ("", "1 file already formatted\n")


@pytest.mark.parametrize(("options", "code"), [(["--diff"], 0), (["--diff", "--check"], 1)])
def test_diff_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int) -> None:
    Path("t.baml").write_text("type A = int;")
    assert main(["fmt", "t.baml", *options]) == code
    assert read("t.baml") == "type A = int;"
    shown = capsys.readouterr()
    assert shown.out == DIFF.format("t.baml")
    assert shown.err == "1 file would change\n"


def test_a_file_with_a_syntax_error_is_left_and_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.baml").write_text(BROKEN)
    assert main(["fmt"]) == exit_codes.COMPILE
    assert read("broken.baml") == BROKEN
    assert read("messy.baml") == NEAT
    shown = capsys.readouterr()
    assert shown.out == "messy.baml\n"
    assert "error[E0010]" in shown.err and "broken.baml:2:" in shown.err
    assert shown.err.endswith("1 file formatted, 1 file already formatted, 1 file failed\n")
    Path("messy.baml").write_bytes(MESSY.encode())
    assert main(["fmt", "--check"]) == exit_codes.COMPILE


def test_what_does_not_compile_for_other_reasons_is_formatted(folder: Path) -> None:
    Path("unknown.baml").write_text("type A = Nowhere;")
    assert main(["fmt", "unknown.baml"]) == exit_codes.OK
    assert read("unknown.baml") == "type A = Nowhere\n"


def test_the_surroundings_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("latin.baml").write_bytes(b"// caf\xe9\n")
    Path("empty").mkdir()
    assert main(["fmt", "latin.baml", "empty", "missing.baml", "messy.baml"]) == exit_codes.HOST
    assert read("messy.baml") == NEAT
    assert capsys.readouterr().err.splitlines() == [
        "bamlvm fmt: latin.baml: not UTF-8 text: invalid continuation byte at byte 6, on line 1; save it as UTF-8",
        "bamlvm fmt: empty: no .baml file in this folder",
        "bamlvm fmt: missing.baml: No such file or directory",
        "1 file formatted, 2 files failed",
    ]


def test_what_is_no_regular_file_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe.baml")
    assert main(["fmt", "pipe.baml", "messy.baml"]) == exit_codes.HOST
    assert read("messy.baml") == NEAT
    assert capsys.readouterr().err == (
        "bamlvm fmt: pipe.baml: not a regular file but a pipe\n1 file formatted, 1 file failed\n"
    )


def test_a_link_out_of_the_folder_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("elsewhere.baml").write_bytes(MESSY.encode())
    Path("inner/link.baml").symlink_to("../elsewhere.baml")
    assert main(["fmt", "inner"]) == exit_codes.OK
    assert capsys.readouterr().err.splitlines()[0] == "skipped: inner/link.baml is a link out of inner"
    assert read("elsewhere.baml") == MESSY
    assert main(["fmt", "inner/link.baml"]) == exit_codes.OK
    assert read("elsewhere.baml") == NEAT and Path("inner/link.baml").is_symlink()


def test_what_cannot_be_followed_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("inner/gone.baml").symlink_to("no\x1bwhere")
    Path("inner/loop.baml").symlink_to("loop.baml")
    Path("inner/.#lock.baml").symlink_to("user@host.17")  # an editor's
    assert main(["fmt", "--check", "inner"]) == exit_codes.HOST
    assert sorted(capsys.readouterr().err.splitlines()[:2]) == [
        "bamlvm fmt: inner/gone.baml: a symbolic link to no␛where, where nothing is",
        "bamlvm fmt: inner/loop.baml: Too many levels of symbolic links",
    ]


def test_mode_and_links_are_kept_and_nothing_is_left_behind(folder: Path) -> None:
    Path("messy.baml").chmod(0o640)
    Path("linked.baml").symlink_to("messy.baml")
    assert main(["fmt", "linked.baml"]) == exit_codes.OK
    assert Path("linked.baml").is_symlink()
    assert Path("messy.baml").stat().st_mode & 0o7777 == 0o640
    assert read("messy.baml") == NEAT
    assert sorted(os.listdir()) == [".git", "inner", "linked.baml", "messy.baml", "no.txt"]


def test_a_neat_file_is_not_written(folder: Path) -> None:
    before = Path("inner/neat.baml").stat()
    assert main(["fmt"]) == exit_codes.OK
    after = Path("inner/neat.baml").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_must_not_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("messy.baml").chmod(0o440)
    assert main(["fmt", "messy.baml"]) == exit_codes.HOST
    assert read("messy.baml") == MESSY
    assert capsys.readouterr().err == "bamlvm fmt: messy.baml: not writable\n1 file failed\n"


@pytest.mark.parametrize(
    ("options", "text", "code", "out"),
    [
        ([], MESSY, exit_codes.OK, NEAT),
        ([], NEAT, exit_codes.OK, NEAT),
        (["--check"], MESSY, exit_codes.UNFORMATTED, "<stdin>\n"),
        (["--check"], NEAT, exit_codes.OK, ""),
        (["--diff"], "type A = int;", exit_codes.OK, DIFF.format("<stdin>")),
        ([], BROKEN, exit_codes.COMPILE, ""),
    ],
)
def test_stdin_to_stdout(tmp_path: Path, options: list[str], text: str, code: int, out: str) -> None:
    command = [sys.executable, "-m", "bamlvm", "fmt", "-", *options]
    done = subprocess.run(command, input=text.encode(), capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (code, out)
    assert (b"<stdin>:2:" in done.stderr) == (text == BROKEN)


def test_stdin_goes_with_no_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "-", "messy.baml"]) == exit_codes.USAGE
    assert capsys.readouterr().err == "bamlvm fmt: - (stdin) cannot be combined with another path\n"


def test_format_source() -> None:
    assert bamlvm.format_source(MESSY) == NEAT
    assert bamlvm.format_source(MESSY, indent=4) == NEAT.replace("  ", "    ")
    assert bamlvm.format_source("") == ""
    with pytest.raises(bamlvm.CompileError, match=r"here\.baml:2:"):
        bamlvm.format_source(BROKEN, path="here.baml")


@pytest.mark.parametrize("folder", ["stdlib", "examples"])
def test_our_own_sources_are_formatted(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).parents[3] / folder
    assert main(["fmt", "--check", str(path)]) == exit_codes.OK, f"run `bamlvm fmt {folder}`"
