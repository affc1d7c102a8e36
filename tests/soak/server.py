"""The misbehaving server in a process of its own: ``python -m tests.soak.server``.

It prints its port, answers every fault of the table for every wire format under the key ``<wire>.<fault number>`` (and
good answers under ``<wire>.good``), and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys

from tests.soak.cases import CASES, good_key
from tests.streaming.faults.outcomes import healthy
from tests.streaming.faults.server import FaultServer
from tests.streaming.faults.wires import WIRES


class ForgetfulServer(FaultServer):
    """Keeps no log of requests: it would be what grows."""

    def _notify(self) -> None:
        for hits in self._hits.values():
            hits.clear()
        super()._notify()


async def serve() -> None:
    async with ForgetfulServer() as server:
        for case in CASES:
            server.play(case.key, case.fault.answer(case.wire))
        for wire in WIRES.values():
            server.play(good_key(wire), healthy(wire, stream=True))
        print(server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
