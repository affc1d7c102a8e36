"""An evaluation as one page of HTML, with its plots inside (matplotlib, as SVG): nothing is loaded from anywhere.

pass rates of the variants, with their intervals       each check by variant
latencies as cumulative distributions                  confusion of expected and actual, where these are few labels
"""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from bamlvm.errors import HostError
from bamlvm.tools.evaluation.junit import problems_of
from bamlvm.tools.evaluation.scoring import Scored, check_names
from bamlvm.tools.evaluation.table import comparisons, facts, held, passed

MOST_LABELS: Final = 12
_SHOWN_ROWS: Final = 500
_SHOWN_TEXT: Final = 600

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1b1f24; }
table { border-collapse: collapse; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #d5dae0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: pre; }
th { color: #57606a; }
td.title { white-space: pre; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 24rem; font-size: .85rem; }
.bad { color: #b42318; }
figure { display: inline-block; margin: .5rem 1rem .5rem 0; }
figcaption { color: #57606a; font-size: .9rem; }
svg { max-width: 100%; height: auto; }
"""


def page(scored: Sequence[Scored], title: str) -> str:
    """Return the page.  Raises :class:`bamlvm.HostError` without matplotlib."""
    plots = _plots(scored)
    head = "".join(f'<th class="number" scope="col">{html.escape(each.variant.name)}</th>' for each in scored)
    body = "".join(
        f'<tr><td class="title">{html.escape(name)}</td>'
        + "".join(f'<td class="number">{html.escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, *cells in facts(scored)
    )
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in comparisons(scored))
    figures = "".join(f"<figure>{svg}<figcaption>{html.escape(text)}</figcaption></figure>" for text, svg in plots)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>{lines}{figures}"
        f"{_failed_rows(scored)}</body></html>\n"
    )


def _failed_rows(scored: Sequence[Scored]) -> str:
    numbers = sorted({row.number for each in scored for row in each.rows.values() if not row.passed})
    if not numbers:
        return "<p>Every row has passed.</p>"
    head = "".join(f'<th scope="col">{html.escape(each.variant.name)}</th>' for each in scored)
    rows = "".join(_failed_row(scored, number) for number in numbers[:_SHOWN_ROWS])
    more = f"<p>… and {len(numbers) - _SHOWN_ROWS:,} more.</p>" if len(numbers) > _SHOWN_ROWS else ""
    return (
        f"<h2>Rows that have not passed: {len(numbers):,}</h2><table><thead><tr><th>row</th><th>data</th>"
        f"{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
    )


def _failed_row(scored: Sequence[Scored], number: int) -> str:
    cells = []
    columns: Any = None
    for each in scored:
        row = each.rows.get(number)
        if row is None:
            cells.append("<td></td>")
            continue
        columns = row.columns
        problems = "".join(f'<pre class="bad">{_text(problem)}</pre>' for problem in problems_of(row))
        cells.append(f"<td>{problems}<pre>{_text(_json(row.value)) if row.error is None else ''}</pre></td>")
    return f"<tr><td>{number}</td><td><pre>{_text(_json(columns))}</pre></td>{''.join(cells)}</tr>"


def _text(text: str) -> str:
    return html.escape(text if len(text) <= _SHOWN_TEXT else f"{text[:_SHOWN_TEXT]}…")


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


# --- plots ------------------------------------------------------------------------------------------------------------


def _plots(scored: Sequence[Scored]) -> list[tuple[str, str]]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise HostError("the page needs matplotlib for its plots: pip install 'bamlvm[eval]'") from None
    names = [each.variant.name for each in scored]
    found = [("Rows passed, with 95 % intervals", _pass_rates(Figure, scored, names))]
    checks = check_names(scored)
    if len(checks) > 1:
        found.append(("Each check, by variant", _checks(Figure, scored, names, checks)))
    found.append(("Latency: the part of rows that are done in a time", _latencies(Figure, scored)))
    for each in scored:
        for check in checks:
            pairs = _labels(each, check)
            if pairs:
                found.append((f"{check} of {each.variant.name}: expected and actual", _confusion(Figure, pairs)))
    return found


def _pass_rates(figure_class: Any, scored: Sequence[Scored], names: Sequence[str]) -> str:
    figure = figure_class(figsize=(5, 0.8 + 0.5 * len(names)), layout="constrained")
    axes = figure.subplots()
    shares = [passed([*each.rows.values()]) for each in scored]
    places = range(len(names))
    axes.barh(places, [each.value for each in shares], color="#6ea8dc", height=0.6)
    for place, each in zip(places, shares, strict=True):
        axes.plot([each.low, each.high], [place, place], color="#1b1f24", linewidth=2)
    axes.set(yticks=places, yticklabels=names, xlim=(0, 1))
    axes.invert_yaxis()
    return _svg(figure)


def _checks(figure_class: Any, scored: Sequence[Scored], names: Sequence[str], checks: Sequence[str]) -> str:
    figure = figure_class(figsize=(6, 0.8 + 0.3 * len(checks) * len(names)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(names)
    for number, each in enumerate(scored):
        rows = [*each.rows.values()]
        places = [at + number * height for at in range(len(checks))]
        axes.barh(places, [held(rows, check).value for check in checks], height=height * 0.9, label=names[number])
    axes.set(yticks=[at + 0.4 - height / 2 for at in range(len(checks))], yticklabels=checks, xlim=(0, 1))
    axes.invert_yaxis()
    axes.legend()
    return _svg(figure)


def _latencies(figure_class: Any, scored: Sequence[Scored]) -> str:
    figure = figure_class(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    for each in scored:
        axes.ecdf([row.seconds for row in each.rows.values()] or [0.0], label=each.variant.name)
    axes.set(xlabel="seconds", ylim=(0, 1))
    axes.legend()
    return _svg(figure)


def _labels(scored: Scored, check: str) -> Counter[tuple[str, str]] | None:
    """Return how often each expected value met each actual one; None where they are no labels, or too many."""
    pairs: Counter[tuple[str, str]] = Counter()
    for row in scored.rows.values():
        for each in row.checks:
            if each.name == check and each.holds is not None and each.problem is None:
                if not isinstance(each.actual, (str, bool)) or each.expected is None:
                    return None
                pairs[str(each.expected), str(each.actual)] += 1
    labels = {label for pair in pairs for label in pair}
    return pairs if 2 <= len(labels) <= MOST_LABELS else None


def _confusion(figure_class: Any, pairs: Counter[tuple[str, str]]) -> str:
    labels = sorted({label for pair in pairs for label in pair})
    counts = [[pairs[expected, actual] for actual in labels] for expected in labels]
    size = 2 + 0.45 * len(labels)
    figure = figure_class(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    most = max(map(max, counts))
    for row, line in enumerate(counts):
        for column, count in enumerate(line):
            if count:
                axes.text(
                    column, row, str(count), ha="center", va="center", color="white" if count > most / 2 else "black"
                )
    places = range(len(labels))
    axes.set(xticks=places, yticks=places, yticklabels=labels, xlabel="actual", ylabel="expected")
    axes.set_xticklabels(labels, rotation=45, ha="right")
    return _svg(figure)


def _svg(figure: Any) -> str:
    """Return a figure as an SVG element, the same for the same figure."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": "bamlvm", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", text.getvalue(), count=1, flags=re.DOTALL)
