"""What the soak draws from: the faults of answers, but for what only costs bytes."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.streaming.faults.outcomes import Fault
from tests.streaming.faults.table import STREAMED
from tests.streaming.faults.wires import WIRES, Wire

_LARGE: Final = ("1 MB", "headers without end", "one byte a chunk")


class Case(NamedTuple):
    """One fault of one wire format, and the key it has at the server."""

    key: str
    wire: Wire
    fault: Fault


CASES: Final = tuple(
    Case(f"{wire.name}.{number}", wire, fault)
    for wire in WIRES.values()
    for number, fault in enumerate(fault for faults in STREAMED.values() for fault in faults)
    if fault.is_answer and not any(word in fault.title for word in _LARGE)
)


def good_key(wire: Wire) -> str:
    """The key of good answers."""
    return f"{wire.name}.good"
