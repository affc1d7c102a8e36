"""Whether a generated client is older than the sources that it was made of.

A client has its program's sources inside, and knows where they were beside it.  Where they still are, as in a checkout
and not in a wheel, they are read once, before the first call, and a difference is one warning.  The variable
``BAMLVM_STALE_CLIENT=ignore`` turns that off, as does a filter of warnings.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Final

from bamlvm.build.sources import read_sources
from bamlvm.errors import HostError

VARIABLE: Final = "BAMLVM_STALE_CLIENT"


class StaleClientWarning(UserWarning):
    """A generated client that differs from the sources beside it."""


def warn_if_stale(package: str, beside: str, files: Mapping[str, str]) -> None:
    """Warn if the sources at ``beside``, a path from the folder of the module ``package``, are not ``files``."""
    folder = os.path.normpath(os.path.join(os.path.dirname(package), beside))
    if os.environ.get(VARIABLE) == "ignore" or not os.path.isdir(folder):
        return
    try:
        found = read_sources(folder)
    except (HostError, OSError):  # not all of it can be read: then nothing is known
        return
    changed = sorted(name for name in {*found, *files} if found.get(name) != files.get(name))
    if changed:
        named = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
        message = (
            f"the client {os.path.dirname(package)} was generated from other sources than those in {folder} ({named}): "
            f"run `bamlvm generate` (or set {VARIABLE}=ignore)"
        )
        warnings.warn(StaleClientWarning(message), stacklevel=5)
