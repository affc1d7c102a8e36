"""Write a typed Python client of a program: the package `baml_client`, in the folders that the program's `generator`
blocks name, or in that of --output."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import add_path, program_path
from bamlvm.tools.generate.package import (
    PACKAGE,
    Target,
    client_files,
    foreign,
    package_folder,
    stale,
    targets,
    write,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help=f"write DIR/{PACKAGE} and nothing else")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not up to date")


def execute(options: argparse.Namespace) -> int:
    """Write the packages, or compare them with what would be written."""
    path = Path(program_path(options.path))
    sources = read_sources(path)
    with bamlvm.Runtime.from_files(sources) as runtime:
        packages = {
            target.folder: client_files(runtime, sources, is_async=target.is_async, has_models=target.has_models)
            for target in _targets(runtime, path.parent if path.is_file() else path, options.output)
        }
    if options.check:
        changed = [each for folder, files in packages.items() for each in stale(folder, files)]
    else:
        changed = write(packages)
    for each in changed:
        print(f"{'not up to date' if options.check else 'wrote' if each.exists() else 'removed'}: {each}")
    if not changed:
        print("up to date")
    return exit_codes.STALE if options.check and changed else exit_codes.OK


def _targets(runtime: bamlvm.Runtime, root: Path, output: Path | None) -> list[Target]:
    """Return the packages to write; raises :class:`CommandError` if there are none."""
    found = targets(runtime, root)
    if output is not None:
        is_async, has_models = any(each.is_async for each in found), any(each.has_models for each in found)
        return [Target(package_folder(output), is_async, has_models)]
    for generator in foreign(runtime):
        print(f"skipped: generator {generator}: only Python clients can be written", file=sys.stderr)
    if not found:
        raise CommandError(exit_codes.USAGE, "the program has no generator for Python: name a folder with --output")
    return found
