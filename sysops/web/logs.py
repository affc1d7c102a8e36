"""Keeps secrets out of what the HTTP libraries log of our exchanges.

httpx logs each request's URL and each response's reason phrase, httpcore whole heads of responses and what it could not
parse; a server may repeat in any of them what it was sent.  A filter on their loggers rewrites the records that are
made while one of our exchanges is under way, and no others: :func:`about` sets which one that is, by context.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Final

from bamlvm.sysops.errors import Subject
from bamlvm.sysops.redaction import redacted_url

LOGGERS: Final = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)

_SUBJECT: Final[ContextVar[Subject | None]] = ContextVar("bamlvm_subject", default=None)


class _Redaction(logging.Filter):
    """A filter that rewrites records and drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        subject = _SUBJECT.get()
        if subject is not None:
            if isinstance(record.args, tuple):
                record.args = tuple(redacted_url(str(each)) if _is_url(each) else each for each in record.args)
            record.msg = subject.scrubbed(record.getMessage())
            record.args = ()
            record.exc_info = record.exc_text = None
        return True


def _is_url(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "httpx" and type(value).__name__ == "URL"


_REDACTION: Final = _Redaction()


def watch() -> None:
    """Add the filter to the libraries' loggers; calling it again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_REDACTION)


class about:  # noqa: N801 (read as a statement: with about(subject))
    """A context in which records are rewritten as belonging to ``subject``."""

    __slots__ = ("_subject", "_token")

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __enter__(self) -> None:
        self._token = _SUBJECT.set(self._subject)

    def __exit__(self, *raised: object) -> None:
        _SUBJECT.reset(self._token)
