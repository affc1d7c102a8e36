"""The forms of diagnostics for other programs, to the character where a format says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

import bamlvm
from bamlvm.grammar.diagnostics import CODES, Diagnostic, Label, error, warning
from bamlvm.grammar.source import Span
from bamlvm.tools.reports import FORMATS, report

SOURCES = {"src/a b.baml": "let 😀x\ny = 1\n", "b,c:d.baml": "second"}
FOUND = [
    error(
        "E0011",
        "50% of\r\n`x`: twice, here",
        Span("src/a b.baml", 5, 6),
        (Label(Span("b,c:d.baml", 0, 6), "first here"),),
        "rename: one\nor both",
    ),
    warning("E0063", "never reached", Span("src/a b.baml", 4, 9)),
    error("E0009", "unexpected end", Span("b,c:d.baml", 6, 6)),
]


def as_json(found: list[Diagnostic], form: str = "json") -> Any:
    return json.loads(report(found, SOURCES, form))


def test_json() -> None:
    document = as_json(FOUND)
    assert {key: document[key] for key in ("version", "errors", "warnings")} == {
        "version": 1,
        "errors": 2,
        "warnings": 1,
    }
    assert document["diagnostics"][0] == {
        "code": "E0011",
        "title": "duplicate name",
        "severity": "error",
        "message": "50% of\r\n`x`: twice, here",
        "file": "src/a b.baml",
        "start": {"line": 1, "column": 6},
        "end": {"line": 1, "column": 7},
        "labels": [
            {
                "message": "first here",
                "file": "b,c:d.baml",
                "start": {"line": 1, "column": 1},
                "end": {"line": 1, "column": 7},
            }
        ],
        "hint": "rename: one\nor both",
    }
    assert document["diagnostics"][1]["end"] == {"line": 2, "column": 3}
    assert document["diagnostics"][1]["hint"] is None
    assert document["diagnostics"][2]["start"] == document["diagnostics"][2]["end"]
    assert as_json([]) == {"version": 1, "errors": 0, "warnings": 0, "diagnostics": []}


def test_github() -> None:
    assert report(FOUND, SOURCES, "github").splitlines() == [
        "::error file=src/a b.baml,line=1,col=6,endLine=1,endColumn=7,title=E0011"
        "::50%25 of%0D%0A`x`: twice, here%0Ahint: rename: one%0Aor both",
        "::warning file=src/a b.baml,line=1,endLine=2,title=E0063::never reached",
        "::error file=b%2Cc%3Ad.baml,line=1,col=7,endLine=1,endColumn=7,title=E0009::unexpected end",
    ]
    assert report([], SOURCES, "github") == ""


def check_region(location: dict[str, Any]) -> None:
    """A physicalLocation as section 3.29 to 3.30 want it."""
    uri = location["artifactLocation"]["uri"]
    assert uri and not set(uri) & set(' <>"{}|\\^`') and uri.isascii()  # RFC 3986
    region = location["region"]
    assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert all(isinstance(each, int) and each >= 1 for each in region.values())
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def test_sarif_has_what_its_schema_requires() -> None:
    document = as_json(FOUND, "sarif")
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    assert set(run) <= {"tool", "results", "columnKind"}
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"] == "bamlvm" and driver["version"] == bamlvm.__version__
    rules = driver["rules"]
    assert [rule["id"] for rule in rules] == list(CODES)
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["name"].isidentifier()
        assert f"docs/diagnostics.md#{rule['id'].lower()}" in rule["help"]["text"]
        assert rule["help"]["markdown"]
    for result, diagnostic in zip(run["results"], FOUND, strict=True):
        assert result["ruleId"] == diagnostic.code == rules[result["ruleIndex"]]["id"]
        assert result["level"] in ("error", "warning")
        assert diagnostic.message in result["message"]["text"]
        (location,) = result["locations"]
        check_region(location["physicalLocation"])
        related = result.get("relatedLocations", [])
        assert [each["message"]["text"] for each in related] == [label.message for label in diagnostic.labels]
        assert len({each["id"] for each in related}) == len(related)
        for each in related:
            check_region(each["physicalLocation"])
    assert run["results"][0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b.baml"},
        "region": {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 7},
    }


@pytest.mark.parametrize("form", FORMATS)
def test_a_place_whose_source_is_not_there(form: str) -> None:
    assert "gone.baml" in report([error("E0001", "m", Span("gone.baml", 5, 6))], {}, form)


def test_an_unknown_form() -> None:
    with pytest.raises(ValueError, match="unknown format 'xml'; the formats are json, github, sarif"):
        report([], {}, "xml")
