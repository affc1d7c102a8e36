"""An evaluation as text: a column a variant, and how the variants differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bamlvm.collector import Usage
from bamlvm.tools.evaluation.scoring import Scored, ScoredRow, check_names
from bamlvm.tools.evaluation.statistics import Share, mcnemar, percentile, share


def table(scored: Sequence[Scored]) -> str:
    """Return the table of all variants."""
    rows = [("", *(each.variant.name for each in scored)), *facts(scored)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines), *comparisons(scored), *_examples(scored)])


def facts(scored: Sequence[Scored]) -> list[tuple[str, ...]]:
    """Return the rows of the table, each with its title."""
    every = [[*each.rows.values()] for each in scored]
    found = [
        ("rows", *(f"{len(rows):,}" for rows in every)),
        ("passed", *(_percent(passed(rows)) for rows in every)),
        ("  95 % interval", *(_interval(passed(rows)) for rows in every)),
    ]
    names = check_names(scored)
    if len(names) > 1:
        found += [(f"  {name}", *(_percent(held(rows, name)) for rows in every)) for name in names]
    found.append(("errors", *(str(sum(row.error is not None for row in rows)) for rows in every)))
    for kind in _error_types(scored):
        found.append((f"  {kind}", *(str(sum(_type(row) == kind for row in rows)) for rows in every)))
    found += [
        ("tokens in + out", *(_tokens(rows) for rows in every)),
        *(
            [("cost", *(_cost(rows) for rows in every))]
            if any(row.usage.cost for rows in every for row in rows)
            else []
        ),
        ("latency p50", *(_seconds(percentile([row.seconds for row in rows], 0.5)) for rows in every)),
        ("latency p95", *(_seconds(percentile([row.seconds for row in rows], 0.95)) for rows in every)),
    ]
    return found


def passed(rows: Sequence[ScoredRow]) -> Share:
    """Return the share of rows that have passed."""
    return share(sum(row.passed for row in rows), len(rows))


def held(rows: Sequence[ScoredRow], name: str) -> Share:
    """Return the share of rows in which a check holds."""
    checks = [check for row in rows for check in row.checks if check.name == name]
    return share(sum(check.holds is True for check in checks), len(checks))


def comparisons(scored: Sequence[Scored]) -> Iterable[str]:
    """Yield a line for each variant after the first: the rows in which it is better and worse than that."""
    first, *others = scored
    for other in others:
        common = first.rows.keys() & other.rows.keys()
        worse = sum(first.rows[row].passed and not other.rows[row].passed for row in common)
        better = sum(other.rows[row].passed and not first.rows[row].passed for row in common)
        chance = mcnemar(worse, better)
        sure = "" if chance < 0.05 else ": no difference that chance would not explain"
        yield (
            f"{other.variant.name} against {first.variant.name}: better in {better}, worse in {worse} of {len(common)} "
            f"rows, p = {chance:.2g} (McNemar's exact test){sure}"
        )


def _examples(scored: Sequence[Scored]) -> Iterable[str]:
    """Yield the first message of each class of errors."""
    errors = [row.error for each in scored for row in each.rows.values() if row.error is not None]
    for kind in _error_types(scored):
        first = next(each for each in errors if each.partition(": ")[0] == kind)
        yield first.partition("\n")[0][:300]


def _error_types(scored: Sequence[Scored]) -> list[str]:
    counts = Counter(_type(row) for each in scored for row in each.rows.values() if row.error is not None)
    return [kind for kind, _ in counts.most_common()]


def _type(row: ScoredRow) -> str:
    return (row.error or "").partition(": ")[0]


def _percent(of: Share) -> str:
    return f"{of.value * 100:.1f} %" if of.total else "-"


def _interval(of: Share) -> str:
    return f"{of.low * 100:.1f} to {of.high * 100:.1f}" if of.total else "-"


def _tokens(rows: Sequence[ScoredRow]) -> str:
    usage = _usage(rows)
    return f"{usage.input_tokens:,} + {usage.output_tokens:,}"


def _cost(rows: Sequence[ScoredRow]) -> str:
    usage = _usage(rows)
    if usage.cost is None:
        return "not known" if usage.unpriced else "-"
    return f"{usage.cost.normalize():f} {usage.currency}"


def _usage(rows: Sequence[ScoredRow]) -> Usage:
    return sum((row.usage for row in rows), Usage())


def _seconds(value: float) -> str:
    return "-" if value != value else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
