"""Many calls of one function, so many at a time.

A *row* is the arguments of one call.  Rows are taken from their iterator as calls become free, and results leave in the
order of the rows or as they are done; results that are not fetched hold up the rows after them, so memory is bounded
whatever the number of rows.  An error of a row is its result and does not end the batch; only what concerns all rows
does: cancellation, a closed runtime, an exception of the rows' iterator or of a callback.

Workers take a row, start the next worker, wait for their pacing (:mod:`bamlvm.calls.pace`), call, and put the result
where the generator finds it.  Leaving the generator, also by an exception, cancels what runs and waits for it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from bamlvm.calls.call import Call
from bamlvm.calls.drive import drive
from bamlvm.calls.engine import Engine
from bamlvm.calls.pace import Pacing
from bamlvm.calls.prepare import prepare_call
from bamlvm.collector import CallRecord, Collector
from bamlvm.context import CallContext
from bamlvm.errors import BamlError, Cancelled, DeadlineExceeded, HostError
from bamlvm.events import Attempt

_WAITING_PER_CALL: Final = 16
"""How many results may wait, for each call at a time: in order, one slow row must not soon stop all others."""


class BatchResult(msgspec.Struct, frozen=True):
    """The result of one row: ``value``, or ``error`` if its call has failed.

    ``index`` counts the rows from 0; ``record`` is the record of the call, None if an argument did not fit, so that it
    never began.
    """

    index: int
    arguments: Mapping[str, Any]
    value: Any = None
    error: BamlError | None = None
    record: CallRecord | None = None


Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


async def batch(
    engine: Engine,
    name: str,
    rows: Rows,
    context: CallContext,
    *,
    concurrency: int,
    pacing: Pacing | None,
    ordered: bool,
) -> AsyncGenerator[BatchResult, None]:
    """Call a function with every row; yield the results."""
    state = _Batch(engine, name, rows, context, concurrency, pacing)
    state.start_worker()
    early: dict[int, BatchResult] = {}
    following = 0
    try:
        while True:
            state.changed.clear()
            finished, state.finished = state.finished, []
            for result in finished:
                if ordered:
                    early[result.index] = result
                else:
                    state.room.release()
                    yield result
            while following in early:
                state.room.release()
                yield early.pop(following)
                following += 1
            if state.finished:
                continue
            if state.failure is not None:
                raise state.failure
            if not state.working:
                return
            await state.changed.wait()
    finally:
        for worker in state.workers:
            worker.cancel()
        await asyncio.gather(*state.workers, return_exceptions=True)


class _Batch:
    """What the workers of one batch share."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        rows: Rows,
        context: CallContext,
        concurrency: int,
        pacing: Pacing | None,
    ) -> None:
        self.changed = asyncio.Event()
        self.finished: list[BatchResult] = []
        self.room = asyncio.Semaphore(concurrency * _WAITING_PER_CALL)
        self.workers: list[asyncio.Task[None]] = []
        self.working = 0
        self.failure: BaseException | None = None  # what has ended a worker
        self._engine = engine
        self._name = name
        self._rows = rows.__aiter__() if isinstance(rows, AsyncIterable) else _asynchronous(rows)
        self._taking = asyncio.Lock()
        self._taken = 0
        self._context = context
        self._concurrency = concurrency
        self._pacing = pacing

    def start_worker(self) -> None:
        """Start one more worker, unless there are enough."""
        if len(self.workers) < self._concurrency:
            worker = asyncio.ensure_future(self._work())
            worker.add_done_callback(self._ended)
            self.workers.append(worker)
            self.working += 1

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self.working -= 1
        self.changed.set()
        if worker.cancelled():
            self.failure = self.failure or asyncio.CancelledError()
        else:
            self.failure = self.failure or worker.exception()

    async def _work(self) -> None:
        """Take rows and call, until there are none."""
        while True:
            await self.room.acquire()
            async with self._taking:  # an iterator of rows is not to be asked twice at once
                try:
                    row = await anext(self._rows)
                except StopAsyncIteration:
                    return
                index = self._taken
                self._taken += 1
            self.start_worker()  # only now, so that the first requests are on their way before the last is prepared
            result = await self._call(index, row)
            self.finished.append(result)
            self.changed.set()

    async def _call(self, index: int, row: Mapping[str, Any]) -> BatchResult:
        collector = Collector()
        reserved: list[float] = []  # for each attempt that was admitted
        context = msgspec.structs.replace(
            self._context,
            collectors=(*self._context.collectors, collector),
            on_attempt=_paced(self._pacing, self._context.on_attempt, reserved),
        )
        value = error = None
        try:
            prepared = prepare_call(self._engine, self._name, row, context.listens, context)
            if self._pacing is not None:
                reserved.append(await self._pacing.admit())
            value = await drive(Call(self._engine, prepared, context))
        except BamlError as raised:
            if isinstance(raised, Cancelled) and not isinstance(raised, DeadlineExceeded):
                raise
            if isinstance(raised, HostError) and self._engine.closed:
                raise
            error = raised
        record = collector.last
        if self._pacing is not None and reserved:  # others may wait for that, whatever came of it
            tokens = 0 if record is None else record.usage.input_tokens + record.usage.output_tokens
            await self._pacing.settle(len(reserved), sum(reserved), tokens)
        return BatchResult(index, row, value, error, record)


def _paced(
    pacing: Pacing | None, callback: Callable[[Attempt], Any] | None, reserved: list[float]
) -> Callable[[Attempt], Any] | None:
    """Return a callback that makes a call's further attempts wait as its first one has; it adds what is reserved."""
    if pacing is None:
        return callback

    async def on_attempt(event: Attempt) -> None:
        if event.kind == "started" and event.record.ordinal > 1:
            reserved.append(await pacing.admit())
        if callback is not None:
            waiting = callback(event)
            if inspect.isawaitable(waiting):
                await waiting

    return on_attempt


async def _asynchronous(rows: Iterable[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
    for row in rows:
        yield row
