"""The program that a command is about: read, compiled, or refused with the right exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.cli import exit_codes
from bamlvm.cli.failure import Failure
from bamlvm.cli.output import wants_colour


def read_program(path: str) -> dict[str, str]:
    """The sources at ``path``, named as diagnostics and traces will show them: as seen from the current folder."""
    try:
        files = read_sources(path)
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"bamlvm: {error}") from None
    if os.path.isfile(path):
        return dict.fromkeys([path], *files.values())
    return {os.path.join(path, name): text for name, text in files.items()}


def compile_program(files: Mapping[str, str], **options: Any) -> bamlvm.Runtime:
    """A runtime for these sources; compile errors are printed as the command's failure."""
    try:
        return bamlvm.Runtime.from_files(files, **options)
    except bamlvm.CompileError as error:
        raise Failure(exit_codes.COMPILE, error.render(wants_colour(sys.stderr)).rstrip("\n")) from None
    except bamlvm.HostError as error:
        raise Failure(exit_codes.HOST, f"bamlvm: {error}") from None
