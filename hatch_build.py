"""Build hook: an editable install gets ``.links/bamlvm``, symbolic links laid out as the wheel is; a wheel gets the
standard library compiled beforehand, so that no installed copy ever compiles it."""

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


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's generic parameter is its own business
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable":
            link_package(root, root / ".links")
        else:
            build_data["force_include"][str(compile_stdlib(root))] = "bamlvm/stdlib/stdlib.bamlc"


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


def compile_stdlib(root: Path) -> Path:
    """The standard library as MessagePack, made by the compiler of this very tree in a process of its own."""
    work = Path(tempfile.mkdtemp(prefix="bamlvm-build-"))
    link_package(root, work / "links")
    target = work / "stdlib.bamlc"
    program = "import sys; from bamlvm.compiler.standard import write_compiled; write_compiled(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(work / "links"), *sys.path])}
    subprocess.run([sys.executable, "-c", program, str(target)], check=True, env=environment)
    return target
