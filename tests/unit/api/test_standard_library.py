"""The standard library as programs see it: what there is, what is behind it, and what a host can deny."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import bamlvm
from bamlvm import stdlib
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.grammar import syntax
from bamlvm.sysops.table import load
from bamlvm.vm.natives import load_natives
from tests.snapshots.stdlib_page import CAPABILITIES, declarations, functions

PATHS = """
baml.String: length toLowerCase to_lower_case toUpperCase to_upper_case trim includes startsWith starts_with endsWith
    ends_with split slice at code_point_at is_empty is_ascii byte_length min max clamp from
    substring replace repeat to_string
baml.Array: length push pop splice insert remove_at shift unshift clear some every for_each find_last filter_map
    at concat slice join map filter reduce includes index_of reverse sort
baml.Map: length has get keys values entries remove delete set get_or_insert clear
baml.Int: to_string abs pow min max clamp parse
baml.Float: to_string abs floor ceil round trunc sqrt pow min max clamp is_nan is_finite is_infinite parse
baml.Image: from_url from_base64 url mime_type base64
baml.Audio: from_url from_base64 url mime_type base64
baml.Pdf: from_url from_base64 url mime_type base64
baml.Video: from_url from_base64 url mime_type base64
baml.Bool: to_string
baml.math: trunc floor ceil round sqrt min max
baml: deep_copy deep_equals panic
baml.unstable: string
baml.json: parse stringify
env: get get_or_panic
baml.sys: sleep shell panic now_ms
baml.fs: open read write File
baml.fs.File: read close
baml.net: connect Socket
baml.net.Socket: read write close
baml.http: Request Response fetch send fetch_sse SseStream
baml.http.Response: text ok
baml.http.SseStream: next close
baml.llm: call_llm_function stream_llm_function
baml.stream: emit_partial emit_tick
baml.errors: Io Timeout HttpStatus Network InvalidArgument ParseError RenderPrompt LlmClient ParseFailed FinishReason
    StreamTruncated UnsupportedProvider AllAttemptsFailed
baml.panics: AssertionFailed DivisionByZero IntegerOverflow IndexOutOfBounds MapKeyNotFound NegativeShift StackOverflow
    Unreachable UserPanic StepLimit MemoryLimit
