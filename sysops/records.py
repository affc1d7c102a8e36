"""The records that collectors and streams receive: attempts and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from decimal import Decimal
else:  # msgspec resolves a record's fields only to decode one
    Decimal = Any


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error as plain data.

    ``type`` is the qualified name of a thrown value's class (``baml.errors.Timeout``), else of the Python exception's;
    ``value`` is the thrown value as dicts, lists, strings and numbers, None for an exception.
    """

    type: str
    message: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class RequestSummary(msgspec.Struct, frozen=True):
    """The content of a request to a provider, the same for every wire format; secrets are hidden.

    ``messages`` are of the form ``{"role": …, "parts": […]}``, and a part is ``{"type": "text", "content": …}`` or, for
    media, only the ``type`` that the format has for them; ``system`` has the parts of a system prompt that is beside
    the messages.  ``parameters`` has those that are set of ``choice_count``, ``frequency_penalty``, ``max_tokens``,
    ``presence_penalty``, ``seed``, ``stop_sequences``, ``temperature``, ``top_k`` and ``top_p``.
    """

    messages: list[dict[str, Any]]
    system: list[dict[str, Any]]
    parameters: dict[str, Any]


class AttemptRecord(msgspec.Struct):
    """One attempt at one client: filled by the sys-ops as they learn it, read by collectors and ``on_attempt``.

    ``ordinal`` counts the attempts of the whole call from 1, ``number`` those of this client from 1.  ``started`` is
    Unix time; the other times are seconds from then: ``first_byte`` to the head of the answer, ``first_partial`` to the
    first partial value, ``duration`` to the end.  ``connect`` is how many seconds opening its connection took, None
    where one was kept from before, and where the host's own transport or a proxy opens it.  ``request`` (``method``,
    ``url``, ``headers``, ``body``) has its secrets hidden; ``summary`` has its content in one form for all providers,
    and ``streamed`` says whether it asks for a stream.  ``thread`` is the number of the thread that makes the attempt,
    0 for that of the call itself.  ``request_model`` was asked for, ``model`` has answered; until one has, they are the
    same.  ``text`` is what had been received when the attempt ended, ``reasoning`` the model's reasoning: what the
    provider sent as such, or what the text has in tags such as ``<think>`` before the answer.

    Tokens are None where the provider did not say.  ``input_tokens`` and ``output_tokens`` count the whole prompt and
    the whole answer; ``cached_input_tokens`` and ``cache_write_tokens`` are parts of the former, ``reasoning_tokens``
    of the latter.  ``cached`` says that the response came from the runtime's cache: its tokens were paid for when it
    was kept, and no sum counts them again.  ``cost`` is what the attempt cost in ``currency``, by the host's prices
    (:mod:`bamlvm.sysops.prices`), None where that is not known.

    ``response`` has the ``headers`` of the response and, of one that was not streamed, the ``body`` as text, secrets
    hidden; it is kept where a collector wants raw events.
    """

    function: str
    client: str
    provider: str
    ordinal: int
    number: int
    started: float
    model: str | None = None
    request_model: str | None = None
    request: dict[str, Any] | None = None
    status: int | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    first_byte: float | None = None
    first_partial: float | None = None
    duration: float | None = None
    error: ErrorRecord | None = None
    text: str = ""
    reasoning: str = ""
    raw_events: list[Any] | None = None
    summary: RequestSummary | None = None
    streamed: bool = False
    thread: int = 0
    cached: bool = False
    response: dict[str, Any] | None = None
    cost: Decimal | None = None
    currency: str | None = None
    connect: float | None = None

    def __repr__(self) -> str:
        facts = [f"{self.client} ({self.provider}{f' {self.model}' if self.model else ''})"]
        if self.status is not None:
            facts.append("cached" if self.cached else str(self.status))
        if self.error is not None:
            facts.append(f"failed: {self.error.type}")
        elif self.finish_reason is not None:
            facts.append(self.finish_reason)
        if self.input_tokens is not None or self.output_tokens is not None:
            facts.append(f"{self.input_tokens or 0}+{self.output_tokens or 0} tokens")
        if self.cost is not None:
            facts.append(f"{self.cost} {self.currency}")
        facts.append("running" if self.duration is None else f"{self.duration:.3f} s")
        return f"<attempt {self.ordinal} {', '.join(facts)}>"


class AttemptEvent(msgspec.Struct, frozen=True):
    """The argument of ``on_attempt``: an attempt started, failed (``record.error`` says why) or succeeded."""

    kind: Literal["started", "failed", "succeeded"]
    record: AttemptRecord
