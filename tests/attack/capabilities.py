"""Programs that reach for what their host denies."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import bamlvm
from bamlvm.testing import run_case
from tests.attack.case import Attack, ending

_KEY: Final = "sk-secret-0123456789"


@contextmanager
def _server() -> Iterator[tuple[int, list[Mapping[str, str]]]]:
    """A server on loopback that answers like OpenAI, and redirects from ``/away`` to another of its names."""
    seen: list[Mapping[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers.items()))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(302 if self.path == "/away" else 200)
            if self.path == "/away":
                self.send_header("location", f"http://127.0.0.2:{self.server.server_port}/")  # type: ignore[attr-defined]  # it has a port
            body = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 (the name that http.server looks for)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        server.server_close()


def _ends(source: str, context: bamlvm.CallContext | None = None, **options: Any) -> str:
    with bamlvm.Runtime.from_files({"main.baml": source}, **options) as runtime:
        return ending(lambda: runtime.call_function_sync("main", {}, context))


def _client(options: str) -> str:
    return f"""
        client<llm> C {{ provider openai  options {{ model "m"  supports_streaming false  {options} }} }}
        function F() -> string {{ client C  prompt #"hi"# }}
        function main() -> string {{ F() }}
    """


def _fetch(url: str) -> str:
    return f'function main() -> int {{ baml.http.fetch("{url}").status_code }}'


def default_shell() -> str:
    return _ends('function main() -> string { baml.sys.shell("true") }')


def environment_in_an_option() -> str:
    os.environ["SECRET"] = _KEY
    with _server() as (port, seen):
        ended = _ends(_client(f'base_url "http://127.0.0.1:{port}"  api_key env.SECRET'), capabilities=["http"])
        assert not seen
    return ended


def implicit_key_elsewhere() -> str:
    os.environ["OPENAI_API_KEY"] = _KEY
    with _server() as (port, seen):
        source = _client(f'base_url "http://127.0.0.1:{port}"')
        ended = _ends(source)
        assert len(seen) == 1 and _KEY not in str(seen)
        _ends(source, bamlvm.CallContext(env={"OPENAI_API_KEY": _KEY}))
        assert _KEY in str(seen), "the host has chosen to give it"
    return f"{ended}, without the key"


def inner_addresses() -> str:
    with _server() as (port, seen):
        spellings = ("127.0.0.1", "localhost", "2130706433", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::1]")
        (ended,) = {_ends(_fetch(f"http://{host}:{port}"), capabilities={"http": ["*"]}) for host in spellings}
        assert not seen
    return ended


def redirect_elsewhere() -> str:
    with _server() as (port, seen):
        source = _fetch(f"http://127.0.0.1:{port}/away")
        assert _ends(source, capabilities={"http": ["loopback"]}) == "a value" and len(seen) == 2
        ended = _ends(source, capabilities={"http": ["127.0.0.1"]})
        assert len(seen) == 3
    return ended


def socket_to_the_inside() -> str:
    with _server() as (port, _):
        source = f'function main() -> string {{ let s = baml.net.connect("127.0.0.1:{port}"); s.close(); "open" }}'
        assert _ends(source, capabilities={"net": ["loopback"]}) == "a value"
        return _ends(source, capabilities={"net": ["*", "private"]})


def _in_a_folder(act: Callable[[Path], str]) -> str:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "root").mkdir()
        (folder / "secret").write_text("secret")
        (folder / "root" / "link").symlink_to(folder / "secret")
        (folder / "root" / "up").symlink_to(folder)
        return act(folder)


def files_outside() -> str:
    def act(folder: Path) -> str:
        ended = set()
        for path in ("link", "../secret", "up/secret", "up/root/../secret"):
            for call in (f'baml.fs.read("{folder}/root/{path}")', f'baml.fs.write("{folder}/root/{path}", "x")'):
                source = f"function main() -> null {{ {call}; null }}"
                ended.add(_ends(source, capabilities={"fs": [str(folder / "root")]}))
        assert (folder / "secret").read_text() == "secret"
        (only,) = ended
        return only

    return _in_a_folder(act)


def pipes() -> str:
    def act(folder: Path) -> str:
        os.mkfifo(folder / "pipe")
        calls = (f'baml.fs.read("{folder}/pipe")', f'baml.fs.write("{folder}/pipe", "x")', 'baml.fs.read("/dev/zero")')
        (only,) = {_ends(f"function main() -> null {{ {call}; null }}") for call in calls}
        return only

    return _in_a_folder(act)


def files_of_tests() -> str:
    def act(folder: Path) -> str:
        test = 'function F(x: string) -> string { x } test T { functions [F] args { x { file "../secret" } } }'
        (folder / "root" / "main.baml").write_text(test)
        os.chdir(folder / "root")
        with bamlvm.Runtime.from_directory(".") as runtime:
            outcome = run_case(runtime, runtime.cases[0])
            assert "allows files only below" in str(outcome.error) and outcome.value is None
            return type(outcome.error).__name__

    return _in_a_folder(act)


def environment_of_tests() -> str:
    os.environ["SECRET"] = _KEY
    test = "function F(x: string) -> string { x } test T { functions [F] args { x env.SECRET } }"
    with bamlvm.Runtime.from_files({"main.baml": test}, capabilities=["fs"]) as runtime:
        outcome = run_case(runtime, runtime.cases[0])
        assert "denies" in str(outcome.error) and _KEY not in str(outcome.error)
        return type(outcome.error).__name__


def children_of_commands() -> str:
    with bamlvm.Runtime.from_files(
        {"main.baml": 'function main() -> string { baml.sys.shell("sleep 98765 & sleep 98765") }'},
        capabilities=["shell", "env"],
    ) as runtime:
        ended = ending(lambda: runtime.call_function_sync("main", {}, bamlvm.CallContext(timeout=1.0)))
    for _ in range(50):  # a killed process takes a moment to end
        listed = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
        if not any("sleep 98765" in line and not line.startswith("Z") for line in listed.splitlines()):
            return ended
        time.sleep(0.1)
    raise AssertionError("a process is left")


def output_of_commands() -> str:
    source = 'function main() -> int { baml.sys.shell("yes").length() }'
    return _ends(source, capabilities=["shell", "env"], max_bytes=1_000_000)


ATTACKS: Final[Sequence[Attack]] = (
    Attack("runs a command, though nobody allowed the shell", "InvalidArgument", default_shell),
    Attack("leaves processes behind when its deadline passes", "DeadlineExceeded", children_of_commands),
    Attack("runs a command that writes without end", "Io", output_of_commands),
    Attack("names a denied variable in a client's option", "AllAttemptsFailed", environment_in_an_option),
    Attack("has the key of a provider sent to another address", "a value, without the key", implicit_key_elsewhere),
    Attack("asks for an inner address by any of its spellings", "InvalidArgument", inner_addresses),
    Attack("follows a redirect to an address that is not on the list", "InvalidArgument", redirect_elsewhere),
    Attack("opens a socket to an inner address", "InvalidArgument", socket_to_the_inside),
    Attack("leaves its folder by `..` and by links", "InvalidArgument", files_outside),
    Attack("reads and writes pipes and devices", "Io", pipes),
    Attack("has a test read a file outside of the project", "HostError", files_of_tests),
    Attack("has a test read a denied variable", "HostError", environment_of_tests),
)
