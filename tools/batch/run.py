"""One batch from its data to its output.

Rows whose key is in the journal are done; the others are called, and each result is written when it comes.  What calls
them is an *engine*: this process's event loop, or a cluster (:mod:`bamlvm.tools.batch.ray_engine`).  However the run
ends, what has been answered is on the disk.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from bamlvm.errors import HostError
from bamlvm.sysops.threads import in_thread
from bamlvm.tools.batch.arguments import Columns
from bamlvm.tools.batch.journal import Journal
from bamlvm.tools.batch.output import journal_path, write_output
from bamlvm.tools.batch.results import RowResult, row_error, row_result
from bamlvm.tools.batch.rows import Row, sampled
from bamlvm.tools.batch.summary import Summary

if TYPE_CHECKING:
    from bamlvm.context import CallContext
    from bamlvm.runtime import Runtime

_KEY_BYTES = 16


class Job(NamedTuple):
    """A row to be called: its key, and its arguments."""

    key: str
    row: Row
    arguments: dict[str, Any]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a batch runs.

    ``limit`` rows are taken from the beginning, or ``sample`` rows by chance (with ``seed``).  ``retry_errors`` asks
    rows again that have failed before.  After ``max_errors`` failed rows the run ends.  ``keeps_columns`` writes the
    columns of a row beside its result.  ``ordered`` puts the output in the order of the data.
    """

    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    retry_errors: bool = False
    keep_older: bool = False
    max_errors: int | None = None
    keeps_columns: bool = False
    ordered: bool = True


class Engine(Protocol):
    """What calls the function with the arguments of jobs."""

    def results(self, jobs: AsyncIterator[Job]) -> AsyncGenerator[tuple[Job, RowResult], None]:
        """Yield the result of each job, as they are done."""


class LocalEngine:
    """Calls in this process: ``concurrency`` at a time, with the rates of :meth:`bamlvm.Runtime.batch`.

    Results have the outcomes of their checks, unless ``checks`` is False.
    """

    def __init__(
        self,
        runtime: Runtime,
        columns: Columns,
        context: CallContext,
        concurrency: int,
        rate: str | None = None,
        tokens_rate: str | None = None,
        *,
        checks: bool = True,
    ) -> None:
        self._runtime = runtime
        self._columns = columns
        self._context = context
        self._checks = checks
        self._options: dict[str, Any] = {"concurrency": concurrency, "rate": rate, "tokens_rate": tokens_rate}

    async def results(self, jobs: AsyncIterator[Job]) -> AsyncGenerator[tuple[Job, RowResult], None]:
        """See :class:`Engine`."""
        running: dict[int, Job] = {}
        called = itertools.count()

        async def rows() -> AsyncIterator[Mapping[str, Any]]:
            async for job in jobs:
                running[next(called)] = job
                yield job.arguments

        function = self._columns.function
        batch = self._runtime.batch(function, rows(), self._context, ordered=False, **self._options)
        async with aclosing(batch):
            async for result in batch:
                yield running.pop(result.index), row_result(result, checks=self._checks)


class Ended(NamedTuple):
    """The end of a run: ``is_complete`` unless ``max_errors`` has ended it early."""

    summary: Summary
    is_complete: bool


async def run(
    engine: Engine,
    columns: Columns,
    rows: Iterator[Row],
    output: str,
    program: str,
    options: Options,
    progress: Callable[[Summary], None] = lambda summary: None,
    summary: Summary | None = None,
    chosen: Callable[[str, Row], None] = lambda key, row: None,
    waits: bool = False,
) -> Ended:
    """Run a batch; ``progress`` is called with the summary so far at each result that is on the disk, and ``chosen``
    with the key of each row of the data that has been chosen, whether it is called or has its result already.

    ``program`` is the digest of the program (:func:`program_digest`).  Where the next row may be long in coming
    (``waits``: standard input, a pipe), it is read beside the event loop, so that calls go on meanwhile.  Raises
    :class:`bamlvm.HostError` for a first row that is not one of this function, and for files that cannot be read or
    written.
    """
    order: dict[str, int] = {}
    with Journal(journal_path(output), program, keep_older=options.keep_older) as journal:
        sink = _Sink(journal, options, summary or Summary(), progress)
        selection = _Selection(columns, options, sink, order, chosen)
        try:
            results = engine.results(selection.jobs(rows, waits))
            async with aclosing(results):
                async for job, result in results:
                    await sink.add(job.key, job.row, result)
                    if sink.is_over:
                        break
        finally:
            await journal.flush()
        if not sink.is_over:
            write_output(output, journal, order, ordered=options.ordered)
    return Ended(sink.summary, not sink.is_over)