"""

FIELDS = """
baml.http.Request: method url headers body
baml.http.Response: status_code headers url
baml.errors.HttpStatus: status_code url body retry_after_ms
baml.errors.ParseFailed: raw
baml.errors.AllAttemptsFailed: attempts
baml.errors.Attempt: client provider attempt error
"""


def listed(table: str) -> set[str]:
    """The qualified names of a table above."""
    names = set()
    owner = ""
    for line in table.split("\n"):
        if line and not line.startswith(" "):
            owner, _, line = line.partition(": ")
        names |= {f"{owner}.{name}" for name in line.split()}
    return names


def all_declared() -> dict[str, syntax.Node]:
    found: dict[str, syntax.Node] = {each.name: each.node for group in declarations().values() for each in group}
    return found | {each.name: each.node for each in functions()}


def test_everything_that_the_language_names_is_there() -> None:
    assert listed(PATHS) <= set(all_declared())


def test_fields_that_the_language_names_are_there() -> None:
    classes = {name: node for name, node in all_declared().items() if isinstance(node, syntax.Class)}
    assert listed(FIELDS) <= {f"{name}.{field.name}" for name, node in classes.items() for field in node.fields}
    for name, node in classes.items():
        errors = name.startswith(("baml.errors.", "baml.panics.")) and name != "baml.errors.Attempt"
        assert not errors or "message" in {field.name for field in node.fields}, name


def test_every_declaration_is_documented() -> None:
    undocumented = [name for name, node in all_declared().items() if not getattr(node, "doc", "")]
    assert not undocumented
    assert set(declarations()) == set(stdlib.NAMESPACES)


@pytest.mark.parametrize("kind", ["native", "sysop"])
def test_what_is_written_in_python_is_declared_and_the_other_way_round(kind: str) -> None:
    bodies = {each.name: each.node.body for each in functions() if isinstance(each.node, syntax.Function)}
    declared = {name for name, body in bodies.items() if isinstance(body, syntax.NativeBody) and body.kind == kind}
    assert declared == set(load_natives() if kind == "native" else load())


# --- what touches the machine -----------------------------------------------------------------------------------------

FILES = """
function main(path: string) -> unknown[] {
  baml.fs.write(path, "héllo\\n😀");
  let file = baml.fs.open(path);
  let first = file.read();
  let rest = file.read();
  file.close();
  file.close();
  let closed = file.read() catch (e) { baml.errors.InvalidArgument => e.message };
  let missing = baml.fs.read(path + ".missing") catch (e) { baml.errors.Io => `${e.path}` };
  [baml.fs.read(path), first, rest, closed, missing]
}
"""


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "text"
    with bamlvm.Runtime.from_files({"main.baml": FILES}) as runtime:
        whole, first, rest, closed, missing = runtime.functions.main(path=str(path))
        assert (whole, first, rest, missing) == ("héllo\n😀", "héllo\n😀", "", f"{path}.missing")
        assert "closed" in closed
        assert runtime.handles == 0
    assert path.read_bytes() == "héllo\n😀".encode()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    source = "function main(path: string) -> string { baml.fs.read(path) }"
    with (
        bamlvm.Runtime.from_files({"main.baml": source}) as runtime,
        pytest.raises(bamlvm.ThrownError, match=r"(?i)utf-8") as thrown,
    ):
        runtime.functions.main(path=str(tmp_path / "bytes"))
    assert thrown.value.class_name == "baml.errors.Io"


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers one connection with what it was sent, in capitals; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data.decode().upper().encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(120)


SOCKETS = """
function main(address: string) -> unknown[] {
  let socket = baml.net.connect(address);
  socket.write("héllo");
  let answer = "";
  while (answer.length() < 5) { answer += socket.read() }
  socket.close();
  socket.close();
  let closed = socket.read() catch (e) { baml.errors.InvalidArgument => "closed" };
  let nowhere = { baml.net.connect("no port"); "" } catch (e) { baml.errors.InvalidArgument => e.message };
  [answer, closed, nowhere]
}
"""


def test_sockets(echo: str) -> None:
    with bamlvm.Runtime.from_files({"main.baml": SOCKETS}) as runtime:
        assert runtime.functions.main(address=echo) == ["HÉLLO", "closed", "not host:port: 'no port'"]
        assert runtime.handles == 0


SYSTEM = """
function main() -> unknown[] {
  let before = baml.sys.now_ms();
  baml.sys.sleep(20);
  baml.sys.sleep(-5);
  let passed = baml.sys.now_ms() - before;
  let failed = baml.sys.shell("echo out; echo bad >&2; exit 3") catch (e) {
    baml.errors.Io => `${e.exit_code} ${e.message}`
  };
  [passed >= 20, before > 1600000000000, baml.sys.shell("printf 'é%s' $NAME"), failed]
}
"""


def test_the_system() -> None:
    env = {"NAME": "x", "PATH": "/usr/bin:/bin"}
    with bamlvm.Runtime.from_files({"main.baml": SYSTEM}, env=env, capabilities=["shell", "env"]) as runtime:
        slept, epoch, shell, failed = runtime.functions.main()
    assert (slept, epoch, shell) == (True, True, "éx")
    assert failed.startswith("3 shell command") and failed.endswith("ended with status 3: bad")


def test_the_environment() -> None:
    source = 'function main() -> unknown[] { [env.NAME, env.get("NAME"), env.get("NONE"), env.get_or_panic("NAME")] }'
    missing = "function main() -> string { env.NONE }"
    with bamlvm.Runtime.from_files({"main.baml": source}, env={"NAME": "x"}) as runtime:
        assert runtime.functions.main() == ["x", "x", None, "x"]
    with (
        bamlvm.Runtime.from_files({"main.baml": missing}, env={}) as runtime,
        pytest.raises(bamlvm.ThrownError, match="NONE is not set"),
    ):
        runtime.functions.main()


DENIED = {
    "baml.fs": ['baml.fs.open("x").close()', 'baml.fs.read("x")', 'baml.fs.write("x", "")', 'baml.fs.exists("x")'],
    "baml.net": ['baml.net.connect("127.0.0.1:9").close()'],
    "baml.http": [
        'baml.http.fetch("http://127.0.0.1:9")',
        "baml.http.send(request())",
        "baml.http.fetch_sse(request())",
    ],
    "baml.sys.shell": ['baml.sys.shell("true")'],
    "env": ['env.get("HOME")', 'env.get_or_panic("HOME")', "env.HOME"],
}
REQUEST = """
function request() -> baml.http.Request {
  baml.http.Request { method: "GET", url: "http://127.0.0.1:9", headers: {}, body: "" }
}
"""


@pytest.mark.parametrize(("owner", "call"), [(owner, call) for owner, calls in DENIED.items() for call in calls])
def test_a_host_can_deny_it(owner: str, call: str) -> None:
    capability = CAPABILITIES[owner]
    source = f"{REQUEST} function main() -> null {{ {call}; null }}"
    with (
        bamlvm.Runtime.from_files({"main.baml": source}, denied=[capability]) as runtime,
        pytest.raises(bamlvm.ThrownError) as thrown,
    ):
        runtime.functions.main()
    wanted = "baml.panics.UserPanic" if owner == "env" else "baml.errors.InvalidArgument"
    assert thrown.value.class_name == wanted
    assert "denies" in thrown.value.message


def test_all_that_can_be_denied_is_denied_here() -> None:
    assert set(DENIED) == set(CAPABILITIES)
    named = " ".join(call for calls in DENIED.values() for call in calls)
    for each in functions():
        function = each.node
        assert isinstance(function, syntax.Function)
        is_sysop = isinstance(function.body, syntax.NativeBody) and function.body.kind == "sysop"
        is_method = function.parameters and function.parameters[0].name == "self"  # of what a function here has opened
        if is_sysop and not is_method and any(each.name.startswith(f"{owner}") for owner in CAPABILITIES):
            assert each.name in named


def test_the_command_line_asks_for_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "shell.baml"
    program.write_text('function main() -> string { baml.sys.shell("printf hello") }')
    assert main(["run", str(program)]) == exit_codes.THREW
    assert "denies the capability 'shell'" in capsys.readouterr().err
    assert main(["run", str(program), "--allow", "shell"]) == exit_codes.OK
    assert capsys.readouterr().out == "hello\n"
