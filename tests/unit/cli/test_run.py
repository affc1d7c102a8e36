"""``bamlvm run`` end to end: a mock server on loopback, and what comes out where, with which exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer
from tests.support.partials import grows

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[3] / "examples"
PROGRAM = """
class Point { x int  y int }
enum Color { Red Green }
client<llm> C { provider openai  options { model "m"  api_key "secret-of-the-test"  base_url env.MOCK_URL } }
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> R { provider openai  retry_policy Once  options { model "m"  api_key "k"  base_url env.MOCK_URL } }
function Greet(name: string) -> string { client C  prompt #"{{ _.role("user") }} Hello to {{ name }}"# }
function Retried(name: string) -> string { client R  prompt #"{{ _.role("user") }} Hello to {{ name }}"# }
function Number() -> int { client C  prompt #"{{ _.role("user") }} A number"# }
function text() -> string { "two\\nlines" }
function nothing() -> null { null }
function point(x: int, y: int = 2) -> Point { Point { x: x, y: y } }
function color(c: Color) -> Color { c }
function echo(s: string) -> string { s }
function fail(n: int) -> int {
    if (n == 0) { throw Point { x: 1, y: 2 } }
    fail(n - 1)
}
function spin() -> int { baml.stream.emit_partial("off it goes"); while (true) { } 0 }
function main() -> string { Greet("main") }
"""
CUT_SHORT = [{"kind": "no_finish"}, {"kind": "truncate", "at": -30}]
"""The connection ends in the middle of an event, and no finish reason came before it."""


@pytest.fixture
def program(tmp_path: Path) -> str:
    file = tmp_path / "program.baml"
    file.write_text(PROGRAM)
    return str(file)


@pytest.fixture
def server(threaded_mock_server: ThreadedMockServer, monkeypatch: pytest.MonkeyPatch) -> ThreadedMockServer:
    monkeypatch.setenv("MOCK_URL", threaded_mock_server.url)
    monkeypatch.setenv("BAMLVM_DEMO_URL", threaded_mock_server.url)
    threaded_mock_server.play(greeting())
    return threaded_mock_server


def greeting(*before: Any, **more: Any) -> dict[str, Any]:
    """A script that greets in three pieces, after the answers given."""
    return {"rules": [{"answers": [*before, {"pieces": ["Hel", "lo, ", "you"], "delay_ms": 20, **more}]}]}


def partial(attempt: int, value: Any) -> dict[str, Any]:
    """A partial value as a line of JSON shows it."""
    return {"event": "partial", "attempt": attempt, "value": value}


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["run", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


class TestResults:
    @pytest.mark.parametrize(
        ("words", "out"),
        [
            (["text"], "two\nlines\n"),
            (["text", "--json"], '"two\\nlines"\n'),
            (["nothing"], ""),
            (["nothing", "--json"], "null\n"),
            (["point", "-a", "x=1"], '{\n  "x": 1,\n  "y": 2\n}\n'),
            (["point", "--args", '{"x": 3}', "-a", "y=4", "--json"], '{"x":3,"y":4}\n'),
            (["color", "-a", "c=Green"], "Green\n"),
            (["echo", "-a", "s=12"], "12\n"),
            (["echo", "-a", "s=ä=🙂"], "ä=🙂\n"),
            (["text", "--stream"], "two\nlines\n"),
        ],
    )
    def test_go_to_stdout_and_nothing_else_does(
        self, program: str, capsys: pytest.CaptureFixture[str], words: list[str], out: str
    ) -> None:
        assert run(capsys, program, *words) == (exit_codes.OK, out, "")

    def test_a_folder_is_a_program(self, program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "more.baml").write_text("function more() -> string { text() }")
        assert run(capsys, str(tmp_path), "more") == (exit_codes.OK, "two\nlines\n", "")


def test_a_call_loads_httpx_without_its_command_line(program: str, server: ThreadedMockServer) -> None:
    code = f"""
import sys
from bamlvm.cli.main import main
assert main(["run", {program!r}, "Greet", "-a", "name=Bo"]) == 0
assert "httpx._client" in sys.modules
assert "click" not in sys.modules and "rich" not in sys.modules
import click, rich, pygments  # all are there
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_the_function_alone_is_run_in_the_nearest_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "baml_src").mkdir()
    (tmp_path / "baml_src" / "a.baml").write_text(
        'function main() -> string { "m" } function other() -> string { "o" }'
    )
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert run(capsys) == (exit_codes.OK, "m\n", "")
    assert run(capsys, "other") == (exit_codes.OK, "o\n", "")
    assert run(capsys, "../baml_src") == (exit_codes.OK, "m\n", "")
    assert run(capsys, "../baml_src/a.baml", "other") == (exit_codes.OK, "o\n", "")


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["txet"], "bamlvm run: the program has no function 'txet' (did you mean `text`?)\n"),
            (
                ["point"],
                "bamlvm run: point: the argument 'x' (int) is missing\nexpected: point(x: int, y: int = …) -> Point\n",
            ),
            (["point", "-a", "x=one"], "bamlvm run: args.x: expected int, got str 'one'\nexpected: point("),
            (["point", "-a", "z=1"], "bamlvm run: -a z: there is no such parameter (there are `x`, `y`)\n"),
        ],
    )
    def test_of_usage(self, program: str, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
        code, out, err = run(capsys, program, *words)
        assert (code, out) == (exit_codes.USAGE, "")
        assert err.startswith(message)

    @pytest.mark.parametrize("value", ["-1", "nan", "soon"])
    def test_of_a_timeout(self, program: str, capsys: pytest.CaptureFixture[str], value: str) -> None:
        code, out, err = run(capsys, program, "text", "--timeout", value)
        assert (code, out) == (exit_codes.USAGE, "")
        assert err.endswith(f"bamlvm run: error: argument --timeout: expected seconds from 0 up, got {value}\n")

    def test_no_program(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        code, out, err = run(capsys)
        assert (code, out) == (exit_codes.HOST, "")
        assert err.startswith("bamlvm run: no program found: there is no folder `baml_src` here or above;")

    def test_a_missing_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        missing = tmp_path / "nowhere.baml"
        assert run(capsys, str(missing)) == (exit_codes.HOST, "", f"bamlvm run: {missing}: no such file or folder\n")

    def test_a_program_that_does_not_compile(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "wrong.baml"
        file.write_text("function main() -> int {\n    nope\n}\n")
        for command in ("run", "check"):
            code = main([command, str(file)])
            captured = capsys.readouterr()
            assert (code, captured.out) == (exit_codes.COMPILE, "")
            assert "E0003" in captured.err and f"{file}:2:5" in captured.err and "nope" in captured.err

    def test_check_names_the_sound_programs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        program = str(tmp_path / "sound.baml")
        Path(program).write_text("function main() -> int { 1 }")
        assert main(["check", program]) == exit_codes.OK
        assert capsys.readouterr().out == f"{program}: ok\n"
        assert main(["check", str(tmp_path / "nowhere"), program]) == exit_codes.HOST
        assert capsys.readouterr().out == f"{program}: ok\n"

    def test_dump_prints_a_stage_or_says_why_not(
        self, program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        texts = []
        for stage in ("tokens", "ast", "hir", "tir", "mir", "bytecode"):
            assert main(["dump", "--stage", stage, program]) == exit_codes.OK
            texts.append(capsys.readouterr().out)
        assert len(set(texts)) == len(texts) and all(text.endswith("\n") for text in texts)
        assert main(["dump", "--stage", "mir", "-O0", program]) == exit_codes.OK
        assert capsys.readouterr().out != texts[4]
        wrong = tmp_path / "wrong.baml"
        wrong.write_text("function main() -> int { nope }")
        assert main(["dump", "--stage", "bytecode", str(wrong)]) == exit_codes.COMPILE
        assert "E0003" in capsys.readouterr().err

    def test_an_uncaught_error_shows_its_value_and_trace(
        self, program: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = run(capsys, program, "fail", "-a", "n=1")
        assert (code, out) == (exit_codes.THREW, "")
        head, x, y, first, second = err.splitlines()
        line = PROGRAM.splitlines().index("    if (n == 0) { throw Point { x: 1, y: 2 } }") + 1
        assert (head, x, y) == ("uncaught Point", "  x: 1", "  y: 2")
        assert first.startswith(f"  at fail ({program}:{line}:")
        assert second.startswith(f"  at fail ({program}:{line + 1}:")

    def test_a_long_trace_is_folded(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        _, _, err = run(capsys, program, "fail", "-a", "n=200")
        frames = err.splitlines()[3:]
        assert len(frames) == 2
        assert frames[1].endswith(", 200 times")

    def test_a_deadline(self, program: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, program, "spin", "--timeout", "0.05")
        assert (code, out) == (exit_codes.TIMEOUT, "")
        assert err == "bamlvm run: the call took longer than its timeout of 0.05 s\n"


class TestStreaming:
    def test_partials_are_lines_on_stderr(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = run(capsys, program, "Greet", "-a", "name=you", "--stream")
        assert (code, out) == (exit_codes.OK, "Hello, you\n")
        first, *partials, last = err.splitlines()
        assert (first, last) == ("attempt 1: C (openai) started", "attempt 1: C (openai) succeeded")
        assert grows(partials, ['partial 1: "Hel"', 'partial 1: "Hello, "', 'partial 1: "Hello, you"'])
        assert server.requests[0].body["stream"] is True

    def test_json_lines(self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.play(greeting({"faults": [{"kind": "status", "code": 503}]}))
        code, out, err = run(capsys, program, "Retried", "-a", "name=you", "--stream", "--json")
        assert (code, out) == (exit_codes.OK, '"Hello, you"\n')
        events = [json.loads(line) for line in err.splitlines()]
        kinds = [(event["event"], event["attempt"]) for event in events if event["event"] != "partial"]
        assert kinds == [("started", 1), ("failed", 1), ("started", 2), ("succeeded", 2)]
        assert grows(events[3:-1], [partial(2, text) for text in ("Hel", "Hello, ", "Hello, you")])
        assert "503" in events[1]["error"]

    @pytest.mark.parametrize("words", [["--no-stream"], []])
    def test_no_partials_where_nobody_looks(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], words: list[str]
    ) -> None:
        assert run(capsys, program, "Greet", "-a", "name=you", *words) == (exit_codes.OK, "Hello, you\n", "")
        assert not server.requests[0].body.get("stream")

    def test_all_attempts_failed(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cut = {"pieces": ["Hel", "lo"], "faults": CUT_SHORT}
        refused = {"faults": [{"kind": "status", "code": 401, "message": "who are you"}]}
        server.play({"rules": [{"answers": [cut, refused]}]})
        code, out, err = run(capsys, program, "Retried", "-a", "name=you", "--stream")
        assert (code, out) == (exit_codes.THREW, "")
        head, first, second, trace = err[err.index("uncaught") :].splitlines()
        assert head == "uncaught baml.errors.AllAttemptsFailed: Retried failed"
        assert first.startswith('  R (openai), attempt 1, after "Hel')
        assert second.startswith("  R (openai), attempt 2: HttpStatus: ") and "who are you" in second
        assert trace.startswith("  at baml.llm.stream_llm_function (")

    def test_a_long_answer_is_shown_once_and_shortened(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        server.play({"rules": [{"answers": [{"text": "I cannot count. " * 100, "faults": CUT_SHORT}]}]})
        _, _, err = run(capsys, program, "Retried", "-a", "name=you", "--stream")
        first, second = err[err.index("uncaught") :].splitlines()[1:3]
        assert re.match(r'  R \(openai\), attempt 1, after "I cannot count\. I .* … \d+ characters … .*": ', first)
        assert len(first) < 300
        assert second.startswith("  R (openai), attempt 2, after the same text: StreamTruncated: ")
        server.play({"rules": [{"answers": [{"text": "I cannot count. " * 100}]}]})
        _, _, err = run(capsys, program, "Number")
        attempt = err.splitlines()[1]
        assert attempt.startswith("  C (openai), attempt 1: ParseFailed: expected an int, got 'I cannot count.")
        assert len(attempt) < 300

    def test_verbose_prints_attempts_time_and_tokens(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        usage = {"input_tokens": 21, "output_tokens": 4}
        server.play(greeting({"faults": [{"kind": "status", "code": 503}]}, usage=usage))
        code, out, err = run(capsys, program, "Retried", "-a", "name=you", "-v")
        assert (code, out) == (exit_codes.OK, "Hello, you\n")
        first, second, total = (re.sub(r"[\d.]+ m?s", "T", line) for line in err.splitlines())
        assert first.startswith("attempt 1: R (openai m), T, 0+0 tokens failed: HttpStatus: ")
        assert second == "attempt 2: R (openai m), T, 21+4 tokens"
        assert total == "Retried: T, 2 attempts, 21+4 tokens"
        assert run(capsys, program, "text", "--verbose")[2].startswith("text: ")

    def test_no_key_in_an_error(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        server.play({"faults": [{"kind": "status", "code": 401, "message": "bad key: secret-of-the-test"}]})
        code, out, err = run(capsys, program)
        assert (code, out) == (exit_codes.THREW, "")
        assert "bad key" in err and "secret-of-the-test" not in err
        assert re.search(r"^  at main \(.*program\.baml:\d+:\d+\)$", err, re.MULTILINE)


class TestTapes:
    def test_record_then_replay_without_a_server(
        self, program: str, server: ThreadedMockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tape = str(tmp_path / "calls.jsonl")
        server.play(greeting({"pieces": ["Hel"], "faults": [{"kind": "no_finish"}, {"kind": "no_done"}]}))
        words = [program, "Retried", "-a", "name=you", "--stream"]
        recorded = run(capsys, *words, "--record", tape)
        assert recorded[:2] == (exit_codes.OK, "Hello, you\n")
        server.play({"faults": [{"kind": "reset"}]})
        for pace in ("fast", "recorded"):
            code, out, err = run(capsys, *words, "--replay", tape, "--replay-pace", pace)
            assert (code, out) == recorded[:2]
            # Chunks may come together that came apart: then a partial value is left out, never another one put in.
            seen, expected = err.splitlines(), recorded[2].splitlines()
            assert [line for line in expected if line in seen or not line.startswith("partial")] == seen
            assert 'partial 2: "Hello, you"' in seen
        assert len(server.requests) == 2

    def test_what_was_not_recorded(
        self, program: str, server: ThreadedMockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        tape = str(tmp_path / "calls.jsonl")
        assert run(capsys, program, "Greet", "-a", "name=you", "--record", tape)[0] == exit_codes.OK
        code, out, err = run(capsys, program, "Greet", "-a", "name=me", "--replay", tape)
        assert (code, out) == (exit_codes.HOST, "")
        assert err.startswith(
            f"bamlvm run: the recording {tape} has no response to POST {server.url}/chat/completions;"
        )
        assert 'recorded "Hello to you", sent "Hello to me"' in err

    def test_a_tape_that_cannot_be_read_or_written(
        self, program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        missing = str(tmp_path / "nowhere" / "calls.jsonl")
        for option, verb in (("--replay", "read"), ("--record", "write")):
            code, out, err = run(capsys, program, "text", option, missing)
            assert (code, out) == (exit_codes.HOST, "")
            assert err == f"bamlvm run: cannot {verb} the recording {missing}: No such file or directory\n"


class TestLog:
    def test_messages_go_to_stderr(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "log.baml"
        file.write_text(
            'function main() -> int { print("shown"); baml.log.debug("all"); baml.log.info("at", {"n": 1}); '
            'baml.log.error("bad"); 1 }'
        )
        assert run(capsys, str(file)) == (exit_codes.OK, "shown\n1\n", "[INFO] at n=1\n[ERROR] bad\n")
        code, out, err = run(capsys, str(file), "-v")
        assert (code, out) == (exit_codes.OK, "shown\n1\n")
        assert err.splitlines()[:3] == ["[DEBUG] all", "[INFO] at n=1", "[ERROR] bad"]


class TestTrace:
    def test_of_calls_and_exchanges(
        self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("BAMLVM_TRACE", "calls,http")
        code, out, err = run(capsys, program, "Greet", "-a", "name=you")
        assert (code, out) == (exit_codes.OK, "Hello, you\n")
        categories = [re.match(r"\[(calls|http) \d+\.\d+\] ", line) for line in err.splitlines()]
        assert {each[1] for each in categories if each} == {"calls", "http"} and all(categories)
        assert "attempt 1 starts: C (openai)" in err and f"POST {server.url}/chat/completions" in err
        assert "secret-of-the-test" not in err

    def test_of_steps(self, program: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
        monkeypatch.setenv("BAMLVM_TRACE", "steps")
        code, out, err = run(capsys, program, "point", "-a", "x=1", "--json")
        assert (code, out) == (exit_codes.OK, '{"x":1,"y":2}\n')
        assert "[steps " in err

    def test_profile(self, program: str, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, err = run(capsys, program, "Greet", "-a", "name=you", "--profile")
        assert (code, out) == (exit_codes.OK, "Hello, you\n")
        functions, lines = err.split("\n\n")
        assert functions.split()[:7] == ["calls", "own", "ms", "share", "total", "ms", "function"]
        assert "baml.llm.call_llm_function" in functions and "llm.baml:" in lines
        code, out, err = run(capsys, program, "fail", "-a", "n=50", "--profile")
        assert (code, out) == (exit_codes.THREW, "")
        line = PROGRAM.splitlines().index("    fail(n - 1)") + 1
        assert re.search(r"^ *51 .* fail$", err, re.MULTILINE) and f"program.baml:{line}" in err
        assert "uncaught Point" in err

    def test_of_nothing_known(self, program: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
        monkeypatch.setenv("BAMLVM_TRACE", "stps")
        code, out, err = run(capsys, program, "text")
        assert (code, out) == (exit_codes.HOST, "")
        assert err.startswith("bamlvm run: BAMLVM_TRACE names an unknown category 'stps': the categories are calls,")


class TestProcess:
    """What needs a process of its own: signals, terminals, pipes that close."""

    def command(self, program: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "bamlvm", "run", program, *words]

    def test_ctrl_c_ends_a_stream(self, program: str, server: ThreadedMockServer) -> None:
        server.play(greeting(faults=[{"kind": "stall", "at": -40}]))
        command = self.command(program, "Greet", "-a", "name=you", "--stream")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            while '"Hello, you"' not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
        assert (process.returncode, out, err) == (exit_codes.INTERRUPTED, "", "bamlvm run: interrupted\n")
        server.until(lambda each: each.open_connections == 0)
        assert server.requests[0].outcome == "client left"

    def test_ctrl_c_ends_a_computation(self, program: str) -> None:
        command = self.command(program, "spin", "--stream")
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == 'partial: "off it goes"\n'
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
        assert (process.returncode, out, err) == (exit_codes.INTERRUPTED, "", "bamlvm run: interrupted\n")

    def test_a_terminal_shows_the_text_grow_once(self, program: str, server: ThreadedMockServer) -> None:
        server.play(greeting({"pieces": ["Hi t"], "faults": CUT_SHORT}))
        code, shown = on_terminal(self.command(program, "Retried", "-a", "name=you"))
        assert code == exit_codes.OK
        attempt, rest = shown.split("attempt 1: R (openai) failed: ")
        assert attempt.startswith("Hi t") and attempt.endswith("\r\x1b[J")
        assert rest.split("\r\n", 1)[1] == "Hello, you\r\n"

    def test_a_reader_of_stdout_that_goes_away(self, program: str) -> None:
        long = self.command(program, "echo", "-a", "s=" + "x" * 100_000)
        with subprocess.Popen(long, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == ""
        assert process.returncode == exit_codes.BROKEN_PIPE

    def test_stdout_that_cannot_be_written(self, program: str) -> None:
        for redirection, message in ((">&-", "stdout is closed"), (">/dev/full", "No space left on device")):
            command = f'exec "$@" {redirection}'
            shell = ["sh", "-c", command, "sh", *self.command(program, "text")]
            done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, check=False)
            assert done.returncode == exit_codes.HOST
            assert message in done.stderr and "Traceback" not in done.stderr


def test_the_demo_runs() -> None:
    environment = {**os.environ, "BAMLVM": f"{sys.executable} -m bamlvm"}
    done = subprocess.run(
        ["sh", str(EXAMPLES / "demo.sh")], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Hello, Ada!" in done.stdout
    assert '"delivery": "Pickup"' in done.stdout
    assert "The capital of France is Paris.\n" in done.stdout
    assert "tick tock tick tock\n" in done.stdout
    assert "attempt 2: Broken (openai) failed: HttpStatus: " in done.stderr
    assert 'partial 3: "The capital of France is Paris."' in done.stderr


def on_terminal(command: list[str]) -> tuple[int, str]:
    """Run a command on a terminal of its own; its exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    written = b""
    try:
        while True:
            select.select([ours], [], [], 30)
            try:
                data = os.read(ours, 4096)
            except OSError:  # how Linux says that the other side has closed
                break
            if not data:
                break
            written += data
    finally:
        os.close(ours)
        code = process.wait(120)
    return code, written.decode()
