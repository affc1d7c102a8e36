"""``bamlvm eval`` end to end: two clients over a data set, and what is reported of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer

pytestmark = pytest.mark.slow

PROGRAM = """
enum Label { Billing Bug Praise }
client<llm> Fast { provider openai  options { model "fast"  api_key "k"  base_url "URL/v1" } }
client<llm> Smart { provider openai  options { model "smart"  api_key "k"  base_url "URL/v1" } }
function Classify(text: string) -> Label { client Fast  prompt #"{{ text }}"# }
class Inner { value int?  more map<string, int> }
class Outer { inner Inner  label string }
function Nested(n: int) -> Outer | string { Outer { inner: Inner { value: n, more: { "a": n } }, label: "x" } }
function Broken(n: int) -> int { 1 / n }
function Double(n: int, by: int) -> int { n * by }
test Small { functions [Double]  args { n 1  by 2 }  @@assert(small, {{ this < 10 }}) }
"""
ROWS = [("<b>money</b> back", "Billing"), ("it crashes", "Bug"), ("thank you", "Praise"), ("it is broken", "Bug")]


@pytest.fixture
def server(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ThreadedMockServer:
    rules = [{"model": "smart", "prompt": text, "answers": [{"text": label}]} for text, label in ROWS]
    rules += [{"model": "fast", "answers": [{"text": "Bug"}]}]
    threaded_mock_server.play({"rules": rules})
    (tmp_path / "baml_src").mkdir()
    (tmp_path / "baml_src" / "main.baml").write_text(PROGRAM.replace("URL", threaded_mock_server.url))
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    monkeypatch.chdir(tmp_path)
    return threaded_mock_server


def test_two_clients_side_by_side(server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "Classify", "data.csv", "--expect", "label", "--client", "Fast", "--client", "Smart"]
    assert main([*words, "-o", "kept"]) == exit_codes.OK
    out = capsys.readouterr().out
    assert re.search(r"^ +Classify with Fast +Classify with Smart$", out, re.MULTILINE)
    assert re.search(r"^passed +50\.0 % +100\.0 %$", out, re.MULTILINE)
    assert "Classify with Smart against Classify with Fast: better in 2, worse in 0 of 4 rows, p = 0.5" in out
    assert len(server.requests) == 8
    assert main([*words, "-o", "kept", "--normalize", "--min-pass", "60"]) == exit_codes.FAILED
    assert len(server.requests) == 8  # scored again, not asked again
    assert len(Path("kept/Classify-with-Fast.jsonl").read_text().splitlines()) == 4


def test_the_reports(server: ThreadedMockServer) -> None:
    words = ["eval", "Classify", "data.csv", "--expect", "label", "--client", "Fast", "--client", "Smart"]
    assert main([*words, "--html", "report.html", "--junit", "report.xml"]) == exit_codes.OK
    page = Path("report.html").read_text()
    assert page.count("<svg") == 4  # pass rates, latencies, and the labels of each variant
    assert "&lt;b&gt;money" in page
    assert "<b>money" not in page
    assert not re.search(r"""(src|href)=["']?https?:""", page)
    suites = ElementTree.parse("report.xml").getroot()
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [
        ("Classify with Fast", "2"),
        ("Classify with Smart", "0"),
    ]
    failures = [case.find("failure") for case in suites[0]]
    assert failures[0] is not None
    assert failures[0].get("message") == 'result: expected "Billing", got "Bug"'


def test_the_asserts_of_a_test_over_rows(server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]) -> None:
    Path("numbers.jsonl").write_text("".join(json.dumps({"n": n, "double": n * 2}) + "\n" for n in range(10)))
    words = ["eval", "Double::Small", "numbers.jsonl", "--expect", "double"]
    assert main(words) == exit_codes.OK  # `by` is the test's
    out = capsys.readouterr().out
    assert re.search(r"^passed +50\.0 %$", out, re.MULTILINE)
    assert re.search(r"^  small +50\.0 %$", out, re.MULTILINE)
    assert re.search(r"^  result +100\.0 %$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["eval", "Classify", "data.csv"], "nothing is expected"),
        (["eval", "Classify", "-", "--expect", "label", "--client", "A", "--client", "B"], "can be read once"),
        (["eval", "Classify", "data.csv", "--expect", "label", "--html", "no/where.html"], "No such file or directory"),
    ],
)
def test_what_cannot_be_done(
    server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(words) in (exit_codes.HOST, exit_codes.USAGE)
    assert message in capsys.readouterr().err


def test_rows_are_scored_as_the_data_have_them_now(
    server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "Classify", "data.csv", "--expect", "label", "-o", "kept"]
    assert main(words) == exit_codes.OK
    # Another label for the first row, other texts in the second and third, the last one gone.
    Path("data.csv").write_text("text,label\n<b>money</b> back,Bug\nit broke,Bug\nit stops,Bug\n")
    capsys.readouterr()
    assert main(words) == exit_codes.OK
    out = capsys.readouterr().out
    assert len(server.requests) == 6  # the first row was not asked again
    assert re.search(r"^rows +3$", out, re.MULTILINE)
    assert re.search(r"^passed +100\.0 %$", out, re.MULTILINE)
    assert main([*words, "--limit", "1"]) == exit_codes.OK
    assert re.search(r"^rows +1$", capsys.readouterr().out, re.MULTILINE)


def test_a_column_that_is_not_there_costs_nothing(
    server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "Classify", "data.csv", "--expect", "labl"]) == exit_codes.HOST
    error = capsys.readouterr().err
    assert "data.csv:2: no column 'labl' for --expect" in error and "label" in error
    assert not server.requests


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("lable", "--expect lable=…: the result of Nested has no field 'lable' (did you mean `label`?)"),
        ("inner.valu", "the result of Nested has no field 'valu' (did you mean `value`?)"),
        ("inner.value.x", "the result of Nested has no field 'x'"),
        ("inner.value", None),
        ("inner.more.anything", None),
    ],
)
def test_a_field_that_no_result_has_costs_nothing(
    server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], field: str, message: str | None
) -> None:
    Path("numbers.jsonl").write_text('{"n": 1}\n')
    code = main(["eval", "Nested", "numbers.jsonl", "--expect", f"{field}=n"])
    assert code == (exit_codes.OK if message is None else exit_codes.HOST)
    assert message is None or message in capsys.readouterr().err


def test_an_error_is_shown_with_its_message(server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]) -> None:
    Path("numbers.jsonl").write_text('{"n": 0}\n{"n": 1}\n')
    assert main(["eval", "Broken", "numbers.jsonl", "--expect", "n"]) == exit_codes.OK
    assert re.search(r"^bamlvm\.\w+: .*zero|^baml\.\S+: .*zero", capsys.readouterr().out, re.MULTILINE)
