"""``bamlvm test`` end to end: test blocks run against a mock server on loopback, and what is reported of them."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer

pytestmark = pytest.mark.slow

PROGRAM = """
enum Mood { Happy  Sad @alias("blue") }
class Person { name string  age int?  tags string[]  mood Mood  scores map<string, int> }
client<llm> C { provider openai  options { model "m"  api_key "secret-of-the-test"  base_url env.MOCK_URL } }
function Greet(name: string) -> string { client C  prompt #"{{ _.role("user") }} Hello to {{ name }}"# }
function Feel(text: string) -> Mood { client C  prompt #"{{ _.role("user") }} {{ text }} {{ ctx.output_format }}"# }
function older(p: Person, years: int = 1) -> Person { Person { ...p, age: (p.age ?? 0) + years } }
function size(text: string) -> int { text.length() }
function fail(n: int) -> int { 10 / n }
function look(i: image | string) -> string { "seen" }

test Ada {
  functions [older]
  args {
    p {
      name "Ada"
      tags [first, "second tag", #"
        third
          tag
      "#]
      mood Happy
      scores { chess 3  "go game" 4 }
    }
  }
  @@assert(age, {{ this.age == 0 or this.age == 1 }})
  @@assert({{ _.result.tags[2] == "third\\n  tag" and this.scores["go game"] == 4 }})
  @@assert(mood, {{ this.mood == Mood.Happy }})
}
test Short {
  functions [size]
  args { text "four" }
  @@check(long, {{ this > 10 }})
  @@check(quick, {{ _.latency_ms < 60000 }})
  @@assert(told, {{ _.checks.quick and not _.checks.long }})
}
test Wrong { functions [size]  args { text "four" }  @@assert(five, {{ this == 5 }})  @@assert(two, {{ this > 2 }}) }
test Zero { functions [fail]  args { n 0 } }
test Odd { functions [size]  args { text "x" }  @@assert(odd, {{ dict(a=this).a.nothing }}) }
test Number { functions [size]  args { text "x" }  @@assert(number, {{ this + 1 }}) }
test Misfit { functions [size]  args { text [4] } }
"""
LLM = """
test Hi { functions [Greet]  args { name env.WHO }  @@assert(greets, {{ "Hello" in this and this|length < 20 }}) }
test Sunny { functions [Feel]  args { text "The sun is out" }  @@assert({{ this == "Happy" }}) }
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    folder = tmp_path / "baml_src"
    folder.mkdir()
    (folder / "program.baml").write_text(PROGRAM)
    return str(folder)


@pytest.fixture
def server(threaded_mock_server: ThreadedMockServer, monkeypatch: pytest.MonkeyPatch) -> ThreadedMockServer:
    monkeypatch.setenv("MOCK_URL", threaded_mock_server.url)
    monkeypatch.setenv("WHO", "you")
    threaded_mock_server.play(
        {
            "rules": [
                {"prompt": "Hello to you", "answers": [{"text": "Hello, you"}]},
                {"prompt": "sun", "answers": [{"text": "Happy"}]},
            ]
        }
    )
    return threaded_mock_server


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["test", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


class TestWhatRuns:
    @pytest.mark.parametrize(
        ("words", "names"),
        [
            ([], "older::Ada size::Short size::Wrong fail::Zero size::Odd size::Number size::Misfit"),
            (["-i", "size"], "size::Short size::Wrong size::Odd size::Number size::Misfit"),
            (["-i", "size::"], "size::Short size::Wrong size::Odd size::Number size::Misfit"),
            (["-i", "::Zero", "-i", "older::Ada"], "older::Ada fail::Zero"),
            (["-i", "s*::*o*"], "size::Short size::Wrong"),
            (["-x", "size", "--exclude", "::Z*"], "older::Ada"),
            (
                ["-i", "size", "-x", "::[S]hort", "-x", "::Wron?"],
                "size::Short size::Wrong size::Odd size::Number size::Misfit",
            ),
        ],
    )
    def test_patterns(self, program: str, capsys: pytest.CaptureFixture[str], words: list[str], names: str) -> None:
        assert run(capsys, program, "--list", *words) == (exit_codes.OK, "\n".join(names.split()) + "\n", "")

    def test_no_test_matches(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        message = f"bamlvm test: {program}: none of its 7 tests is selected (--list shows their names)\n"
        assert run(capsys, program, "-i", "nobody") == (exit_codes.NO_TESTS, "", message)

    def test_no_test_at_all(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "a.baml").write_text("function f() -> int { 1 }")
        code, _, err = run(capsys, str(tmp_path))
        assert (code, err) == (exit_codes.NO_TESTS, f"bamlvm test: {tmp_path}: there are no tests\n")

    @pytest.mark.parametrize("option", [["--parallel", "0"], ["--timeout", "-1"], ["--timeout", "nan"]])
    def test_usage(self, program: str, capsys: pytest.CaptureFixture[str], option: list[str]) -> None:
        code, out, err = run(capsys, program, *option)
        assert (code, out) == (exit_codes.USAGE, "") and f"\nbamlvm test: error: argument {option[0]}: expected" in err

    def test_a_program_with_an_error(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "a.baml").write_text("test T { functions [nobody]  args 3  @@alias(x) }")
        code, out, err = run(capsys, str(tmp_path))
        assert (code, out) == (exit_codes.COMPILE, "")
        assert all(code in err for code in ("E0088", "E0001", "E0016"))


class TestResults:
    def test_all_pass(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, program, "-i", "::Ada", "-i", "::Short")
        first, second, check, summary = out.splitlines()
        assert (code, err) == (exit_codes.OK, "")
        assert first.startswith("ok     older::Ada (") and second.startswith("ok     size::Short (")
        assert check == "  check: @@check(long, {{ this > 10 }}) does not hold"
        assert summary.startswith("2 passed, 1 check does not hold in ")

    def test_a_failed_assert(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, program, "-i", "::Wrong")
        head, *rest, summary = out.splitlines()
        assert code == exit_codes.FAILED and head.startswith("FAILED size::Wrong (")
        assert rest == ["  @@assert(five, {{ this == 5 }}) does not hold", "  result: 4"]
        assert summary.startswith("0 passed, 1 failed in ")

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("Zero", "uncaught baml.panics.DivisionByZero: integer `/` by zero"),
            ("Odd", "@@assert(odd, {{ dict(a=this).a.nothing }}) cannot be evaluated: an int has no 'nothing'"),
            ("Number", "@@assert(number, {{ this + 1 }}) cannot be evaluated: expected true or false, got 2"),
            ("Misfit", "args.text: expected string, got list"),
        ],
    )
    def test_an_error(self, program: str, capsys: pytest.CaptureFixture[str], name: str, problem: str) -> None:
        code, out, _ = run(capsys, program, "-i", f"::{name}")
        head, first, *_, summary = out.splitlines()
        assert code == exit_codes.FAILED and head.startswith("ERROR  ")
        assert problem in first
        assert summary.startswith("0 passed, 1 with errors in ")

    def test_json(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = run(capsys, program, "--json")
        *tests, summary = events(out)
        assert code == exit_codes.FAILED
        assert [each["status"] for each in tests] == ["passed", "passed", "failed", "error", "error", "error", "error"]
        assert tests[0]["value"]["scores"] == {"chess": 3, "go game": 4}
        assert tests[1]["constraints"][0] == {
            "level": "check",
            "name": "long",
            "expression": "this > 10",
            "holds": False,
            "problem": None,
        }
        assert (tests[0]["line"], tests[0]["file"]) == (12, f"{program}/program.baml")
        assert {key: summary[key] for key in ("passed", "failed", "errors", "not_run", "failed_checks")} == {
            "passed": 2,
            "failed": 1,
            "errors": 4,
            "not_run": 0,
            "failed_checks": 1,
        }

    def test_the_operands_of_a_failed_assert(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(program, "operands.baml").write_text(
            'test Operands { functions [older]  args { p { name "Ada"  age 36  tags ["t"]  mood Happy  scores {} } }\n'
            '  @@assert(far, {{ this.age > 40 and not (this.name|length == 3) or this["name"].upper() in ["x"] }})\n'
            "  @@assert(none, {{ this == 1 or (false and this.nothing) or this.tags is none }}) }"
        )
        code, out, _ = run(capsys, program, "-i", "::Operands")
        assert code == exit_codes.FAILED
        far = '@@assert(far, {{ this.age > 40 and not (this.name|length == 3) or this["name"].upper() in ["x"] }})'
        assert out.splitlines()[1:-2] == [
            f"  {far} does not hold",
            "    this.age is 37",
            "    this.name|length is 3",
            "    this['name'].upper() is \"ADA\"",
            "  @@assert(none, {{ this == 1 or (false and this.nothing) or this.tags is none }}) does not hold",
            '    this.tags is ["t"]',
        ]

    def test_verbose_shows_tokens(
        self, program: str, capsys: pytest.CaptureFixture[str], server: ThreadedMockServer
    ) -> None:
        Path(program, "feel.baml").write_text(
            'test Feel { functions [Feel]  args { text "well" } }\ntest Hi { functions [Greet]  args { name "you" } }'
        )
        usage = {"input_tokens": 21, "output_tokens": 4}
        server.play({"rules": [{"answers": [{"text": "Happy", "usage": usage}]}]})
        code, out, _ = run(capsys, program, "-v", "-i", "Feel", "-i", "Greet::Hi", "-i", "older::Ada")
        assert code == exit_codes.OK
        lines = sorted(re.sub(r"[\d.]+ m?s", "T", line) for line in out.splitlines())
        assert lines == [
            "3 passed in T, 2 attempts, 42+8 tokens",
            "ok     Feel::Feel (T, 1 attempt, 21+4 tokens)",
            "ok     Greet::Hi (T, 1 attempt, 21+4 tokens)",
            "ok     older::Ada (T)",
        ]

    def test_junit(self, program: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        Path(program, "more.baml").write_text(
            'function odd(s: string) -> string { throw "<&\\u{1}>" }\ntest Odd { functions odd  args { s "" } }'
        )
        file = tmp_path / "results.xml"
        assert run(capsys, program, "--junit", str(file))[0] == exit_codes.FAILED
        root = ElementTree.parse(file).getroot()
        (suite,) = root
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("8", "1", "5")
        by_name = {(each.get("classname"), each.get("name")): each for each in suite}
        failure = by_name["size", "Wrong"].find("failure")
        assert failure is not None and failure.get("message") == "@@assert(five, {{ this == 5 }}) does not hold"
        strange = by_name["odd", "Odd"].find("error")
        assert strange is not None and strange.get("message") == "uncaught string: <&\ufffd>"
        assert "check: @@check(long" in (by_name["size", "Short"].findtext("system-out") or "")

    def test_media(self, tmp_path: Path, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(program, "dot.png").write_bytes(b"dot")
        Path(program, "media.baml").write_text(
            "function kept(i: image, more: map<string, image[]>?) -> image { i }\n"
            'test File { functions kept  args { i { file "dot.png" }  more { a [{ url "http://x/a" }] } } }\n'
            'test Url { functions kept  args { i { url "http://x/a"  media_type "image/gif" } } }\n'
            'test Base { functions kept  args { i { base64 "ZG90"  media_type image/png } } }\n'
            'test Absent { functions kept  args { i { file "no.png" } } }\n'
            'test Two { functions kept  args { i { file "dot.png"  url "http://x" } } }\n'
        )
        code, out, _ = run(capsys, program, "--json", "-i", "kept")
        file, url, based, absent, two, _ = events(out)
        assert code == exit_codes.FAILED
        assert (
            file["value"] == based["value"] == {"base64": base64.b64encode(b"dot").decode(), "media_type": "image/png"}
        )
        assert url["value"] == {"url": "http://x/a", "media_type": "image/gif"}
        assert absent["problems"] == [f"i: {program}/no.png: No such file or directory"]
        assert two["problems"][0].startswith("i: expected image as one of `file")

    def test_a_file_as_text(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(program, "long.txt").write_text("a long text")
        Path(program, "files.baml").write_text(
            'test File { functions size  args { text { file "long.txt" } }  @@assert({{ this == 11 }}) }\n'
            'test Absent { functions size  args { text { file "no.txt" } } }'
        )
        code, out, _ = run(capsys, program, "--json", "-i", "size::File", "-i", "size::Absent")
        file, absent, _ = events(out)
        assert (code, file["status"]) == (exit_codes.FAILED, "passed")
        assert absent["problems"] == [f"text: {program}/no.txt: No such file or directory"]

    def test_a_timeout(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(program, "spin.baml").write_text(
            "function spin() -> int { while (true) { } 0 }\ntest Long { functions spin  args { } }"
        )
        code, out, _ = run(capsys, program, "-i", "spin", "-i", "::Ada", "--timeout", "1")
        assert code == exit_codes.FAILED
        assert "  the call took longer than its timeout of 1 s\n" in out and "1 passed, 1 with errors" in out


class TestLlm:
    def test_against_a_server_then_its_recording(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        Path(program, "llm.baml").write_text(LLM)
        chosen = (program, "-i", "Greet", "-i", "Feel", "--json")
        tape = str(tmp_path / "tape.jsonl")
        code, out, _ = run(capsys, *chosen, "--record", tape, "--parallel", "2")
        assert code == exit_codes.OK, out
        assert [each.get("value") for each in events(out)[:2]] == ["Hello, you", "Happy"]
        assert len(server.requests) == 2
        code, out, _ = run(capsys, *chosen, "--replay", tape)
        assert code == exit_codes.OK and events(out)[-1]["passed"] == 2
        assert len(server.requests) == 2

    def test_a_provider_that_refuses(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path(program, "llm.baml").write_text(LLM)
        server.play({"rules": [{"answers": [{"faults": [{"kind": "status", "code": 401}]}]}]})
        code, out, _ = run(capsys, program, "-i", "Greet")
        assert code == exit_codes.FAILED
        assert "ERROR  Greet::Hi" in out and "HttpStatus" in out and "secret-of-the-test" not in out

    def test_an_unset_variable(
        self,
        program: str,
        server: ThreadedMockServer,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Path(program, "llm.baml").write_text(LLM)
        monkeypatch.delenv("WHO")
        code, out, _ = run(capsys, program, "-i", "Greet")
        assert code == exit_codes.FAILED and "  name: the environment variable WHO is not set\n" in out
        assert server.requests == []

    def test_ctrl_c(self, program: str, server: ThreadedMockServer) -> None:
        Path(program, "y.baml").write_text(LLM)
        server.play({"rules": [{"answers": [{"text": "Hello", "faults": [{"kind": "stall", "at": 0}]}]}]})
        command = [sys.executable, "-m", "bamlvm", "test", program, "-i", "::Ada", "-i", "Greet"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("ok     older::Ada")
            server.until(lambda each: len(each.requests) == 1)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (exit_codes.INTERRUPTED, "bamlvm test: interrupted\n")
        assert out.startswith("1 passed, 1 not run in ")
        server.until(lambda each: each.open_connections == 0)
