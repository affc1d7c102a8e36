"""One batch from its data to its output.

Rows whose key is in the journal are done; the others are called, and each result is written when it comes.  What calls
them is an *engine*: this process's event loop, or a cluster (:mod:`bamlvm.tools.batch.ray_engine`).  However the run
ends, what has been answered is on the disk.
"""

from __future__ import annotations

import hashlib
import itertools
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

    def results(self, jobs: Iterator[Job]) -> AsyncGenerator[tuple[Job, RowResult], None]:
        """Yield the result of each job, as they are done."""


class LocalEngine:
    """Calls in this process: ``concurrency`` at a time, with the rates of :meth:`bamlvm.Runtime.batch`.

        Results have the outcomes of their checks, unless ``checks`` is False.  Where the next row may be long in coming
    (``waits``: standard input, a pipe), it is read beside the event loop, so that calls go on meanwhile.
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
        waits: bool = False,
    ) -> None:
        self._runtime = runtime
        self._waits = waits
        self._columns = columns
        self._context = context
        self._checks = checks
        self._options: dict[str, Any] = {"concurrency": concurrency, "rate": rate, "tokens_rate": tokens_rate}

    async def results(self, jobs: Iterator[Job]) -> AsyncGenerator[tuple[Job, RowResult], None]:
        """See :class:`Engine`."""
        running: dict[int, Job] = {}
        called = itertools.count()

        async def rows() -> AsyncIterator[Mapping[str, Any]]:
            while True:
                job = await in_thread(next, jobs, None) if self._waits else next(jobs, None)
                if job is None:
                    return
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
) -> Ended:
    """Run a batch; ``progress`` is called with the summary so far at each result that is on the disk, and ``chosen``
    with the key of each row of the data that has been chosen, whether it is called or has its result already.

    ``program`` is the digest of the program (:func:`program_digest`).  Raises :class:`bamlvm.HostError` for a first row
    that is not one of this function, and for files that cannot be read or written.
    """
    summary = summary or Summary()
    order: dict[str, int] = {}
    with Journal(journal_path(output), program, keep_older=options.keep_older) as journal:
        selected = _Selection(columns, journal, options, summary, order, chosen)
        is_complete = True
        failed = 0  # the summary counts a row later, when it is on the disk
        try:
            results = engine.results(selected.jobs(rows))
            async with aclosing(results):
                async for job, result in results:
                    await _add(journal, job.key, job.row, result, options, summary, progress)
                    failed += result.error is not None
                    if options.max_errors is not None and failed >= options.max_errors:
                        is_complete = False
                        break
            for key, row, error in selected.unreadable:
                result = RowResult(error=row_error(error))
                await _add(journal, key, row, result, options, summary, progress)
        finally:
            await journal.flush()
        if is_complete:
            write_output(output, journal, order, ordered=options.ordered)
    return Ended(summary, is_complete)


def program_digest(sources: Mapping[str, str], *options: Any) -> str:
    """Return the digest of a program, and of the options that change its results, as a journal names it."""
    return _digest(sorted(sources.items()), options)[:16]


class _Selection:
    """Which rows are called: those of the data that are chosen and not done."""

    def __init__(
        self,
        columns: Columns,
        journal: Journal,
        options: Options,
        summary: Summary,
        order: dict[str, int],
        chosen: Callable[[str, Row], None],
    ) -> None:
        self._columns = columns
        self._journal = journal
        self._options = options
        self._summary = summary
        self._order = order
        self._chosen = chosen
        self.unreadable: list[tuple[str, Row, HostError]] = []

    def jobs(self, rows: Iterator[Row]) -> Iterator[Job]:
        options, entries = self._options, self._journal.entries
        if options.sample is not None:
            rows = sampled(rows, options.sample, options.seed)
        seen: Counter[str] = Counter()
        is_first = True
        for row in itertools.islice(rows, options.limit):
            problem: HostError | None = None
            arguments: dict[str, Any] = {}
            try:
                arguments = self._columns.arguments(row)
            except HostError as error:
                if is_first and row.problem is None:  # none of the rows will do, then
                    raise
                problem = error
            is_first = False
            digest = _digest(self._columns.function, row.value if problem is not None else arguments)
            seen[digest] += 1
            key = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
            self._order[key] = row.number
            self._chosen(key, row)
            entry = entries.get(key)
            if entry is not None and not (entry.failed and options.retry_errors):
                self._summary.resume(entry.failed)
                continue
            if problem is None:
                try:
                    arguments = self._columns.converted(arguments)
                except HostError as error:
                    problem = error
            if problem is None:
                yield Job(key, row, arguments)
            else:
                self.unreadable.append((key, row, problem))


async def _add(
    journal: Journal,
    key: str,
    row: Row,
    result: RowResult,
    options: Options,
    summary: Summary,
    progress: Callable[[Summary], None],
) -> None:
    def written() -> None:
        summary.add(result)
        progress(summary)

    await journal.add(key, row.number, result, row.value if options.keeps_columns else None, written)


def _digest(*values: Any) -> str:
    """Return the digest of values in canonical JSON."""
    text = msgspec.json.encode(values, order="deterministic")
    return hashlib.blake2b(text, digest_size=_KEY_BYTES).hexdigest()
