"""``config`` of a generated client: the log level of the logger ``bamlvm``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping

_LEVELS = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "OFF": logging.CRITICAL + 1,
}


def set_log_level(level: str) -> None:
    """Set the level of the logger ``bamlvm``: ``DEBUG INFO WARN ERROR OFF``.  Raises :class:`ValueError`."""
    wanted = _LEVELS.get(level.upper())
    if wanted is None:
        raise ValueError(f"no log level {level!r}: one of {', '.join(_LEVELS)}")
    logging.getLogger("bamlvm").setLevel(wanted)


def get_log_level() -> str:
    """Return the level of the logger ``bamlvm``."""
    current = logging.getLogger("bamlvm").getEffectiveLevel()
    return next((name for name, level in _LEVELS.items() if level >= current), "OFF")


def reset_baml_env_vars(env_vars: Mapping[str, str]) -> None:
    """Do nothing: every call reads the environment as it is then."""
    warnings.warn("every call reads the environment as it is then", DeprecationWarning, stacklevel=2)
