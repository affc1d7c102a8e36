"""An evaluation for CI servers, as JUnit XML: a suite a variant, a test case a row."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import msgspec

from bamlvm.tools.evaluation.scoring import Check, Scored, ScoredRow
from bamlvm.tools.xml_text import xml_text


def junit(scored: Sequence[Scored]) -> bytes:
    """Return the document."""
    root = ElementTree.Element("testsuites")
    for each in scored:
        rows = [*each.rows.values()]
        counts = {
            "tests": str(len(rows)),
            "failures": str(sum(row.error is None and not row.passed for row in rows)),
            "errors": str(sum(row.error is not None for row in rows)),
            "time": f"{sum(row.seconds for row in rows):.6f}",
        }
        suite = ElementTree.SubElement(root, "testsuite", {"name": xml_text(each.variant.name), **counts})
        for row in rows:
            about = {
                "classname": xml_text(each.variant.name),
                "name": f"row {row.number}",
                "time": f"{row.seconds:.6f}",
            }
            case = ElementTree.SubElement(suite, "testcase", about)
            problems = [xml_text(text) for text in problems_of(row)]
            if problems:
                kind = "failure" if row.error is None else "error"
                ElementTree.SubElement(case, kind, {"message": problems[0]}).text = "\n".join(problems)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def problems_of(row: ScoredRow) -> list[str]:
    """Return why a row has not passed; empty if it has."""
    if row.error is not None:
        return [row.error]
    return [_problem(check) for check in row.checks if not check.holds]


def _problem(check: Check) -> str:
    if check.problem is not None:
        return check.problem
    return f"{check.name}: expected {_json(check.expected)}, got {_json(check.actual)}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