def program_digest(sources: Mapping[str, str], *options: Any) -> str:
    """Return the digest of a program, and of the options that change its results, as a journal names it."""
    return _digest(sorted(sources.items()), options)[:16]


class _Sink:
    """Where results go: the journal, and when they are on the disk the summary."""

    def __init__(
        self, journal: Journal, options: Options, summary: Summary, progress: Callable[[Summary], None]
    ) -> None:
        self.journal = journal
        self.summary = summary
        self._keeps_columns = options.keeps_columns
        self._left = math.inf if options.max_errors is None else options.max_errors
        self._progress = progress

    @property
    def is_over(self) -> bool:
        """Whether as many rows have failed as may."""
        return self._left <= 0

    async def add(self, key: str, row: Row, result: RowResult) -> None:
        """Add the result of a row.  Raises :class:`bamlvm.HostError` if the disk refuses."""
        if result.error is not None:  # the summary counts it later, when it is on the disk
            self._left -= 1

        def written() -> None:
            self.summary.add(result)
            self._progress(self.summary)

        await self.journal.add(key, row.number, result, row.value if self._keeps_columns else None, written)


class _Selection:
    """Which rows are called: those of the data that are chosen and not done.

    One that cannot be called, because its line or a file that it names cannot be read, has that as its result at once.
    """

    def __init__(
        self,
        columns: Columns,
        options: Options,
        sink: _Sink,
        order: dict[str, int],
        chosen: Callable[[str, Row], None],
    ) -> None:
        self._columns = columns
        self._options = options
        self._sink = sink
        self._order = order
        self._chosen = chosen
        self._seen: Counter[str] = Counter()

    async def jobs(self, rows: Iterator[Row], waits: bool) -> AsyncIterator[Job]:
        """Yield the rows to call."""
        options, is_first = self._options, True
        if options.sample is not None:
            rows = sampled(rows, options.sample, options.seed)
        rows = itertools.islice(rows, options.limit)
        while not self._sink.is_over:
            row = await in_thread(next, rows, None) if waits else next(rows, None)
            if row is None:
                return
            arguments: dict[str, Any] | None = None
            problem: HostError | None = None
            try:
                arguments = self._columns.arguments(row)
            except HostError as error:
                if is_first and row.problem is None:  # none of the rows will do, then
                    raise
                problem = error
            is_first = False
            converted: dict[str, Any] = {}
            if arguments is not None:
                try:
                    converted = self._columns.converted(arguments)
                except HostError as error:
                    problem = error
            key = self._key(row, arguments, converted)
            self._order[key] = row.number
            self._chosen(key, row)
            entry = self._sink.journal.entries.get(key)
            if entry is not None and not (entry.failed and options.retry_errors):
                self._sink.summary.resume(entry.failed)
            elif problem is not None:
                await self._sink.add(key, row, RowResult(error=row_error(problem)))
            else:
                yield Job(key, row, converted)

    def _key(self, row: Row, arguments: dict[str, Any] | None, converted: Mapping[str, Any]) -> str:
        """Return the key of a row: that of its arguments, files by their content too; the same row has it once more,
        with a number.

        Files that could not be read are known by their names alone, and so is the error that came of it.  It counts no
        longer once they can be.
        """
        named = _digest(self._columns.function, row.value if arguments is None else arguments)
        digest = named
        contents = [value.data for name, value in converted.items() if value is not (arguments or {}).get(name)]
        if contents:
            digest = _digest(self._columns.function, arguments, [_digest(each) for each in contents])
        self._seen[digest] += 1
        suffix = "" if self._seen[digest] == 1 else f"-{self._seen[digest]}"
        if contents:
            self._sink.journal.forget_error(named + suffix)
        return digest + suffix


def _digest(*values: Any) -> str:
    """Return the digest of values in canonical JSON."""
    text = msgspec.json.encode(values, order="deterministic")
    return hashlib.blake2b(text, digest_size=_KEY_BYTES).hexdigest()
