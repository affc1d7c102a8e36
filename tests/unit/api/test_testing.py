"""``bamlvm.testing`` and the pytest plugin, run by a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bamlvm
from bamlvm.testing import SnapshotError, assert_stage, stage_text

pytestmark = pytest.mark.slow

SOURCE = "function main() -> int { 1 + 2 }"
WRONG = "function main() -> int { missing }"
ROOT = Path(__file__).parents[3]


class TestFunction:
    def test_a_snapshot_is_written_kept_and_held(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "main.txt"
        with pytest.raises(SnapshotError, match=r"there is no snapshot .*main\.txt; write it with update=True"):
            assert_stage(SOURCE, "bytecode", path)
        assert_stage(SOURCE, "bytecode", path, update=True)
        assert path.read_text() == bamlvm.stages.dump(SOURCE, "bytecode")
        assert_stage(SOURCE, "bytecode", path)
        with pytest.raises(AssertionError) as error:
            assert_stage(SOURCE.replace("2", "3"), "bytecode", path)
        lines = str(error.value).splitlines()
        assert lines[0] == f"the snapshot {path} differs; accept the change with update=True"
        assert lines[1:3] == ["--- snapshot", "+++ now"]
        changed = [(line[0], line.split()[-1]) for line in lines[3:] if line.startswith(("-", "+"))]
        assert changed == [("-", "3"), ("+", "4")]

    def test_an_update_leaves_what_fits_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        assert_stage(SOURCE, "tir", path, update=True)
        before = path.stat().st_mtime_ns
        assert_stage(SOURCE, "tir", path, update=True)
        assert path.stat().st_mtime_ns == before

    def test_sources_of_every_kind(self, tmp_path: Path) -> None:
        (tmp_path / "main.baml").write_text(SOURCE)
        for source in (SOURCE, {"main.baml": SOURCE}, tmp_path, str(tmp_path / "main.baml")):
            assert_stage(source, "ast", tmp_path / "ast.txt", update=source == SOURCE)

    def test_of_a_wrong_program_the_diagnostics(self) -> None:
        rendered = bamlvm.check(WRONG).render()
        assert rendered.startswith("error[E0003]")
        assert stage_text(WRONG, "diagnostics") == stage_text(WRONG, "mir") == rendered
        assert stage_text(SOURCE, "diagnostics") == "no diagnostics\n"
        assert "Function" in stage_text(WRONG, "ast")

    def test_a_long_difference_is_cut_and_other_line_breaks_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        long = "\n".join(f"function f{n}() -> int {{ {n} }}" for n in range(200))
        path.write_bytes(b"\xff")
        with pytest.raises(SnapshotError, match=r"… \d+ more lines$"):
            assert_stage(long, "tir", path)
        path.write_bytes(stage_text(SOURCE, "tir").replace("\n", "\r\n").encode())
        assert_stage(SOURCE, "tir", path)
        path.write_text(stage_text(SOURCE, "tir") + "\n")
        with pytest.raises(SnapshotError):
            assert_stage(SOURCE, "tir", path)

    def test_an_unknown_stage_or_path(self) -> None:
        with pytest.raises(bamlvm.HostError, match=r"unknown stage 'tree': one of tokens, .*, diagnostics"):
            assert_stage(SOURCE, "tree", "x")
        with pytest.raises(bamlvm.HostError, match="no such file"):
            assert_stage("nowhere", "tir", "x")


# --- the plugin -------------------------------------------------------------------------------------------------------

MODULE = """
import pytest

def test_stage(baml_snapshot):
    baml_snapshot("program.baml", "tir")
    baml_snapshot({"a.baml": "class A { a int }"}, "ast", name="class of one")

@pytest.mark.parametrize("text", ["a/b", "😀"])
class TestMore:
    def test_named(self, baml_snapshot, text):
        baml_snapshot("function f() -> string { missing }", "diagnostics")
