"""``bamlvm repl``: what inputs mean to one another, and the command as a process, at a pipe and at a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.mock import ThreadedMockServer
from bamlvm.tools.session.session import Session, TypedInput

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "bamlvm", "repl"]
PROJECT = {"a.baml": "class P { x int }\nenum M { A B }\nfunction dbl(x: int) -> int { x * 2 }\n"}


@pytest.fixture
def session() -> Session:
    return Session(PROJECT)


def shown(session: Session, *inputs: str) -> str | None:
    """What the last input shows."""
    text = None
    for each in inputs:
        text = session.run(each).text
    return text


class TestStatements:
    @pytest.mark.parametrize(
        ("inputs", "text"),
        [
            (["1 + 2"], "3"),
            (["(1 + 2) * 3"], "9"),
            (["let x = 1; // one", "(x + 1) // two"], "2"),
            (["let x = (1)", "let y = (x); /* ; */ (y)"], "1"),
            (["while (false) { } (3)"], "3"),
            (['if (true) { 1 } else { "a" }'], "1"),
            (["let x = 1", "x += 2", "x"], "3"),
            (["let x = 1", 'let x = "a"', "x"], '"a"'),
            (["let xs = [1]; let ys = xs", "ys.push(2)", "xs"], "[1, 2]"),
            (["let p = P { x: 1 }; let q = [p]", "p.x = 7", "q[0].x"], "7"),
            (["let p = P { x: 1 }", "p == P { x: 1 }"], "true"),
            (["let m = M.B", "m == M.B"], "true"),
            (["let m = { M.A: 1 }", "m[M.A]"], "1"),
            (["let f = (a: int) -> int { dbl(a) + 1 }", "f(2)", "let g = f", "g(3)"], "7"),
            (["let n = 0; let f = () -> int { n += 1; n }", "f()", "f()"], "2"),
            (["let f = dbl", "f(4)"], "8"),
            (["let e = []", "e.push(1)", "e"], "[1]"),
            (["null"], None),
            ([""], None),
            (["// nothing"], None),
            (["let x = 1;"], None),
        ],
    )
    def test_what_the_last_input_shows(self, session: Session, inputs: list[str], text: str | None) -> None:
        assert shown(session, *inputs) == text

    def test_variables_have_their_types(self, session: Session) -> None:
        shown(session, "let x = 1; let y: int? = null; let f = (a: int) -> int { a }", "let ps = [P { x: 1 }]")
        assert session.variables == {"x": "int", "y": "int?", "f": "(int) -> int", "ps": "P[]"}
        assert session.type_of("ps[0].x + 1") == "int"
        with pytest.raises(bamlvm.CompileError, match="E0001"):
            session.run('x = "a"')
        with pytest.raises(bamlvm.HostError, match="expected an expression"):
            session.type_of("let z = 1;")

    def test_an_error_leaves_the_session_as_it_was(self, session: Session) -> None:
        shown(session, "let x = 1; let xs = [1]")
        for wrong in ("let y = nothing", "x +", "} {", "return 3", "let x = 2; 1 / 0", 'throw "x"', "function f( {"):
            with pytest.raises((bamlvm.CompileError, bamlvm.ThrownError)):
                session.run(wrong)
        assert session.variables == {"x": "int", "xs": "int[]"}
        assert shown(session, "x") == "1"

    def test_places_are_those_of_the_input(self, session: Session) -> None:
        shown(session, "let some = 1")
        with pytest.raises(bamlvm.CompileError) as wrong:
            session.run("let y = 1;\n  (y) + nothing")
        (diagnostic,) = wrong.value.diagnostics
        assert (diagnostic.span.start, diagnostic.span.end) == (19, 26)
        assert " --> input 2:2:9\n" in wrong.value.render()
        with pytest.raises(bamlvm.ThrownError) as thrown:
            session.run("let z = 2;\nlet y = 1 / (z - 2);\ny")
        assert (thrown.value.trace[0].file, thrown.value.trace[0].line, thrown.value.trace[0].column) == (
            "input 3",
            2,
            9,
        )

    def test_cycles_stay_cycles(self) -> None:
        session = Session({"a.baml": "class N { next N?  v int }"})
        shown(session, "let n = N { next: null, v: 1 }; n.next = n;", "let m = n;")
        assert shown(session, "n.v = 5; m.v") == "5"

    @given(st.lists(st.integers(-9, 9), max_size=5))
    def test_inputs_one_by_one_do_what_they_do_in_one(self, numbers: list[int]) -> None:
        lines = [
            "let xs: int[] = []",
            "let n = 0",
            *(f"xs.push({each}); n += {each}" for each in numbers),
            "[n, ...xs]",
        ]
        assert shown(Session(), *lines) == shown(Session(), ";\n".join(lines))


class TestDeclarations:
    def test_they_are_seen_and_may_be_declared_anew(self, session: Session) -> None:
        answer = session.run("function f() -> int { g() }\nfunction g() -> int { 1 }")
        assert answer.declared == ("f", "g")
        assert shown(session, "f()", "function g() -> int { 2 }", "f()") == "2"
        assert shown(session, "function dbl(x: int) -> int { x * 20 }", "dbl(1)") == "20"

    def test_one_that_breaks_the_program_is_refused(self, session: Session) -> None:
        with pytest.raises(bamlvm.CompileError, match="E0003"):
            session.run("function dbl(x: int) -> int { nothing }")
        session.run("function user() -> int { dbl(1) }")
        with pytest.raises(bamlvm.CompileError, match="E0005"):
            session.run("function dbl(x: int, y: int) -> int { x }")
        assert shown(session, "user()") == "2"

    def test_variables_that_no_longer_fit_are_forgotten(self, session: Session) -> None:
        shown(session, "let p = P { x: 1 }; let ps = [p]; let b = M.B; let a = M.A; let n = 1; let f = dbl")
        notices = session.run("class P { x int  y int? }\nenum M { A C }").notices
        assert [notice.split("`")[1] for notice in notices] == ["p", "ps", "b", "f"]
        assert session.variables == {"a": "M", "n": "int"}
        assert shown(session, "a == M.A") == "true"

    def test_a_type_inside_that_changed(self) -> None:
        session = Session({"a.baml": "type J = int | J[]\nclass P { j J }"})
        shown(session, "let p = P { j: [1, [2]] }; let q: P | string = p")
        notices = session.run("type J = string | J[]").notices
        assert [notice.split("`")[1] for notice in notices] == ["p", "q"]

    def test_one_declared_alike_keeps_values(self, session: Session) -> None:
        shown(session, "let p = P { x: 1 }; let q = p")
        assert session.run("class P { x int\n  function twice(self) -> int { self.x * 2 } }").notices == ()
        assert shown(session, "q.x = 4", "p.twice()") == "8"


class TestDump:
    @pytest.mark.parametrize("stage", ["tokens", "ast", "hir", "tir", "mir", "bytecode"])
    def test_every_stage_of_an_item_and_of_an_expression(self, session: Session, stage: str) -> None:
        shown(session, "let x = 1")
        assert session.dump(stage, "dbl") and "repl_" not in session.dump(stage, "dbl")
        assert "repl_result" in session.dump(stage, "x + 1") or stage == "bytecode"
        assert session.dump(stage)

    def test_an_unknown_stage(self, session: Session) -> None:
        with pytest.raises(bamlvm.HostError, match="unknown stage 'x': one of tokens"):
            session.dump("x")


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [
        *[(text, True) for text in ("{", "f(", "[1,", '"a', "`a", '#"a"', '##"a"#', "/* a", "{ // }")],
        *[(text, False) for text in ("", "1", "{}", '"{"', '#"{"#', "// {", "/* { */", "`{`", '"\\""', "a / b", "}")],
    ],
)
def test_an_input_goes_on_while_something_is_incomplete(text: str, goes_on: bool) -> None:
    assert TypedInput().add(text) == goes_on
    lines = TypedInput()
    assert lines.add("(\n")
    assert lines.add(")" + text) == goes_on


class TestPipe:
    def run(self, script: str, *words: str) -> tuple[int, str, str]:
        done = subprocess.run([*COMMAND, *words], input=script, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr

    def test_a_script(self, tmp_path: Path) -> None:
        (tmp_path / "a.baml").write_text(PROJECT["a.baml"])
        script = 'let xs = [\n  1,\n  2\n]\nxs.map(dbl)\n:type xs\nfunction f() -> string {\n  "f"\n}\nf()\n:vars\n'
        assert self.run(script, str(tmp_path)) == (exit_codes.OK, '[2, 4]\nint[]\n"f"\nxs: int[]\n', "")

    def test_quit_and_help(self) -> None:
        code, out, err = self.run(":help\n:quit\n1\n")
        assert (code, err) == (exit_codes.OK, "") and out.startswith("  :type EXPR  ") and "Ctrl-D" in out

    def test_what_fails(self) -> None:
        code, out, err = self.run("nope\n:nope\n1 / 0\n:type\n:dump x\n2\nf(\n")
        assert (code, out) == (exit_codes.FAILED, "2\n")
        assert err.startswith("error[E0003]: unknown name `nope`\n --> input 1:1:1\n")
        assert "`:nope` is not a command; :help lists them" in err and "uncaught baml.panics.DivisionByZero" in err
        assert "unknown stage 'x'" in err and "E0031" in err

    @pytest.mark.parametrize(
        "deep",
        [
            "[" * 15_000 + "]" * 15_000,
            "let x: int" + "[]" * 15_000 + " = 1",
            "1 + " * 8000 + "1",
            "!" * 30_000 + "true",
            "x" + ".a" * 15_000,
            "function f(x: " + "map<string, " * 3000 + "int" + ">" * 3000 + ") -> int { 1 }",
        ],
        ids=["lists", "list types", "sums", "signs", "members", "map types"],
    )
    def test_what_is_too_deep_is_refused_and_the_session_goes_on(self, deep: str) -> None:
        code, out, err = self.run(f"{deep}\n1 + 41\n")
        assert (code, out) == (exit_codes.FAILED, "42\n")
        assert err.startswith("error[E0010]") and "Traceback" not in err and len(err) < 2000

    @pytest.mark.parametrize("deep", ["[" * 30_000, "if (true) { " * 2500, "`${" * 10_000, "(x: int) -> int { " * 2000])
    def test_what_is_deep_and_never_ends(self, deep: str) -> None:
        code, out, err = self.run(f"{deep}\n")
        assert (code, out) == (exit_codes.FAILED, "")
        assert err.startswith("error[E0010]") and len(err) < 2000

    def test_a_project_with_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a.baml").write_text("function f() -> int { nothing }")
        code, out, err = self.run("1\n", str(tmp_path))
        assert (code, out) == (exit_codes.COMPILE, "") and "E0003" in err
        assert self.run("1\n", str(tmp_path / "b"))[0] == exit_codes.HOST
        assert self.run("1\n", "--timeout", "-1")[0] == exit_codes.USAGE

    def test_a_timeout(self) -> None:
        code, out, err = self.run("while (true) { }\n1\n", "--timeout", "1")
        assert (code, out, err) == (exit_codes.FAILED, "1\n", "the call took longer than its timeout of 1 s\n")

    def test_an_llm_function(self, threaded_mock_server: ThreadedMockServer) -> None:
        threaded_mock_server.play({"rules": [{"answers": [{"text": "Hello, you"}]}]})
        url = threaded_mock_server.url
        script = (
            f'client<llm> C {{ provider openai  options {{ model "m"  api_key "k"  base_url "{url}" }} }}\n'
            'function Greet(name: string) -> string { client C  prompt #"{{ _.role("user") }} Hello {{ name }}"# }\n'
            'let a = Greet("you")\na\n'
        )
        assert self.run(script) == (exit_codes.OK, '"Hello, you"\n', "")
        assert len(threaded_mock_server.requests) == 1


class Terminal:
    """The command at a pseudo-terminal."""

    def __init__(self, state: Path) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "XDG_STATE_HOME": str(state)}
        self.process = subprocess.Popen(
            COMMAND,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            # Tests that a shell runs in the background ignore Ctrl-C, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(theirs)

    def read(self, until: str) -> str:
        written = b""
        deadline = time.monotonic() + 60
        while until not in written.decode(errors="replace"):
            assert select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0], written
            try:
                written += os.read(self._ours, 4096)
            except OSError:  # how Linux says that the other side has closed
                break
        return written.decode()

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, until something is written.  One that comes between a prompt and the wait for what is typed is kept
        by Python's readline until a key is pressed."""
        for _ in range(10):
            os.kill(self.process.pid, signal.SIGINT)
            if select.select([self._ours], [], [], 3)[0]:
                return
        raise AssertionError("Ctrl-C changes nothing")

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(120)
        os.close(self._ours)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with Terminal(tmp_path) as made:
        yield made


