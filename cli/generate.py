"""Write what the program's `generator` blocks ask for: a typed Python or TypeScript client, or an OpenAPI document, in
the folder `baml_client` of the folder that the block names, or of --output."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bamlvm
from bamlvm.build.inputs import shown
from bamlvm.build.sources import read_sources
from bamlvm.cli import exit_codes
from bamlvm.cli.exit_codes import CommandError
from bamlvm.cli.program import add_path, program_path
from bamlvm.tools.generate.package import stale, target_files, write
from bamlvm.tools.generate.targets import OUTPUTS, PACKAGE, PYTHON_OUTPUTS, Target, package_folder, targets


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_path(parser)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help=f"write DIR/{PACKAGE} and nothing else")
    parser.add_argument(
        "--output-type", metavar="TYPE", choices=OUTPUTS, help=f"what --output is to hold: {', '.join(OUTPUTS)}"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is not up to date")


def execute(options: argparse.Namespace) -> int:
    """Write the files, or compare them with what would be written."""
    if options.output_type is not None and options.output is None:
        raise CommandError(exit_codes.USAGE, "--output-type says what --output is to hold: name a folder with --output")
    path = Path(program_path(options.path))
    sources = read_sources(path)
    with bamlvm.Runtime.from_files(sources) as runtime:
        found = _targets(runtime, path.parent if path.is_file() else path, options)
        if path.is_file():  # what else is in its folder is no part of the program
            found = [each._replace(sources=None) for each in found]
        packages = target_files(runtime, sources, found)
    if options.check:
        changed = [each for folder, files in packages.items() for each in stale(folder, files)]
    else:
        changed = write(packages)
    for each in changed:
        print(f"{'not up to date' if options.check else 'wrote' if each.exists() else 'removed'}: {shown(each)}")
    if not changed:
        print("up to date")
    return exit_codes.STALE if options.check and changed else exit_codes.OK


def _targets(runtime: bamlvm.Runtime, root: Path, options: argparse.Namespace) -> list[Target]:
    """Return what to write; raises :class:`CommandError` if it is nothing."""
    found, refused = targets(runtime, root)
    if options.output is not None:
        folder = package_folder(options.output)
        wanted = (options.output_type,) if options.output_type else PYTHON_OUTPUTS
        alike = [each for each in found if each.output in wanted]  # the first is written, to this folder
        return [alike[0]._replace(folder=folder, sources=None) if alike else Target(folder, wanted[0])]
    for each in refused:
        print(f"skipped: {each}", file=sys.stderr)
    if not found:
        raise CommandError(exit_codes.USAGE, "no generator of the program can be run: name a folder with --output")
    return found
