"""``print`` and ``baml.log``: standard output, and the logger ``bamlvm.program`` with fields."""

from __future__ import annotations

import logging

import pytest

import bamlvm

SOURCE = """
class P { name string }
function main() -> null {
  print(P { name: "a" });
  baml.print([1, 2]);
  baml.log.debug("quiet");
  baml.log.warn("careful", { "count": 2, "who": P { name: "b" } });
  null
}
function shadowed() -> int { let print = (x: int) -> int { x + 1 }; print(1) }
"""


def test_print_writes_text_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE})
    runtime.functions.main()
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "[1, 2]" and "name" in printed
    assert runtime.functions.shadowed() == 2


def test_messages_go_to_the_programs_logger(caplog: pytest.LogCaptureFixture) -> None:
    runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE})
    with caplog.at_level(logging.INFO, "bamlvm.program"):
        runtime.functions.main()
    (record,) = [each for each in caplog.records if each.name == "bamlvm.program"]
    assert record.levelname == "WARNING" and record.getMessage().startswith("careful count=2 who=")
    assert record.__dict__["fields"] == {"count": 2, "who": {"name": "b"}}


def test_a_project_may_declare_its_own_print() -> None:
    source = "function print(x: int) -> int { x * 2 }\nfunction main() -> int { print(4) }"
    assert bamlvm.Runtime.from_files({"main.baml": source}).functions.main() == 8