def test_at_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    assert ":help" in terminal.read("baml> ")
    terminal.type("let x = [\n")
    terminal.read("... ")
    terminal.type("1]\n")
    terminal.read("baml> ")
    terminal.type("{ 1 +\n")
    terminal.read("... ")
    terminal.interrupt()  # drops what is being typed
    terminal.read("baml> ")
    terminal.type("while (true) { }\n")
    terminal.read("\n")
    time.sleep(1.5)  # until it runs; an earlier Ctrl-C would end the compilation in its place
    terminal.interrupt()
    assert "interrupted" in terminal.read("baml> ")
    terminal.type("function f() -> int { 7 }\n")
    assert "declared f" in terminal.read("baml> ")
    terminal.type("x.length() + f()\n")
    assert "\n8\r\n" in terminal.read("baml> ")
    terminal.type("\x04")
    terminal.read("\x00")
    assert terminal.process.wait(120) == exit_codes.OK
    assert "x.length() + f()\n" in (tmp_path / "bamlvm" / "history").read_text()


@pytest.mark.parametrize(
    "deep", ["(" * 1500 + "1" + ")" * 1500, "-" * 3000 + "1", "let x: int" + "[]" * 1500 + " = 1;"]
)
def test_deep_input_at_a_terminal_is_an_error(terminal: Terminal, deep: str) -> None:
    terminal.read("baml> ")
    terminal.type(deep + "\n")
    assert "1 error" in terminal.read("1 error")
    terminal.type("20 + 22\n")
    assert "42" in terminal.read("42")
