"""The log level by the names of ``baml_py``."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bamlvm.compat.config import get_log_level, reset_baml_env_vars, set_log_level


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    logger = logging.getLogger("bamlvm")
    before = logger.level
    yield
    logger.setLevel(before)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARN", "ERROR", "OFF"])
def test_levels(level: str) -> None:
    set_log_level(level)
    assert get_log_level() == level


def test_an_unknown_level() -> None:
    with pytest.raises(ValueError, match="no log level 'LOUD'"):
        set_log_level("LOUD")


def test_the_environment_is_read_by_every_call() -> None:
    with pytest.warns(DeprecationWarning):
        reset_baml_env_vars({})
