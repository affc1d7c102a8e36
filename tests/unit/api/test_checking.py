"""``bamlvm.check``: what it finds, and what it keeps of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import bamlvm
from tests.unit.api.test_imports import loaded

WRONG = "function main() -> int { match (1) { _ => missing, 2 => 2 } }"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAMLVM_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_errors_and_warnings_are_the_result() -> None:
    checked = bamlvm.check(WRONG)
    assert [each.code for each in checked.diagnostics] == ["E0003", "E0063"]
    assert [each.code for each in checked.errors] == ["E0003"]
    assert [each.code for each in checked.warnings] == ["E0063"]
    assert not checked.ok
    assert checked.sources == {"main.baml": WRONG}
    assert checked.render().endswith("\n1 error, 1 warning\n")
    assert "\x1b[" in checked.render(colour=True)


def test_text_files_and_paths_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.baml").write_text("function one() -> int { two() }")
    (tmp_path / "a" / "two.baml").write_text("function two() -> int { 2 }")
    assert bamlvm.check(tmp_path / "a").ok
    assert bamlvm.check(str(tmp_path / "a" / "two.baml")).ok
    assert [each.span.file for each in bamlvm.check(tmp_path / "a" / "one.baml").errors] == ["one.baml"]
    assert bamlvm.check({"x.baml": "class A { a int }"}).diagnostics == ()
    assert bamlvm.check("").diagnostics == ()
    with pytest.raises(bamlvm.HostError, match="no such file or folder"):
        bamlvm.check(tmp_path / "b")


def test_what_was_found_is_kept(folder: Path) -> None:
    first = bamlvm.check(WRONG)
    (kept,) = folder.glob("check-*")
    assert bamlvm.check(WRONG) == first
    kept.write_bytes(b"torn")
    assert bamlvm.check(WRONG) == first
    assert kept.read_bytes() != b"torn"


def test_a_check_keeps_nothing_that_would_run(folder: Path) -> None:
    source = "function main() -> int { match (1) { _ => 1, 2 => 2 } }"
    assert bamlvm.check(source).ok
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        assert runtime.functions.main() == 1


AGAIN = f"""
import bamlvm
if [each.code for each in bamlvm.check({WRONG!r}).diagnostics] != ["E0003", "E0063"]:
    raise SystemExit("it finds something else")
"""
RUN = """
import bamlvm
source = {"main.baml": "function main() -> int { match (1) { _ => 1, 2 => 2 } }"}
bamlvm.Runtime.from_files(source).close()
"""
CHECKED = RUN.replace("bamlvm.Runtime.from_files(source).close()", "len(bamlvm.check(source).warnings) == 1 or exit(1)")


def test_a_warm_check_loads_no_compiler(tmp_path: Path) -> None:
    assert "bamlvm.compiler.project" in loaded(AGAIN, tmp_path)
    assert not [name for name in loaded(AGAIN, tmp_path) if name.startswith(("bamlvm.compiler", "lark", "httpx"))]


def test_what_a_run_has_compiled_is_checked(tmp_path: Path) -> None:
    loaded(RUN, tmp_path)
    assert "bamlvm.compiler.project" not in loaded(CHECKED, tmp_path)
