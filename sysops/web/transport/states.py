"""The states of a connection and of a body, and what may follow what.

A state is one member of an enumeration, and what happens next is looked up in a table: the row of the state, the column
of the event.  What the table does not hold cannot happen; if it does, the transport has a bug and
:class:`IllegalTransitionError` says which.  No state is put together from flags, so no combination is left unthought.

Connection (one exchange at a time)::

                CONNECTED         SEND                 HEAD
    CONNECTING ───────────▶ IDLE ──────▶ AWAITING_HEAD ──────▶ RECEIVING
                             ▲                                     │ COMPLETE
                             └─────────────────────────────────────┘
    From IDLE on, ABORT leads to CLOSING and LOST to CLOSED.

ABORT is this side's doing, LOST the event loop's last callback.  Between the two the socket is still open, and an
exchange that was under way ends with LOST.

Body::

    BUFFERING ── ATTACH ──▶ DELIVERING       pieces are kept for an iterator, or passed to a receiver
        └────── LINGER ──────┴──▶ LINGERING  no reader is left, but the end is awaited for a moment
    CLOSE leads to CLOSING (what comes is dropped), END from everywhere to ENDED.

After the end a body may still be attached, left and closed: all of that changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)

Table: TypeAlias = Mapping[S, Mapping[E, S]]


class IllegalTransitionError(RuntimeError):
    """An event in a state that has no place for it: a bug of the caller."""


def next_state(table: Table[S, E], state: S, event: E) -> S:
    """Return the state that follows.  Raise :class:`IllegalTransitionError` if there is none."""
    try:
        return table[state][event]
    except KeyError:
        raise IllegalTransitionError(
            f"{type(state).__name__} {state.name} has no transition for {event.name}"
        ) from None


class _Symbol(Enum):
    """A member is one object, and hashed as such: Enum's own hash is that of its name, computed in Python."""

    __hash__ = object.__hash__


class ConnectionState(_Symbol):
    CONNECTING = auto()
    IDLE = auto()
    AWAITING_HEAD = auto()
    RECEIVING = auto()
    CLOSING = auto()
    CLOSED = auto()


class ConnectionEvent(_Symbol):
    CONNECTED = auto()
    SEND = auto()
    HEAD = auto()
    COMPLETE = auto()
    ABORT = auto()
    LOST = auto()


_ENDS: Final = {
    ConnectionEvent.ABORT: ConnectionState.CLOSING,
    ConnectionEvent.LOST: ConnectionState.CLOSED,
}

CONNECTION: Final[Table[ConnectionState, ConnectionEvent]] = MappingProxyType(
    {
        ConnectionState.CONNECTING: {ConnectionEvent.CONNECTED: ConnectionState.IDLE},
        ConnectionState.IDLE: {ConnectionEvent.SEND: ConnectionState.AWAITING_HEAD, **_ENDS},
        ConnectionState.AWAITING_HEAD: {ConnectionEvent.HEAD: ConnectionState.RECEIVING, **_ENDS},
        ConnectionState.RECEIVING: {ConnectionEvent.COMPLETE: ConnectionState.IDLE, **_ENDS},
        ConnectionState.CLOSING: _ENDS,
        ConnectionState.CLOSED: {},
    }
)


class BodyState(_Symbol):
    BUFFERING = auto()
    DELIVERING = auto()
    LINGERING = auto()
    CLOSING = auto()
    ENDED = auto()


class BodyEvent(_Symbol):
    ATTACH = auto()
    LINGER = auto()
    CLOSE = auto()
    END = auto()


BODY: Final[Table[BodyState, BodyEvent]] = MappingProxyType(
    {
        BodyState.BUFFERING: {
            BodyEvent.ATTACH: BodyState.DELIVERING,
            BodyEvent.LINGER: BodyState.LINGERING,
            BodyEvent.CLOSE: BodyState.CLOSING,
            BodyEvent.END: BodyState.ENDED,
        },
        BodyState.DELIVERING: {
            BodyEvent.LINGER: BodyState.LINGERING,
            BodyEvent.CLOSE: BodyState.CLOSING,
            BodyEvent.END: BodyState.ENDED,
        },
        BodyState.LINGERING: {
            BodyEvent.CLOSE: BodyState.CLOSING,
            BodyEvent.END: BodyState.ENDED,
        },
        BodyState.CLOSING: {
            BodyEvent.CLOSE: BodyState.CLOSING,
            BodyEvent.END: BodyState.ENDED,
        },
        BodyState.ENDED: {
            BodyEvent.ATTACH: BodyState.ENDED,
            BodyEvent.LINGER: BodyState.ENDED,
            BodyEvent.CLOSE: BodyState.ENDED,
        },
    }
)
