"""Hostile file systems: what every command makes of files that are none, and of disks that are full.

An attack puts one hostile thing in the place of each file that a command reads or writes.  The command must end with
the exit code of a file that cannot be used, say its path on one line, and leave all files as they were.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.tools.batch import rows
from tests.attack.case import Attack

_PROGRAM: Final = """
function main(x: string = "a") -> string { x }
client<llm> C { provider openai options { model "m" api_key "k" base_url "http://127.0.0.1:1" } }
function F(x: string) -> string { client C prompt #"{{ x }}"# }
function G(i: image) -> string { client C prompt #"{{ i }}"# }
test T { functions [F] args { x "a" } }
generator g { output_type "python/msgspec" output_dir "../" }
"""

_READ: Final[Sequence[tuple[str, ...]]] = (
    ("run", "{}"),
    ("check", "{}"),
    ("check", "--fix", "{}"),
    ("fmt", "{}"),
    ("test", "{}", "--mock"),
    ("dump", "{}", "--stage", "bytecode"),
    ("schema", "F", "{}"),
    ("generate", "{}", "-o", "out"),
    ("serve", "{}", "--port", "0"),
    ("run", "--env-file", "{}"),
    ("mock", "--script", "{}"),
    ("run", "F", "-a", "x=1", "--replay", "{}"),
    ("run", "main", "-a", "x=@{}"),
    ("run", "G", "-a", "i=@{}", "--mock"),
    ("batch", "F", "{}", "--format", "jsonl", "-o", "o.jsonl", "--mock"),
    ("batch", "F", "{}", "--format", "json", "-o", "o.jsonl", "--mock"),
    ("batch", "F", "{}", "--format", "csv", "-o", "o.jsonl", "--mock"),
    ("eval", "F", "{}", "--format", "jsonl", "--expect", "y", "--mock"),
)
"""Commands that read the file ``{}``."""

_FOUND: Final[Sequence[tuple[str, str]]] = (
    ("check", "bamlvm.toml"),
    ("fmt", "pyproject.toml"),
    ("run", "bamlvm.toml"),
)
"""Commands that find a file by its name."""

_WRITTEN: Final[Sequence[tuple[str, ...]]] = (
    ("run", "F", "-a", "x=1", "--record", "{}"),
    ("batch", "F", "data.jsonl", "-o", "{}.jsonl", "--mock"),
    ("batch", "F", "data.jsonl", "-o", "{}.csv", "--mock"),
    ("generate", "-o", "{}"),
    ("init", "{}"),
)
"""Commands that write the file ``{}``."""


@contextlib.contextmanager
def _project() -> Iterator[None]:
    """Make a project the current folder."""
    with TemporaryDirectory() as name, contextlib.chdir(name):
        Path("baml_src").mkdir()
        Path("baml_src/main.baml").write_text(_PROGRAM)
        Path("data.jsonl").write_text('{"x": "a"}\n')
        yield


def _outcome(words: Sequence[str]) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it says on stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return code, err.getvalue()


def _content() -> dict[str, bytes | str]:
    """Return what is below the current folder: each file's content, and what else there is."""
    found: dict[str, bytes | str] = {}
    for folder, folders, names in os.walk("."):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            is_small = os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 1 << 20
            found[path] = Path(path).read_bytes() if is_small else str(os.lstat(path).st_mode)
    return found


def _refused(words: Sequence[str], path: str) -> None:
    """Run a command; raise :class:`AssertionError` unless it refuses a file in one line that has ``path``, and changes
    nothing."""
    before = _content()
    code, said = _outcome(words)
    assert code == exit_codes.HOST, (words, code, said)
    assert "out of memory" not in said and "Traceback" not in said, (words, said)
    lines = [line for line in said.splitlines() if line.startswith(f"bamlvm {words[0]}: ")]
    assert len(lines) == 1 and lines[0].isprintable(), (words, said)
    assert path in lines[0], (words, said)
    after = {name: each for name, each in _content().items() if not name.startswith("./o.")}
    assert after == before, (words, sorted(after.keys() ^ before.keys()))


def _in_place(make: Callable[[Path], object], *, writes: bool = True, name: str = "hostile") -> Callable[[], str]:
    """Put something in the place of every file that a command reads or writes."""

    def run() -> str:
        rows._WRITER_SECONDS = 0.2
        for words in _READ:
            with _project():
                make(Path(name))
                _refused([word.format(name) for word in words], name)
        for command, found in _FOUND:
            with _project():
                make(Path(found))
                _refused([command], found)
        for words in _WRITTEN if writes else ():
            with _project():
                for suffix in ("", ".jsonl", ".csv"):
                    make(Path(name + suffix))
                _refused([word.format(name) for word in words], name)
        return "refused, with its path"

    return run


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


def names() -> str:
    for name in ("no\nsuch", "no\x1b[31msuch", "no\udce9such"):
        for words in _READ:  # there is no such file
            with _project():
                _refused([word.format(name) for word in words], "such")
        with _project():
            Path("baml_src", f"{name}.baml").write_text("// a source")
            _refused(["check"], ".baml")
            _refused(["run"], ".baml")
            _refused(["generate"], ".baml")
    return "refused, with its path"


def full_disk() -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.dont_write_bytecode = True  # Python does not notice that it has written half a file
    commands = (
        ("generate", "-o", "out"),
        ("init", "new"),
        ("fmt",),
        ("run", "F", "-a", "x=1", "--record", "tape"),
        ("batch", "F", "data.jsonl", "-o", "o.jsonl", "--mock"),
    )
    for words in commands:
        with _project():
            Path("tape").write_text("old")
            Path("baml_src/long.baml").write_text("type A=int\n" + "// a comment\n" * 20)
            before = _content()
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
            try:
                code, said = _outcome(words)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            assert code == exit_codes.HOST and "File too large" in said, (words, code, said)
            after = _content()
            assert after.pop("./o.jsonl", b"") == b"", words  # a journal without a line
            assert after == before, (words, after.keys())
    return "refused, and every file as it was"


def no_output() -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(bamlvm.__file__).parents[1])}
    with _project():
        for words in ("run", "check", "fmt --check", "dump --stage ast", "schema F", "--help", "test --list"):
            for ending, codes in (
                (">&-", None),
                (">/dev/full", (4,)),
                ("2>&-", None),
                ("2>/dev/full", None),
                ("<&-", None),
            ):
                line = f'"{sys.executable}" -m bamlvm {words} {ending}'
                done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, env=environment)
                assert "Traceback" not in done.stderr and "Exception" not in done.stderr, (line, done.stderr)
                assert done.returncode in (codes or (0, 1, 3, 4, 5)), (line, done)
                assert ending != "2>&-" or "bamlvm" not in done.stdout or words == "--help", (line, done.stdout)
    return "an exit code, and no traceback"


