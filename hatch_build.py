"""Build hook: makes what is not committed.

Rule: an editable install gets ``.links/bamlvm``, symbolic links laid out as the wheel is, and the grammar's LALR tables
beside the grammar.  A wheel gets the tables and the compiled standard library, so that an installed copy makes neither.
An sdist holds sources only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("grammar", "compiler", "vm", "sysops", "stdlib", "tools", "cli")

TABLE = "from bamlvm.grammar.lalr import build, write; write(build(), path)"
STDLIB = "from bamlvm.compiler.standard import write_compiled; write_compiled(path)"
"""Programs that write an artefact to ``path``."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic parameter is its own business
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # pip looks at `requires-python` of a wheel before it installs it, and of sources only after this hook has run.
        if sys.version_info < (3, 11):  # noqa: UP036 (see above)
            sys.exit(f"bamlvm needs Python 3.11 or later, and this is Python {sys.version.split()[0]}")
        root = Path(self.root)
        if version == "editable":
            link_package(root, root / ".links")
            # Through links of its own: pip's build environment hides the paths of what is installed already.
            with tempfile.TemporaryDirectory(prefix="bamlvm-build-") as work:
                link_package(root, Path(work) / "links")
                make(Path(work) / "links", TABLE, root / "grammar" / "baml.table")
            return
        self.work = work = Path(tempfile.mkdtemp(prefix="bamlvm-build-"))
        link_package(root, work / "links")
        for program, target in ((TABLE, "grammar/baml.table"), (STDLIB, "stdlib/stdlib.bamlc")):
            made = work / Path(target).name
            make(work / "links", program, made)
            build_data["force_include"][str(made)] = f"bamlvm/{target}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self.work)


def link_package(root: Path, links: Path) -> None:
    """Make ``links/bamlvm`` afresh: a link to each folder, and to each file and folder of ``api/``."""
    package = links / "bamlvm"
    shutil.rmtree(links, ignore_errors=True)
    package.mkdir(parents=True)
    for folder in FOLDERS:
        (package / folder).symlink_to(os.path.relpath(root / folder, package))
    for file in sorted((root / "api").iterdir()):
        if file.name != "__pycache__":
            (package / file.name).symlink_to(os.path.relpath(file, package))


def make(links: Path, program: str, target: Path) -> None:
    """Write an artefact with the code of this very tree, in a process of its own."""
    code = f"import sys, pathlib; path = pathlib.Path(sys.argv[1]); {program}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(links), *sys.path])}
    subprocess.run([sys.executable, "-c", code, str(target)], check=True, env=environment)
