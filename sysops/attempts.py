"""The books of a call: every attempt at a client, as collectors and ``on_attempt`` read them.

An :class:`AttemptRecord` is opened when an attempt starts and closed when it fails or succeeds; in between it is the
scope's ``attempt``, and whatever sys-op learns something about the attempt writes it there.  A call that ends during an
attempt (cancelled, past its deadline, a callback that raised) leaves it open: the driver closes it with
:func:`abandon`, which tells nobody.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from bamlvm.sysops.records import AttemptEvent, AttemptRecord, ErrorRecord
from bamlvm.sysops.redaction import NO_SECRETS, Secrets
from bamlvm.sysops.scope import Scope
from bamlvm.vm.values import Instance


def start(scope: Scope, function: str, client: str, provider: str) -> Any:
    """Open a record; gives what ``on_attempt`` gave."""
    number = 1 + sum(record.client == client for record in scope.attempts)
    record = AttemptRecord(function, client, provider, len(scope.attempts) + 1, number, time.time())
    scope.attempts.append(record)
    scope.attempt = record
    scope.attempt_clock = time.monotonic()
    return _tell(scope, "started", record)


def fail(scope: Scope, error: Any) -> tuple[AttemptRecord | None, Any]:
    """Close the open record with an error; gives it and what ``on_attempt`` gave.

    Every failure of an attempt passes here, so here its secrets leave the error itself, which goes on from here: a
    server may have said them back.
    """
    _hide(scope.attempt_secrets, error)
    record = _close(scope)
    if record is None:
        return None, None
    record.error = _described(scope, error)
    return record, _tell(scope, "failed", record)


def succeed(scope: Scope) -> Any:
    """Close the open record; gives what ``on_attempt`` gave."""
    record = _close(scope)
    return None if record is None else _tell(scope, "succeeded", record)


def abandon(scope: Scope, error: ErrorRecord) -> None:
    """Close the record that a call left open when it ended with ``error``, if there is one."""
    record = _close(scope)
    if record is not None:
        record.error = error


def _close(scope: Scope) -> AttemptRecord | None:
    record = scope.attempt
    scope.attempt = None
    if record is not None:
        record.duration = scope.elapsed()
        if scope.attempt_text is not None:
            record.text = scope.attempt_text()
            scope.attempt_text = None
        secrets = scope.attempt_secrets
        if secrets:
            record.text = secrets.hide(record.text)
            record.model = secrets.hide_in(record.model)
            record.finish_reason = secrets.hide_in(record.finish_reason)
            scope.attempt_secrets = NO_SECRETS
    return record


def _hide(secrets: Secrets, error: Any) -> None:
    """Take secrets out of all strings that a thrown value holds, in place."""
    if not secrets:
        return
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        parts = each.fields if type(each) is Instance else each
        if not isinstance(parts, list | dict) or id(parts) in seen:
            continue
        seen.add(id(parts))
        for place, part in list(parts.items() if isinstance(parts, dict) else enumerate(parts)):
            if isinstance(part, str):
                parts[place] = secrets.hide(part)
            else:
                waiting.append(part)


def _described(scope: Scope, error: Any) -> ErrorRecord:
    describe = scope.hooks.describe
    return ErrorRecord(type(error).__name__, str(error)) if describe is None else describe(error)


def _tell(scope: Scope, kind: Literal["started", "failed", "succeeded"], record: AttemptRecord) -> Any:
    hook = scope.hooks.on_attempt
    return None if hook is None else hook(AttemptEvent(kind, record))
