"""The pytest plugin ``bamlvm``: the fixtures ``baml_snapshot`` and ``baml_mock``, the option ``--baml-update``, and a
search for orphans.

``baml_mock`` is a :class:`bamlvm.mock.MockTransport`: LLM functions of a ``Runtime(transport=baml_mock)`` get canned
answers, without a server, a network or a key.

A test's snapshots are beside its module, in ``__baml_snapshots__/<module>/<test>[.<name>].<stage>.txt``.  One that no
test of a module asked for, or whose module is gone, is an orphan: the run fails and names it; ``--baml-update`` deletes
it.  A module is searched only if all of its tests ran: not with ``-k`` or ``::``, not if ``-x`` stopped the run, and
not under pytest-xdist, where each process runs only some.  A test that failed or was skipped has no orphans.

Every pytest run in an environment with bamlvm loads this module, so it imports nothing else of the package, and a run
without snapshots registers no hooks.  ``-p no:bamlvm`` turns it off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from bamlvm.mock import MockTransport

FOLDER: Final = "__baml_snapshots__"
UPDATE: Final = "--baml-update"
_LONGEST: Final = 120  # characters of a test's part of a file name: file systems allow 255 bytes


class _Run:
    """The state of one run: snapshots used and written, tests that did not pass, modules that did not run whole."""

    def __init__(self) -> None:
        self.used: set[Path] = set()
        self.written: list[Path] = []
        self.unfinished: set[tuple[Path, str]] = set()
        self.modules: set[Path] = set()
        self.partial: set[Path] = set()
        self.orphans: list[Path] = []


_RUN: Final = pytest.StashKey[_Run]()


class BamlSnapshot:
    """The fixture's value: a call compares one stage of a program with the test's snapshot."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._root = request.config.rootpath
        self._update = bool(request.config.getoption(UPDATE))
        self._run = request.config.stash[_RUN]
        self._folder = snapshot_folder(request.path)
        self._test = file_name(request.node.nodeid)
        self._own: set[Path] = set()

    def __call__(
        self,
        source: str | os.PathLike[str] | Mapping[str, str],
        stage: str,
        name: str = "",
        *,
        optimize: bool = True,
    ) -> None:
        """Compare a stage of a program with the test's snapshot.

        ``source`` is a path (relative to pytest's root folder), sources by file name, or a source text; ``stage`` is
        one of ``tokens ast hir tir mir bytecode diagnostics``.  ``name`` distinguishes a test's snapshots of one stage.

        Raises :class:`bamlvm.testing.SnapshotError`, an :class:`AssertionError`.
        """
        __tracebackhide__ = True
        from bamlvm.testing import compare, stage_text

        path = self._folder / f"{self._test}{'.' if name else ''}{_safe(name)}.{stage}.txt"
        if path in self._own:
            raise ValueError(f"this test has a snapshot {path.name} already: give one of them a name=…")
        self._own.add(path)
        self._run.used.add(path)
        if isinstance(source, os.PathLike) or (isinstance(source, str) and (self._root / source).exists()):
            source = self._root / source
        if compare(stage_text(source, stage, optimize), path, update=self._update, how=UPDATE):
            self._run.written.append(path)


@pytest.fixture
def baml_snapshot(request: pytest.FixtureRequest) -> BamlSnapshot:
    """Compare stages of BAML programs with snapshots: ``baml_snapshot("baml_src", "tir")``."""
    return BamlSnapshot(request)


@pytest.fixture
def baml_mock() -> MockTransport:
    """Answer LLM functions without a server: ``baml_mock.answer("Hi")``, ``Runtime(…, transport=baml_mock)``."""
    from bamlvm.mock import MockTransport

    return MockTransport()


def snapshot_folder(module: Path) -> Path:
    """Return the folder of a test module's snapshots."""
    return module.parent / FOLDER / module.stem


def file_name(nodeid: str) -> str:
    """Return a test's part of its snapshots' names: unique within its module, valid on any file system."""
    return _safe(".".join(nodeid.split("::")[1:]))


def _safe(name: str) -> str:
    safe = re.sub(r"[^\w\-.\[\],=+]", "_", name)[:_LONGEST]
    return safe if safe == name else f"{safe}-{crc32(name.encode('utf-8', 'replace')):08x}"


# --- the run ----------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("bamlvm", "snapshots of BAML programs")
    group.addoption(
        UPDATE, action="store_true", help="rewrite the snapshots of baml_snapshot, and delete those of no test"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the state of the run."""
    config.stash[_RUN] = _Run()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Exclude a module with a deselected test from the search."""
    for item in items:
        item.config.stash[_RUN].partial.add(item.path)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Watch the run if there are snapshots, or a test that uses the fixture."""
    config = session.config
    run = config.stash[_RUN]
    run.modules = {item.path for item in session.items}
    wanted = any("baml_snapshot" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted or any((parent / FOLDER).is_dir() for parent in {path.parent for path in run.modules}):
        here = config.invocation_params.dir
        run.partial |= {(here / word.split("::")[0]).resolve() for word in config.args if "::" in word}
        config.pluginmanager.register(_Watch(config, run), "bamlvm-watch")


class _Watch:
    """The hooks of a run with snapshots."""

    def __init__(self, config: pytest.Config, run: _Run) -> None:
        self._config = config
        self._run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that did not pass: it may not have reached its snapshots."""
        if report.outcome != "passed":
            module = self._config.rootpath / report.nodeid.split("::")[0]
            self._run.unfinished.add((snapshot_folder(module), file_name(report.nodeid)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Find the orphans; fail the run for them, or delete them."""
        run = self._run
        if session.shouldstop or session.shouldfail or self._is_distributed() or self._config.option.collectonly:
            return
        if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        for parent in sorted({path.parent for path in run.modules}):
            run.orphans += [path for path in sorted((parent / FOLDER).glob("*/*.txt")) if self._is_orphan(path)]
        if self._config.getoption(UPDATE):
            for path in run.orphans:
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
        elif run.orphans and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _is_orphan(self, path: Path) -> bool:
        run = self._run
        module = path.parent.parent.parent / f"{path.parent.name}.py"
        if not module.exists():
            return True
        if module not in run.modules or module in run.partial or path in run.used:
            return False
        return not any(folder == path.parent and path.name.startswith(f"{test}.") for folder, test in run.unfinished)

    def _is_distributed(self) -> bool:
        return hasattr(self._config, "workerinput") or bool(getattr(self._config.option, "numprocesses", None))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the snapshots that were written or deleted, and the orphans."""
        run = self._run
        updated = self._config.getoption(UPDATE)
        for verb, paths in (("wrote", run.written), ("deleted" if updated else "orphan", run.orphans)):
            for path in paths:
                shown = path.relative_to(self._config.rootpath) if path.is_relative_to(self._config.rootpath) else path
                terminalreporter.write_line(f"baml snapshot {verb}: {shown}", red=verb == "orphan")
        if run.orphans and not updated:
            terminalreporter.write_line(f"no test asks for them: delete them with {UPDATE}", red=True)
