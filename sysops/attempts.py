"""The log of a call's attempts at clients, as collectors and ``on_attempt`` read it.

An :class:`AttemptRecord` is opened when an attempt starts and closed when it fails or succeeds; in between it is the
scope's ``attempt``, and every sys-op that learns a fact about the attempt writes it there.  A call that ends during an
attempt (cancelled, past its deadline, a callback that raised) leaves the record open: the driver closes it with
:func:`abandon`, of which no hook is notified.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from bamlvm.sysops.records import AttemptEvent, AttemptRecord, ErrorRecord
from bamlvm.sysops.redaction import NO_SECRETS, Secrets
from bamlvm.sysops.scope import Scope
from bamlvm.vm.builtins import builtins_of, name_and_message
from bamlvm.vm.values import Instance

_TAG_MARKS = "<[\u25c1"
"""The characters that a tag around reasoning begins with."""


def start(scope: Scope, function: str, client: str, provider: str) -> Any:
    """Open a record; return what ``on_attempt`` returned."""
    number = 1 + sum(record.client == client for record in scope.attempts)
    record = AttemptRecord(
        function, client, provider, len(scope.attempts) + 1, number, time.time(), thread=scope.thread
    )
    scope.attempts.append(record)
    scope.attempt = record
    scope.attempt_clock = time.monotonic()
    if (write := scope.trace.calls) is not None:
        write(
            f"call {scope.owner}: {function}: attempt {record.ordinal} starts: {client} ({provider}), number {number}"
        )
    return _notify(scope, "started", record)


def fail(scope: Scope, error: Any) -> tuple[AttemptRecord | None, Any]:
    """Close the open record with an error; return the record and what ``on_attempt`` returned.

    Every failure of an attempt passes here, so here the attempt's secrets leave the error itself, which goes on from
    here: a server may have echoed them.
    """
    _hide(scope.attempt_secrets, error)
    record = _close(scope)
    if record is None:
        return None, None
    record.error = ErrorRecord(*name_and_message(error), builtins_of(error))
    _price(scope, record)
    _trace_end(scope, "failed", record)
    return record, _notify(scope, "failed", record)


def succeed(scope: Scope) -> Any:
    """Close the open record; return what ``on_attempt`` returned."""
    record = _close(scope)
    if record is None:
        return None
    _price(scope, record)
    _trace_end(scope, "succeeded", record)
    return _notify(scope, "succeeded", record)


def abandon(scope: Scope, error: ErrorRecord) -> None:
    """Close the record that a call left open when it ended with ``error``, if there is one."""
    record = _close(scope)
    if record is not None:
        record.error = error
        _price(scope, record)
        _trace_end(scope, "abandoned", record)


def _price(scope: Scope, record: AttemptRecord) -> None:
    """Write down what an attempt cost, if the host has prices."""
    prices = scope.services.prices
    if prices is not None:
        record.cost = prices.cost(record)
        record.currency = prices.currency


def _close(scope: Scope) -> AttemptRecord | None:
    record = scope.attempt
    scope.attempt = None
    if record is not None:
        record.duration = scope.elapsed()
        if scope.attempt_text is not None:
            record.text = scope.attempt_text()
            scope.attempt_text = None
        if scope.attempt_reasoning is not None:
            record.reasoning = scope.attempt_reasoning() or record.reasoning
            scope.attempt_reasoning = None
        if not record.reasoning and any(mark in record.text for mark in _TAG_MARKS):
            from bamlvm.sysops.parsing.reasoning import split_string

            record.reasoning = split_string(record.text).reasoning
        secrets = scope.attempt_secrets
        if secrets:
            record.text = secrets.hide(record.text)
            if record.reasoning:
                record.reasoning = secrets.hide(record.reasoning)
            if record.model is not None:
                record.model = secrets.hide(record.model)
            if record.finish_reason is not None:
                record.finish_reason = secrets.hide(record.finish_reason)
            if record.response is not None:
                record.response = secrets.hide_in(record.response)
            scope.attempt_secrets = NO_SECRETS
    return record


def _hide(secrets: Secrets, error: Any) -> None:
    """Replace secrets in all strings that a thrown value holds, in place."""
    if not secrets:
        return
    seen: set[int] = set()  # a program may throw a value that contains itself
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


def _notify(scope: Scope, kind: Literal["started", "failed", "succeeded"], record: AttemptRecord) -> Any:
    hook = scope.hooks.on_attempt
    return None if hook is None else hook(AttemptEvent(kind, record))


def _trace_end(scope: Scope, outcome: str, record: AttemptRecord) -> None:
    write = scope.trace.calls
    if write is None:
        return
    model = f" {record.model}" if record.model else ""
    facts = [f"{record.client} ({record.provider}{model})"]
    if record.status is not None:
        facts.append(f"status {record.status}")
    if record.finish_reason is not None:
        facts.append(f"finish reason {record.finish_reason}")
    if record.input_tokens is not None or record.output_tokens is not None:
        facts.append(f"{record.input_tokens or 0}+{record.output_tokens or 0} tokens")
    if record.error is not None:
        facts.append(str(record.error))
    duration = f"after {record.duration or 0.0:.3f} s"
    write(f"call {scope.owner}: {record.function}: attempt {record.ordinal} {outcome} {duration}: {', '.join(facts)}")
