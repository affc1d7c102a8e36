"""What the HTTP libraries log of our exchanges, without secrets.

httpx logs each request's URL and each answer's reason phrase, httpcore whole heads of answers and what it could not
read; a server may put into any of them what it was sent.  A filter on their loggers rewrites the records that are made
while one of our exchanges is being served, and no others: :func:`about` says which exchange that is, by context.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
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
    """Rewrites records; keeps them all."""

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
    """Have the libraries' records filtered; does it once, however often it is called."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_REDACTION)


@contextmanager
def about(subject: Subject) -> Iterator[None]:
    """What is logged inside is about ``subject``."""
    token = _SUBJECT.set(subject)
    try:
        yield
    finally:
        _SUBJECT.reset(token)
