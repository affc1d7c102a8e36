"""``bamlvm batch`` end to end: a mock server, data in files, and a command that is killed at any moment."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer

pytestmark = pytest.mark.slow

KILLS = 20
PROGRAM = """
class Feeling { mood string  score int }
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "URL/v1" } }
client<llm> D { provider openai  options { model "d"  api_key "k"  base_url "URL/v1" } }
function Feel(text: string) -> Feeling { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
function length(text: string) -> int { text.length() }
function inverse(n: int) -> int { 10 / n }
class Numbers { value float  more float?[] }
function divided(n: float, by: float) -> Numbers { Numbers { value: n / by, more: [n / by, null, 1.5] } }
function size(picture: image) -> string { "seen" }
"""
ANSWER = '{"mood": "good", "score": 1}'


@pytest.fixture
def server(threaded_mock_server: ThreadedMockServer) -> ThreadedMockServer:
    threaded_mock_server.play({"rules": [{"answers": [{"text": ANSWER}]}]})
    return threaded_mock_server


@pytest.fixture
def folder(tmp_path: Path, server: ThreadedMockServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "baml_src").mkdir()
    (tmp_path / "baml_src" / "main.baml").write_text(PROGRAM.replace("URL", server.url))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data(folder: Path, rows: list[Any], name: str = "data.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def texts(count: int) -> list[dict[str, str]]:
    return [{"text": f"row {number}"} for number in range(count)]


def asked(server: ThreadedMockServer) -> Counter[str]:
    """How often each row was asked."""
    return Counter(" ".join(each.body["messages"][-1]["content"].split()[:2]) for each in server.requests)


def test_each_row_has_its_result_in_the_order_of_the_data(
    folder: Path, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data(folder, texts(30))
    assert main(["batch", "Feel", path, "-o", "out.jsonl", "--concurrency", "7"]) == exit_codes.OK
    results = lines("out.jsonl")
    assert [line["row"] for line in results] == list(range(30))
    assert all(line["result"] == {"mood": "good", "score": 1} and line["attempts"] == 1 for line in results)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("30 rows done in ")
    assert "30 attempts" in err


def test_the_same_command_asks_nothing_again(
    folder: Path, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data(folder, texts(5))
    arguments = ["batch", "Feel", path, "-o", "out.jsonl"]
    assert main([*arguments, "--limit", "3"]) == exit_codes.OK
    assert main(arguments) == exit_codes.OK
    before = Path("out.jsonl").read_bytes()
    assert main(arguments) == exit_codes.OK
    assert Path("out.jsonl").read_bytes() == before
    assert len(server.requests) == 5
    assert "0 rows done, 5 there already" in capsys.readouterr().err


def test_rows_are_known_by_their_input_wherever_they_are(folder: Path, server: ThreadedMockServer) -> None:
    main(["batch", "length", data(folder, [{"text": t} for t in ("a", "bb", "a", "ccc")]), "-o", "out.jsonl"])
    assert [line["result"] for line in lines("out.jsonl")] == [1, 2, 1, 3]
    first = {line["key"] for line in lines("out.jsonl")}
    assert len(first) == 4  # equal rows are each asked
    main(["batch", "length", data(folder, [{"text": t} for t in ("dddd", "a", "ccc", "a")]), "-o", "out.jsonl"])
    results = lines("out.jsonl")
    assert [(line["row"], line["result"]) for line in results] == [(0, 4), (1, 1), (2, 3), (3, 1), (1, 2)]
    assert len({line["key"] for line in results}) == 5


def test_errors_are_results_and_asked_again_on_request(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, [{"n": 1}, {"n": 0}, {"n": "x"}, {"n": 5}])
    assert main(["batch", "inverse", path, "-o", "out.jsonl"]) == exit_codes.FAILED
    results = lines("out.jsonl")
    assert [line.get("result") for line in results] == [10, None, None, 2]
    assert [line["error"]["type"] for line in results if "error" in line] == [
        "baml.panics.DivisionByZero",
        "bamlvm.HostError",
    ]
    err = capsys.readouterr().err
    assert err.startswith("2 rows done, 2 failed in ")
    assert "  1 baml.panics.DivisionByZero: " in err
    assert main(["batch", "inverse", path, "-o", "out.jsonl"]) == exit_codes.OK
    assert "4 there already (2 of them failed)" in capsys.readouterr().err
    assert main(["batch", "inverse", path, "-o", "out.jsonl", "--retry-errors"]) == exit_codes.FAILED
    assert [line["row"] for line in lines("out.jsonl")] == [0, 1, 2, 3]


def test_a_data_set_that_does_not_fit_ends_at_its_first_row(
    folder: Path, server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data(folder, [{"txt": "x", "id": 1}, {"txt": "y", "id": 2}])
    assert main(["batch", "Feel", path, "-o", "out.jsonl"]) == exit_codes.HOST
    assert "data.jsonl:1: no column 'text' for the parameter 'text' (did you mean" in capsys.readouterr().err
    assert main(["batch", "Feel", path, "-o", "out.jsonl", "--column", "text=txt"]) == exit_codes.OK
    assert len(server.requests) == 2


def test_another_version_of_the_program_is_not_mixed_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, [{"text": "a"}])
    arguments = ["batch", "length", path, "-o", "out.jsonl"]
    assert main(arguments) == exit_codes.OK
    source = folder / "baml_src" / "main.baml"
    source.write_text(source.read_text().replace("text.length()", "text.length() + 1"))
    assert main(arguments) == exit_codes.HOST
    assert "its results are of another version of the program" in capsys.readouterr().err
    assert main([*arguments, "--keep-older"]) == exit_codes.OK
    assert [line["result"] for line in lines("out.jsonl")] == [1]


def test_csv_in_csv_out_with_the_columns_of_the_data(folder: Path, server: ThreadedMockServer) -> None:
    Path("data.csv").write_text("id,text\n7,one\n8,two\n")
    assert main(["batch", "Feel", "data.csv", "-o", "out.csv", "--with-input"]) == exit_codes.OK
    with open("out.csv", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"row": "0", "id": "7", "text": "one", "error": "", "mood": "good", "score": "1"},
            {"row": "1", "id": "8", "text": "two", "error": "", "mood": "good", "score": "1"},
        ]
    assert main(["batch", "Feel", "data.csv", "-o", "out.csv", "--with-input"]) == exit_codes.OK
    assert len(server.requests) == 2


def test_parquet_out(folder: Path) -> None:
    path = data(folder, [{"n": 5}, {"n": 0}])
    assert main(["batch", "inverse", path, "-o", "out.parquet"]) == exit_codes.FAILED
    records = parquet.read_table("out.parquet").to_pylist()
    assert [record["result"] for record in records] == [2, None]
    assert records[1]["error"].startswith("baml.panics.DivisionByZero")


def test_a_sample_and_the_order_in_which_they_are_done(folder: Path) -> None:
    path = data(folder, texts(50))
    assert main(["batch", "length", path, "-o", "a.jsonl", "--sample", "9", "--order", "done"]) == exit_codes.OK
    assert main(["batch", "length", path, "-o", "b.jsonl", "--sample", "9", "--seed", "1"]) == exit_codes.OK
    chosen = [{line["row"] for line in lines(name)} for name in ("a.jsonl", "b.jsonl")]
    assert [len(each) for each in chosen] == [9, 9]
    assert chosen[0] != chosen[1]


def test_too_many_errors_end_the_run_which_can_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, [{"n": 0}] * 500 + [{"n": 1}])
    arguments = ["batch", "inverse", path, "-o", "out.jsonl"]
    assert main([*arguments, "--max-errors", "3", "--concurrency", "1"]) == exit_codes.FAILED
    assert 3 <= len(lines("out.jsonl")) < 500
    assert "ended by --max-errors 3; the same command goes on from here" in capsys.readouterr().err
    assert main(arguments) == exit_codes.FAILED
    assert [line["row"] for line in lines("out.jsonl")] == list(range(501))


@pytest.mark.parametrize(
    ("output", "content", "message"),
    [
        ("out.txt", None, "the name must end in .jsonl, .ndjson, .csv, .parquet"),
        ("out.jsonl", b"my notes\n", "out.jsonl:1: not a result of bamlvm batch; give another -o"),
        ("nowhere/out.jsonl", None, "nowhere/out.jsonl: No such file or directory"),
    ],
)
def test_an_output_that_cannot_be_used(
    folder: Path, capsys: pytest.CaptureFixture[str], output: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        Path(output).write_bytes(content)
    assert main(["batch", "length", data(folder, texts(1)), "-o", output]) == exit_codes.HOST
    assert message in capsys.readouterr().err
    if content is not None:
        assert Path(output).read_bytes() == content


def test_floats_that_are_no_numbers_are_words(folder: Path) -> None:
    rows = [{"n": n, "by": by} for n, by in ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (3.0, 2.0))]
    assert main(["batch", "divided", data(folder, rows), "-o", "out.jsonl"]) == exit_codes.OK
    words = ["NaN", "Infinity", "-Infinity", 1.5]
    assert [line["result"] for line in lines("out.jsonl")] == [
        {"value": each, "more": [each, None, 1.5]} for each in words
    ]


@pytest.mark.parametrize("output", ["out.jsonl", "out.csv"])
@pytest.mark.parametrize("rows", [None, [{"other": 1, "columns": 2}]])
def test_a_command_that_cannot_begin_leaves_nothing(folder: Path, output: str, rows: list[Any] | None) -> None:
    path = "missing.jsonl" if rows is None else data(folder, rows)
    before = set(folder.iterdir())
    assert main(["batch", "length", path, "-o", output]) == exit_codes.HOST
    assert set(folder.iterdir()) == before
    (folder / "there.jsonl").touch()  # what was there stays
    assert main(["batch", "length", path, "-o", "there.jsonl"]) == exit_codes.HOST
    assert (folder / "there.jsonl").exists()


def test_rows_that_cannot_be_read_are_errors_as_they_come(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data.jsonl").write_text('{"text": "a"}\n' + "not JSON\n" * 5000 + '{"text": "b"}\n')
    command = ["batch", "length", "data.jsonl", "-o", "out.jsonl", "--concurrency", "1"]
    assert main([*command, "--max-errors", "7"]) == exit_codes.FAILED
    assert "ended by --max-errors 7" in capsys.readouterr().err
    assert sum("error" in line for line in lines("out.jsonl")) == 7
    assert main(command) == exit_codes.FAILED
    assert [line["row"] for line in lines("out.jsonl")] == list(range(5002))


def test_a_file_is_known_by_its_content(folder: Path) -> None:
    (folder / "cat.png").write_bytes(b"one")
    path = data(folder, [{"picture": {"file": "cat.png"}}, {"picture": {"file": "dog.png"}}])
    command = ["batch", "size", path, "-o", "out.jsonl"]
    assert main(command) == exit_codes.FAILED  # there is no dog
    before = lines("out.jsonl")
    assert [line.get("result") for line in before] == ["seen", None]
    (folder / "dog.png").write_bytes(b"two")
    assert main(command) == exit_codes.OK
    after = lines("out.jsonl")
    assert after[0] == before[0]
    assert [line["result"] for line in after] == ["seen", "seen"]
    (folder / "cat.png").write_bytes(b"another")
    assert main(command) == exit_codes.OK
    assert [line["row"] for line in lines("out.jsonl")] == [0, 1, 0]  # what it was before follows at the end
    assert lines("out.jsonl")[2]["key"] == before[0]["key"]


def test_a_progress_bar_says_how_far_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, texts(12))
    assert main(["batch", "length", path, "-o", "out.jsonl", "--progress"]) == exit_codes.OK
    assert "12/12" in capsys.readouterr().err


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bamlvm", "batch", "Feel", "data.jsonl", "-o", "out.jsonl", *words]


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, exit_codes.INTERRUPTED, "interrupted"),
        (signal.SIGTERM, exit_codes.TERMINATED, "terminated"),
    ],
)
def test_an_interruption_keeps_what_was_answered_and_says_how_to_go_on(
    folder: Path, server: ThreadedMockServer, number: int, code: int, said: str
) -> None:
    server.play({"rules": [{"answers": [{"text": ANSWER, "first_delay_ms": 30}]}]})
    data(folder, texts(100))
    process = subprocess.Popen(command("--concurrency", "2"), stderr=subprocess.PIPE, text=True)
    wait_for_lines(process, 5)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert f"{said}: the same command goes on from here" in err
    assert f"bamlvm batch: {said}" in err
    assert " rows done in " in err
    kept = len(lines("out.jsonl"))
    assert 5 <= kept < 100
    assert subprocess.run(command(), timeout=120, check=False).returncode == exit_codes.OK
    assert [line["row"] for line in lines("out.jsonl")] == list(range(100))


def test_killed_at_any_moment_nothing_is_lost_or_asked_again(folder: Path, server: ThreadedMockServer) -> None:
    rows = 400
    server.play({"rules": [{"answers": [{"text": ANSWER, "first_delay_ms": 20}]}]})
    data(folder, texts(rows))
    chance = random.Random(os.getpid())
    answered: set[int] = set()
    for _ in range(KILLS):
        before = asked(server)
        process = subprocess.Popen(command("--concurrency", "8"), stderr=subprocess.DEVNULL)
        wait_for_lines(process, min(rows, len(answered) + chance.randrange(1, 20)))
        time.sleep(chance.random() * 0.05)
        process.kill()
        process.wait(timeout=120)
        new = asked(server) - before
        assert not {int(row.split()[1]) for row in new} & answered, "a row that had its answer was asked again"
        whole = Path("out.jsonl").read_bytes().rpartition(b"\n")[0].splitlines()
        known = {json.loads(line)["row"] for line in whole}
        assert answered <= known, "an answer was lost"
        answered = known
    assert subprocess.run(command(), timeout=120, check=False).returncode == exit_codes.OK
    assert [line["row"] for line in lines("out.jsonl")] == list(range(rows))
    assert all(line["result"] == {"mood": "good", "score": 1} for line in lines("out.jsonl"))


def wait_for_lines(process: subprocess.Popen[Any], count: int) -> None:
    """Wait until the output has so many lines, or the process has ended."""
    path = Path("out.jsonl")
    deadline = time.monotonic() + 60
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < count):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_two_commands_do_not_write_one_file(folder: Path, server: ThreadedMockServer) -> None:
    server.play({"rules": [{"answers": [{"text": ANSWER, "first_delay_ms": 100}]}]})
    data(folder, texts(200))
    first = subprocess.Popen(command("--concurrency", "1"), stderr=subprocess.DEVNULL)
    try:
        wait_for_lines(first, 1)
        second = subprocess.run(command(), capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == exit_codes.HOST
        assert "another process writes this file" in second.stderr
    finally:
        first.kill()
        first.wait(timeout=120)


def test_the_data_are_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "data.csv").write_text("text\na\n")
    assert main(["batch", "length", "data.csv", "-o", "./data.csv"]) == exit_codes.HOST
    assert capsys.readouterr().err == "bamlvm batch: ./data.csv is the data itself; give another -o\n"
    assert (folder / "data.csv").read_text() == "text\na\n"


@pytest.mark.parametrize("text", ['{"mine": 1}', "a line\nand a part of one", "{"])
def test_a_file_of_something_else_stays_as_it_is(folder: Path, text: str) -> None:
    path = data(folder, texts(1))
    (folder / "out.jsonl").write_text(text)
    whole = text == "{"  # it may be the beginning of a result
    assert (main(["batch", "length", path, "-o", "out.jsonl"]) == exit_codes.OK) is whole
    assert whole or (folder / "out.jsonl").read_text() == text


def test_a_name_that_is_taken_is_told_apart(folder: Path) -> None:
    (folder / "data.csv").write_text("text,row,mood\nfine,5,?\n")
    assert main(["batch", "Feel", "data.csv", "-o", "out.csv", "--with-input"]) == exit_codes.OK
    with Path("out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "row": "0",
        "text": "fine",
        "input.row": "5",
        "mood": "?",
        "error": "",
        "result.mood": "good",
        "score": "1",
    }


def test_a_pipe_is_read_once_whatever_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read, write = os.pipe()
    os.write(write, b'{"text": "a"}\n{"text": "bc"}\n')
    os.close(write)
    try:
        words = ["batch", "length", f"/dev/fd/{read}", "--format", "jsonl", "--progress", "-o", "out.jsonl"]
        assert main(words) == exit_codes.OK
    finally:
        os.close(read)
    assert [line["result"] for line in lines("out.jsonl")] == [1, 2]


def test_a_disk_that_is_full_loses_nothing_that_is_on_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, texts(40))
    program = (
        "import resource, sys\n"
        "sys.dont_write_bytecode = True\n"  # Python does not notice that it has written half a file
        "from bamlvm.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        f"sys.exit(main(['batch', 'length', {path!r}, '-o', 'out.jsonl', '--concurrency', '1']))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == exit_codes.HOST
    assert ended.stderr == "bamlvm batch: out.jsonl: File too large\n"
    assert main(["batch", "length", path, "-o", "out.jsonl"]) == exit_codes.OK
    assert [line["row"] for line in lines("out.jsonl")] == list(range(40))


def test_any_name_of_a_file_can_be_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data(folder, texts(2), "[red] [x[")
    assert main(["batch", "length", path, "--format", "jsonl", "--progress", "-o", "out.jsonl"]) == exit_codes.OK
    assert "[red] [x[" in capsys.readouterr().err


def test_booleans_of_a_spreadsheet(folder: Path) -> None:
    (folder / "baml_src" / "flags.baml").write_text(
        "function flag(on: bool?) -> string { `${on}` }\nfunction word(on: bool | string) -> string { `${on}` }\n"
    )
    (folder / "data.csv").write_bytes(b"\xef\xbb\xbfon\r\nTRUE\r\nFalse\r\ntrue\r\n")
    assert main(["batch", "flag", "data.csv", "-o", "out.jsonl"]) == exit_codes.OK
    assert [line["result"] for line in lines("out.jsonl")] == ["true", "false", "true"]
    assert main(["batch", "word", "data.csv", "-o", "words.jsonl"]) == exit_codes.OK
    assert [line["result"] for line in lines("words.jsonl")] == ["TRUE", "False", "true"]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_rows_that_are_long_in_coming_hold_up_no_result(folder: Path, is_interrupted: bool) -> None:
    command = [sys.executable, "-m", "bamlvm", "batch", "Feel", "-", "-o", "out.jsonl"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b'{"text": "row 1"}\n')
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not (folder / "out.jsonl").exists() or not (folder / "out.jsonl").read_bytes():
        assert time.monotonic() < deadline, "the result waits for the next row"
        time.sleep(0.02)
    if is_interrupted:
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == exit_codes.INTERRUPTED
        assert process.stderr is not None
        assert b"goes on from here" in process.stderr.read()
        process.stdin.close()
        process.stderr.close()
    else:
        process.communicate(b'{"text": "row 2"}\n', 30)
        assert process.returncode == exit_codes.OK
        assert len(lines("out.jsonl")) == 2
