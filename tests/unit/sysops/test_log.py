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


def test_texts_go_to_the_standard_streams(capsys: pytest.CaptureFixture[str]) -> None:
    lines = 'baml.io.print("a"); baml.io.println("b"); baml.io.eprint("c"); baml.io.eprintln("d"); null'
    bamlvm.Runtime.from_files({"main.baml": f"function main() -> null {{ {lines} }}"}).functions.main()
    assert capsys.readouterr() == ("ab\n", "cd\n")


def test_a_message_may_be_any_value_and_log_alone_is_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="bamlvm.program"):
        source = 'function main() -> null { log.info([1]); log.warn(2, { "k": 3 }); log.debug("d"); log.error(null) }'
        bamlvm.Runtime.from_files({"main.baml": source}).functions.main()
    assert [each.message for each in caplog.records] == ["[1]", "2 k=3", "d", "null"]


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
