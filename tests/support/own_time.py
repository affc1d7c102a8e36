"""A clock for tests that bound how long something takes, on machines that others use too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

_SCHEDULE: Final = Path("/proc/thread-self/schedstat")  # nanoseconds run, nanoseconds ready to run but waiting, slices


def own_time() -> float:
    """Return seconds that stand still while this OS thread could run and others have the processors.

    Of two moments in one thread only the difference means something.  Waiting for anything else counts.  Where the
    system does not say how long a thread waited, this is the time that passes.
    """
    try:
        waited = int(_SCHEDULE.read_text().split()[1]) / 1e9
    except OSError:
        waited = 0.0
    return time.monotonic() - waited
