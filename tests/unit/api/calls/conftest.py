"""A runtime of small functions that compute, wait, emit and throw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import bamlvm
from tests.unit.api.functions import SOURCE


@pytest.fixture
def runtime(make: Callable[..., bamlvm.Runtime]) -> bamlvm.Runtime:
    return make(SOURCE)
