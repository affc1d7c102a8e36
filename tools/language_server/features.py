"""The table of features: for each request of the protocol the function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bamlvm.tools.language_server.workspace import Workspace


class Feature(NamedTuple):
    """A request and its answer.  ``options`` are the capabilities of the server for it; ``is_patient`` says that a
    change which follows at once makes the answer needless."""

    method: str
    answer: Callable[[Workspace, Any], Any]
    options: Any = None
    is_patient: bool = False


FEATURES: tuple[Feature, ...] = ()
