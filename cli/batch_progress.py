"""The progress bar of ``bamlvm batch`` on a terminal: rows, rows a second, errors, tokens, cost, time left."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from bamlvm.errors import HostError

if TYPE_CHECKING:
    from bamlvm.tools.batch.summary import Summary


class Bar:
    """The bar; ``total`` is the number of rows, or None where it is not known.

    Raises :class:`bamlvm.HostError` without rich.
    """

    def __init__(self, title: str, total: int | None) -> None:
        try:
            from rich import progress
            from rich.console import Console
        except ImportError:
            raise HostError("the progress bar needs rich: pip install 'bamlvm[batch]', or give --no-progress") from None
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),  # a file may have any name
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[facts]}"),
            progress.TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(title, total=total, facts="")

    def __call__(self, summary: Summary) -> None:
        """Show a summary; the bar redraws itself ten times a second, whatever comes."""
        task = self._bar.tasks[0]
        rate = f"{task.speed:.1f}/s " if task.speed else ""
        errors = f"[red]{summary.failed:,} failed[/red] " if summary.failed else ""
        rows = summary.resumed + summary.done + summary.failed
        self._bar.update(self._task, completed=rows, facts=f"{rate}{errors}{summary.expense}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
