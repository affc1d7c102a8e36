"""A batch on a Ray cluster: one runtime an actor, many calls in flight in each, results home as they are done.

Ray Data gives blocks of rows to a pool of asynchronous actors, and gives a block again whose actor was lost.  A
*ledger*, an actor on the node of the command, makes that safe: a result goes to it at once (:data:`_GATHER_SECONDS`),
and before a block is called its rows are held against it.  So a lost worker loses the calls that were in flight and the
answers of its last moment, and no row is asked again whose answer has come to the ledger.  The command takes results
from the ledger and writes them to its journal.  The ledger also keeps the pace, so that rates hold for the cluster.

bamlvm must be installed on every node, and the variables of the program's keys be set there (or be in ``--env-file``).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import pickle
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bamlvm.errors import HostError
from bamlvm.tools.batch.results import RowResult, row_result
from bamlvm.tools.batch.run import Job

if TYPE_CHECKING:
    from bamlvm.calls.pace import Rate
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime

_ROWS_AT_ONCE: Final = 20_000
"""How many rows the cluster has at a time: their arguments are in its memory."""

_BLOCKS_PER_ACTOR: Final = 8
_LARGEST_BLOCK: Final = 256
_BLOCKS_IN_FLIGHT: Final = 4
_TAKE_SECONDS: Final = 0.05
_GATHER_SECONDS: Final = 0.02
"""How long a result waits for others that go the same way: a message costs Ray as much as a call costs us."""


class RayEngine:
    """Calls on a cluster: see :class:`bamlvm.tools.batch.run.Engine`.

    ``make`` makes the runtime of an actor, and can be pickled.  ``concurrency`` is of all actors together.  ``address``
    is the cluster's (None: the one that Ray finds, or a new one on this machine).  Raises :class:`bamlvm.HostError`
    without Ray.
    """

    def __init__(
        self,
        make: Callable[[], Runtime],
        function: str,
        context: CallContext,
        concurrency: int,
        rate: Rate | None = None,
        tokens_rate: Rate | None = None,
        *,
        actors: int | None = None,
        address: str | None = None,
    ) -> None:
        try:
            import ray
            import ray.data
        except ImportError:
            raise HostError("--engine ray needs Ray: pip install 'bamlvm[ray]'") from None
        self._ray: Any = ray
        self._make = make
        self._function = function
        self._context = context
        self._concurrency = concurrency
        self._rates = (rate, tokens_rate)
        self._actors = actors
        self._address = address

    async def results(self, jobs: AsyncIterator[Job]) -> AsyncGenerator[tuple[Job, RowResult], None]:
        """See :class:`bamlvm.tools.batch.run.Engine`."""
        ray = self._ray
        if not ray.is_initialized():
            await asyncio.to_thread(self._connect)
        ledger = self._new_ledger()
        actors = self._actors or max(1, int(ray.cluster_resources().get("CPU", 1)))
        try:
            while part := {job.key: job async for job in _some(jobs, _ROWS_AT_ONCE)}:
                working = asyncio.ensure_future(asyncio.to_thread(self._work, ledger, list(part.values()), actors))
                try:
                    while part:
                        ended = working.done()
                        for key, result in await ledger.take.remote(0 if ended else _TAKE_SECONDS):
                            yield part.pop(key), pickle.loads(result)
                        if ended and part:
                            await working  # raises what has ended it
                            raise HostError(f"the cluster has given no result for {len(part)} rows")
                    await working
                finally:
                    if not working.done():
                        await ledger.stop.remote()
                        await asyncio.wait([working])
        finally:
            ray.kill(ledger)

    def _connect(self) -> None:
        import logging

        try:
            self._ray.init(address=self._address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise HostError(f"cannot reach the Ray cluster: {error}") from None
        self._ray.data.DataContext.get_current().enable_progress_bars = False

    def _new_ledger(self) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = self._ray.get_runtime_context().get_node_id()
        remote = self._ray.remote(num_cpus=0, max_concurrency=100_000)(_Ledger)
        options = remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False))
        return options.remote(*self._rates)

    def _work(self, ledger: Any, jobs: Sequence[Job], actors: int) -> None:
        """Let the cluster call every job; returns when all of them are in the ledger."""
        data = self._ray.data
        size = max(1, min(_LARGEST_BLOCK, math.ceil(len(jobs) / (actors * _BLOCKS_PER_ACTOR))))
        items = [{"job": pickle.dumps((job.key, job.arguments))} for job in jobs]
        dataset = data.from_items(items, override_num_blocks=math.ceil(len(items) / size)).map_batches(
            _Caller,
            fn_constructor_args=(
                pickle.dumps(self._make),
                self._function,
                pickle.dumps(self._context),
                max(1, math.ceil(self._concurrency / actors)),
                ledger,
                any(rate is not None for rate in self._rates),
            ),
            batch_size=None,
            compute=data.ActorPoolStrategy(
                size=actors,
                max_tasks_in_flight_per_actor=_BLOCKS_IN_FLIGHT,
                max_concurrent_calls_per_actor=_BLOCKS_IN_FLIGHT,
            ),
            num_cpus=1,
        )
        for _ in dataset.iter_batches(batch_size=None):
            pass


async def _some(jobs: AsyncIterator[Job], most: int) -> AsyncIterator[Job]:
    for _ in range(most):
        job = await anext(jobs, None)
        if job is None:
            return
        yield job


class _Ledger:
    """The results of a batch by key, pickled, and its pace; an asynchronous actor."""

    def __init__(self, rate: Rate | None, tokens_rate: Rate | None) -> None:
        from bamlvm.calls.pace import Pace

        self._pace = Pace(rate, tokens_rate)
        self._known: set[str] = set()
        self._new: list[tuple[str, bytes]] = []
        self._come = asyncio.Event()
        self._stopped = False

    async def missing(self, keys: Sequence[str]) -> list[str]:
        """Return the keys that have no result; none where the batch has ended."""
        return [] if self._stopped else [key for key in keys if key not in self._known]

    async def put(self, results: Sequence[tuple[str, bytes]]) -> None:
        """Take the results of rows, but for those that have one (a block was called twice)."""
        for key, result in results:
            if key not in self._known:
                self._known.add(key)
                self._new.append((key, result))
                self._come.set()

    async def take(self, seconds: float) -> list[tuple[str, bytes]]:
        """Return the results that are new, after waiting so long for one at most, and a little for more."""
        if not self._new and seconds:
            self._come.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._come.wait(), seconds)
                await asyncio.sleep(_GATHER_SECONDS)
        taken, self._new = self._new, []
        return taken

    async def stop(self) -> None:
        """Let blocks that have not begun end at once."""
        self._stopped = True

    async def admit(self) -> float:
        """See :class:`bamlvm.calls.pace.Pacing`."""
        return await self._pace.admit()

    async def settle(self, attempts: int, reserved: float, tokens: int) -> None:
        """See :class:`bamlvm.calls.pace.Pacing`."""
        await self._pace.settle(attempts, reserved, tokens)


class _ClusterPace:
    """The pace that the ledger keeps."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger

    async def admit(self) -> float:
        reserved: float = await self._ledger.admit.remote()
        return reserved

    async def settle(self, attempts: int, reserved: float, tokens: int) -> None:
        await self._ledger.settle.remote(attempts, reserved, tokens)


