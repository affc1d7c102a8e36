"""Write a typed Python client of a program, the package `baml_client`, where its `generator` blocks or --output say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.program import compile_program
from bamlvm.tools.generate.python_client import (
    PACKAGE,
    Target,
    client_files,
    foreign,
    package_folder,
    stale,
    targets,
    write,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("path", metavar="PATH", nargs="?", default=".", help="a .baml file or a folder (default: .)")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help=f"write DIR/{PACKAGE}, whatever generators say"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")


def execute(options: argparse.Namespace) -> int:
    """Write, or compare."""
    path = Path(options.path)
    try:
        sources = read_sources(path)
        with compile_program(sources) as runtime:
            root = path.parent if path.is_file() else path
            wanted = targets(runtime, root)
            if options.output is not None:
                wanted = [Target(package_folder(options.output), any(each.is_async for each in wanted))]
            else:
                for other in foreign(runtime):
                    print(f"left out: generator {other}: only Python clients are written", file=sys.stderr)
            if not wanted:
                raise Failure(
                    exit_codes.USAGE, "bamlvm generate: the program has no generator; say where: --output DIR"
                )
            old = 0
            for folder, is_async in wanted:
                files = client_files(runtime, sources, is_async=is_async)
                changed = stale(folder, files) if options.check else write(folder, files)
                old += len(changed)
                for each in changed:
                    print(f"{'not up to date' if options.check else 'wrote' if each.exists() else 'removed'}: {each}")
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"bamlvm generate: {error}") from None
    if options.check and old:
        return exit_codes.STALE
    if not old:
        print("up to date")
    return exit_codes.OK
