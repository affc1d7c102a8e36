"""The background loop of a forked process."""

from __future__ import annotations

import os

import pytest

import bamlvm


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_makes_its_own_loop(runtime: bamlvm.Runtime) -> None:
    assert runtime.functions.nap(ms=1) == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if runtime.functions.nap(ms=2) == 2 and runtime.handles == 0 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert runtime.functions.nap(ms=1) == 1
