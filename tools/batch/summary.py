"""What a batch has come to, in numbers: kept while it runs, printed when it ends."""

from __future__ import annotations

from collections import Counter

from bamlvm.collector import Usage
from bamlvm.tools.batch.results import RowResult


class Summary:
    """Counts of the rows: ``done`` with a result, ``failed`` by error class, ``resumed`` from the journal.

    Tokens and attempts are those of this run alone.
    """

    def __init__(self) -> None:
        self.done = 0
        self.resumed = 0
        self.resumed_failed = 0
        self.attempts = 0
        self.usage = Usage()
        self.errors: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        """The first message of each error class."""

    @property
    def failed(self) -> int:
        """How many rows have failed in this run."""
        return self.errors.total()

    @property
    def expense(self) -> str:
        """The tokens of this run, and their cost where it is known, as text."""
        tokens = f"{self.usage.input_tokens:,}+{self.usage.output_tokens:,} tokens"
        cost = self.usage.cost
        return tokens if cost is None else f"{tokens}, {cost.normalize():f} {self.usage.currency}"

    def add(self, result: RowResult) -> None:
        """Count a result of this run."""
        self.attempts += result.attempts
        self.usage += result.usage
        if result.error is None:
            self.done += 1
        else:
            self.errors[result.error.type] += 1
            self.examples.setdefault(result.error.type, result.error.message)

    def resume(self, failed: bool) -> None:
        """Count a row whose result is in the journal already."""
        self.resumed += 1
        self.resumed_failed += failed

    def lines(self, seconds: float) -> list[str]:
        """Return the summary as lines of text; ``seconds`` is how long the run took."""
        rows = self.done + self.failed
        heads = [f"{self.done:,} rows done", f"{self.failed:,} failed"] if self.failed else [f"{self.done:,} rows done"]
        if self.resumed:
            failures = f" ({self.resumed_failed:,} of them failed)" if self.resumed_failed else ""
            heads.append(f"{self.resumed:,} there already{failures}")
        rate = f", {rows / seconds:.1f} a second" if rows and seconds > 0 else ""
        facts = f"{seconds:.1f} s{rate}, {self.attempts:,} attempts, {self.expense}"
        shown = [
            f"  {count:,} {name}: {self.examples[name].partition(chr(10))[0][:200]}"
            for name, count in self.errors.most_common()
        ]
        return [f"{', '.join(heads)} in {facts}", *shown]