def many_files() -> str:
    with _project():
        for number in range(20_000):
            if number % 1000 == 0:
                folder = Path("baml_src", f"d{number // 1000}")
                folder.mkdir()
            Path(folder, f"f{number}.baml").write_text(f"type A{number} = int\n")
        code, said = _outcome(["fmt", "--check"])
        assert code in (exit_codes.OK, exit_codes.UNFORMATTED), said
        code, said = _outcome(["check"])
        return f"exit code {code}"


_REFUSED: Final = "refused, with its path"

ATTACKS: Final[Sequence[Attack]] = (
    Attack("a pipe that nobody uses, for every file", _REFUSED, _in_place(lambda path: os.mkfifo(path)), seconds=120),
    Attack(
        "a device without end, for every file",
        _REFUSED,
        _in_place(lambda path: path.symlink_to("/dev/zero"), writes=False),
        seconds=60,
    ),
    Attack(
        "a link to itself, for every file",
        _REFUSED,
        _in_place(lambda path: path.symlink_to(path.name), writes=False),
        seconds=60,
    ),
    Attack("a file of 10 GB, for every file", _REFUSED, _in_place(_hole, writes=False), seconds=60),
    Attack("names with line breaks, escapes and halves of characters", _REFUSED, names, seconds=120),
    Attack("a disk that is full", "refused, and every file as it was", full_disk, seconds=60),
    Attack("an output that is closed or full", "an exit code, and no traceback", no_output, seconds=180, short=False),
    Attack("a project of 20,000 files", "exit code 0", many_files, seconds=300, megabytes=4096, short=False),
)