"""


OTHERS_OFF = [
    word for name in ("asyncio", "hypothesispytest", "benchmark", "pytest-lsp") for word in ("-p", f"no:{name}")
]


class Project:
    """A folder with tests, and a pytest that finds the plugin as an installation would have it found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.tests = self.folder / "tests"
        self.tests.mkdir(parents=True)
        (self.folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
        (self.folder / "program.baml").write_text(SOURCE)
        (self.tests / "test_it.py").write_text(MODULE, encoding="utf-8")
        metadata = folder / "site" / "declared-1.dist-info"
        metadata.mkdir(parents=True)
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
        lines = "".join(f"{name} = {target}\n" for name, target in declared.items())
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[pytest11]\n{lines}")
        path = [str(metadata.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "COLUMNS": "200"}

    def run(self, *options: str, code: int = 0) -> str:
        quiet = ["-W", "ignore::pytest.PytestConfigWarning"] if not __debug__ else []  # about `assert` under -O
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *quiet, *OTHERS_OFF, *options]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def snapshots(self) -> set[str]:
        folder = self.tests / "__baml_snapshots__"
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")}

    def snapshot(self, name: str) -> Path:
        return self.tests / "__baml_snapshots__" / name


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class TestPlugin:
    def test_snapshots_are_written_held_and_updated(self, project: Project) -> None:
        assert "there is no snapshot" in project.run(code=1)
        assert project.snapshots == set()
        told = project.run("--baml-update")
        assert told.count("baml snapshot wrote: tests/__baml_snapshots__/test_it/") == 4
        assert "test_it/test_stage.tir.txt" in project.snapshots and len(project.snapshots) == 4
        assert project.snapshot("test_it/test_stage.tir.txt").read_text() == bamlvm.stages.dump(
            {"program.baml": SOURCE}, "tir"
        )
        (rendered,) = {project.snapshot(name).read_text() for name in project.snapshots if "TestMore" in name}
        assert rendered.startswith("error[E0003]: unknown name `missing`\n --> main.baml:1:26\n")
        assert "baml snapshot" not in project.run()
        (project.folder / "program.baml").write_text(SOURCE.replace("2", "true"))
        told = project.run(code=1)
        assert "test_stage.tir.txt differs; accept the change with --baml-update" in told
        assert "+++ now" in told and "1 failed, 2 passed" in told
        assert ".py:" not in told.partition("SnapshotError")[2].partition("test_it.py")[0]  # no frame of ours
        project.run("--baml-update", "-k", "test_stage")
        project.run()

    def test_the_same_snapshot_twice(self, project: Project) -> None:
        (project.tests / "test_it.py").write_text(
            "def test_a(baml_snapshot):\n    for _ in range(2): baml_snapshot('type A = int\\n', 'ast')\n"
        )
        assert "this test has a snapshot test_a.ast.txt already: give one of them a name=…" in project.run(
            "--baml-update", code=1
        )

    def test_orphans_fail_and_are_deleted(self, project: Project) -> None:
        project.run("--baml-update")
        orphan = project.snapshot("test_it/test_gone.tir.txt")
        orphan.write_text("")
        gone = project.snapshot("test_gone/test_a.tir.txt")
        gone.parent.mkdir()
        gone.write_text("")
        told = project.run(code=1)
        assert "baml snapshot orphan: tests/__baml_snapshots__/test_it/test_gone.tir.txt" in told
        assert "baml snapshot orphan: tests/__baml_snapshots__/test_gone/test_a.tir.txt" in told
        assert "3 passed" in told
        told = project.run("--baml-update")
        assert "baml snapshot deleted: tests/__baml_snapshots__/test_it/test_gone.tir.txt" in told
        assert not orphan.exists() and not gone.parent.exists() and len(project.snapshots) == 4
        project.run()

    @pytest.mark.parametrize(
        "options",
        [
            ["-k", "test_stage"],
            ["tests/test_it.py::test_stage"],
            ["--collect-only"],
            ["-k", "test_stage", "--baml-update"],
        ],
        ids=" ".join,
    )
    def test_what_did_not_run_is_not_judged(self, project: Project, options: list[str]) -> None:
        project.run("--baml-update")
        orphan = project.snapshot("test_it/test_gone.tir.txt")
        orphan.write_text("")
        assert "baml snapshot" not in project.run(*options)
        assert len(project.snapshots) == 5

    def test_snapshots_of_a_test_that_failed_or_was_skipped_are_no_orphans(self, project: Project) -> None:
        project.run("--baml-update")
        text = MODULE.replace("def test_stage(baml_snapshot):", "def test_stage(baml_snapshot):\n    assert False")
        text = text.replace('@pytest.mark.parametrize("text"', '@pytest.mark.skip\n@pytest.mark.parametrize("text"')
        (project.tests / "test_it.py").write_text(text, encoding="utf-8")
        told = project.run("--baml-update", code=1)
        assert "1 failed, 2 skipped" in told and "baml snapshot" not in told
        assert len(project.snapshots) == 4

    def test_it_can_be_turned_off(self, project: Project) -> None:
        assert "fixture 'baml_snapshot' not found" in project.run("-p", "no:bamlvm", code=1)
        assert "--baml-update" in project.run("-p", "no:bamlvm", "--baml-update", code=4)

    def test_a_run_without_snapshots_loads_next_to_nothing(self, project: Project) -> None:
        (project.tests / "test_it.py").write_text("def test_a(): pass\n")
        (project.folder / "conftest.py").write_text(
            "import sys\n\n"
            "def pytest_unconfigure(config):\n"
            "    print('watch', config.pluginmanager.has_plugin('bamlvm-watch'))\n"
            "    names = [name for name in sys.modules if name.startswith(('bamlvm', 'lark', 'msgspec'))]\n"
            "    print('loaded', *sorted(names))\n"
        )
        told = project.run()
        assert "watch False\nloaded bamlvm bamlvm.pytest_plugin\n" in told
