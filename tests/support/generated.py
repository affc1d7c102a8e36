"""Generated clients for tests: written into a folder, run, and read by type checkers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.tools.generate.package import client_files, write

ROOT = Path(bamlvm.__path__[0]).parent
PROJECTS = Path(__file__).parents[1] / "projects"


def generated(folder: Path, sources: dict[str, str], *, has_models: bool = False) -> Path:
    """A package made in ``folder``."""
    with bamlvm.Runtime.from_files(sources) as runtime:
        write({folder / "baml_client": client_files(runtime, sources, has_models=has_models)})
    return folder


def generated_clients(root: Path, names: str, *, has_models: bool = False) -> Path:
    """Clients of a program full of names that get in the way, and of several projects, each in a folder of ``root``."""
    generated(root / "names", {"names.baml": names}, has_models=has_models)
    for project in ("real_agent", "real_forms", "real_invoices", "real_media"):
        generated(root / project, read_sources(PROJECTS / project), has_models=has_models)
    return root


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)


def mypy(*words: str, folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run mypy in a folder.  Runs that share a cache read Python's own types and ours once."""
    options = ["--strict", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={cache}"]
    return run(sys.executable, "-m", "mypy", *options, *words, folder=folder)


def check_with_mypy(clients: Path) -> None:
    for folder in sorted(clients.iterdir()):
        ended = mypy("-p", "baml_client", folder=folder, cache=clients.parent / "mypy")
        assert (ended.returncode, ended.stdout) == (0, ""), folder.name


def check_with_pyright(clients: Path, folder: Path, **more: Any) -> None:
    """Have pyright check all clients in one run, with ``more`` settings, which are written into ``folder``."""
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "extraPaths": [str(ROOT)],
        "include": [str(clients)],
        **more,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = str(Path(sys.executable).with_name("basedpyright"))
    ended = run(pyright, "--pythonpath", sys.executable, "-p", str(folder), folder=folder)
    assert ended.returncode == 0, ended.stdout