class _Outbox:
    """The results of an actor on their way to the ledger: those that come within a moment go together."""

    def __init__(self, ledger: Any) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[str, bytes]] = []
        self._sending: asyncio.Task[None] | None = None

    def add(self, key: str, result: RowResult) -> None:
        """Send a result, with the next ones."""
        self._waiting.append((key, pickle.dumps(result)))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())

    async def flush(self) -> None:
        """Wait until everything has arrived.  Raises what sending it has raised."""
        sending = None
        while sending is not self._sending:
            sending = self._sending
            if sending is not None:
                await asyncio.shield(sending)  # which other blocks wait for, too

    async def _send(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_SECONDS)
            some, self._waiting = self._waiting, []
            await self._ledger.put.remote(some)


class _Caller:
    """An actor of the pool.  Its blocks share the actor's ``concurrency``: a row is begun when a place is free."""

    def __init__(
        self, make: bytes, function: str, context: bytes, concurrency: int, ledger: Any, is_paced: bool
    ) -> None:
        self._runtime: Runtime = pickle.loads(make)()
        self._function = function
        self._context: CallContext = pickle.loads(context)
        self._concurrency = concurrency
        self._places = asyncio.Semaphore(concurrency)
        self._ledger = ledger
        self._outbox = _Outbox(ledger)
        self._pace = _ClusterPace(ledger) if is_paced else None

    async def __call__(self, block: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        from bamlvm.calls.batch import batch

        jobs = dict(pickle.loads(each) for each in block["job"])
        missing = await self._ledger.missing.remote(list(jobs))

        async def rows() -> AsyncIterator[Mapping[str, Any]]:
            for key in missing:
                await self._places.acquire()
                yield jobs[key]

        called = batch(
            self._runtime.engine,
            self._function,
            rows(),
            self._context,
            concurrency=self._concurrency,
            pacing=self._pace,
            ordered=False,
        )
        async for result in called:
            self._places.release()
            self._outbox.add(missing[result.index], row_result(result))
        await self._outbox.flush()
        yield {"rows": [len(missing)]}
