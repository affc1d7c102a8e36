"""``baml.sys``, ``baml.fs``, ``baml.net`` and ``env``: the machine that the program runs on."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from bamlvm.vm.values import Thrown

# sys


async def test_the_clock(call: Any) -> None:
    assert abs(call.start("baml.sys.now_ms") - time.time() * 1000) < 5000


async def test_sleep(call: Any) -> None:
    before = time.monotonic()
    assert await call("baml.sys.sleep", 30) is None
    assert time.monotonic() - before >= 0.029
    for ms in (0, -5, -(2**63)):
        async with asyncio.timeout(1):
            await call("baml.sys.sleep", ms)


async def test_a_sleep_is_cancelled_at_once(call: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await call("baml.sys.sleep", 2**62)


async def test_panic(call: Any) -> None:
    with pytest.raises(Thrown) as caught:
        await call("baml.sys.panic", "no")
    assert (caught.value.class_name, caught.value.fields) == ("baml.panics.UserPanic", {"message": "no"})


async def test_shell(call: Any) -> None:
    call.scope.env = {"PATH": os.environ["PATH"], "NAME": "wörld"}
    assert await call("baml.sys.shell", 'echo "hello $NAME"; echo aside >&2; cat') == "hello wörld\n"


async def test_a_shell_command_that_fails(call: Any) -> None:
    kind, fields = await call.fails("baml.sys.shell", "echo out; echo went wrong >&2; exit 3")
    assert (kind, fields["exit_code"]) == ("Io", 3)
    assert "went wrong" in fields["message"]
    assert "status 3" in fields["message"]
    assert (await call.fails("baml.sys.shell", "a\0b"))[0] == "InvalidArgument"


def is_running(stat: Path) -> bool:
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_cancelled_shell_command_leaves_no_process(call: Any, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = f"sleep 60 & echo $! > {pids}.new; mv {pids}.new {pids}; wait"
    task = asyncio.create_task(call("baml.sys.shell", command))
    async with asyncio.timeout(5):
        while not pids.exists():  # noqa: ASYNC110 (another process makes it)
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    child = Path(f"/proc/{pids.read_text().strip()}/stat")
    async with asyncio.timeout(5):
        while is_running(child):  # noqa: ASYNC110 (another process ends it)
            await asyncio.sleep(0.01)


# fs


async def test_a_file(closed_call: Any, tmp_path: Path) -> None:
    written = tmp_path / "a.txt"
    path = str(written)
    text = "häuser\r\nline\n"
    assert await closed_call("baml.fs.write", path, "longer than what follows" * 9) is None
    await closed_call("baml.fs.write", path, text)
    assert written.read_bytes() == text.encode()
    assert await closed_call("baml.fs.read", path) == text
    file = await closed_call("baml.fs.open", path)
    assert [await closed_call("baml.fs.File.read", file) for _ in range(2)] == [text, ""]
    for _ in range(2):
        await closed_call("baml.fs.File.close", file)
    assert (await closed_call.fails("baml.fs.File.read", file))[0] == "InvalidArgument"


async def test_a_file_left_open_is_closed_with_the_call(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    await call("baml.fs.open", str(tmp_path / "a"))
    assert await call.end() == 1


async def test_files_that_cannot_be_used(call: Any, tmp_path: Path) -> None:
    missing, binary = str(tmp_path / "none" / "a"), tmp_path / "b"
    binary.write_bytes(b"ok\xff")
    for path, arguments in (
        ("open", [missing]),
        ("read", [missing]),
        ("write", [missing, ""]),
        ("read", [str(tmp_path)]),
    ):
        kind, fields = await call.fails(f"baml.fs.{path}", *arguments)
        assert (kind, fields["path"]) == ("Io", arguments[0])
        assert arguments[0] in fields["message"]
    kind, fields = await call.fails("baml.fs.read", str(binary))
    assert (kind, "not UTF-8 text (byte 2)" in fields["message"]) == ("Io", True)
    assert (await call.fails("baml.fs.read", "a\0b"))[0] == "InvalidArgument"


# net


async def test_a_socket(closed_call: Any) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.readexactly(len("häuser".encode()))
        writer.write(said.upper()[:2])
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(said.upper()[2:])
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = await closed_call("baml.net.connect", f"127.0.0.1:{port}")
        await closed_call("baml.net.Socket.write", socket, "häuser")
        heard = ""
        while text := await closed_call("baml.net.Socket.read", socket):
            heard += text
        assert heard == "HäUSER", "a character split over two arrivals"
        for _ in range(2):
            await closed_call("baml.net.Socket.close", socket)
        assert (await closed_call.fails("baml.net.Socket.read", socket))[0] == "InvalidArgument"


async def test_a_socket_left_open_is_closed_with_the_call(call: Any) -> None:
    closed = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        await call("baml.net.connect", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert await call.end() == 1
        async with asyncio.timeout(1):
            await closed.wait()


@pytest.mark.parametrize(
    "address", ["", "host", "host:", ":80", "host:http", "host:99999", "host:\N{SUPERSCRIPT TWO}", "[]:1"]
)
async def test_what_is_no_address(call: Any, address: str) -> None:
    kind, fields = await call.fails("baml.net.connect", address)
    assert (kind, repr(address) in fields["message"]) == ("InvalidArgument", True)


async def test_nobody_listens(call: Any, unused_tcp_port: int) -> None:
    kind, fields = await call.fails("baml.net.connect", f"127.0.0.1:{unused_tcp_port}")
    assert (kind, str(unused_tcp_port) in fields["message"]) == ("Network", True)
    assert (await call.fails("baml.net.connect", "a" * 64 + ".test:80"))[0] in ("InvalidArgument", "Network")


# env


async def test_environment(call: Any) -> None:
    assert call.start("env.get", "GREETING") == "hello"
    assert call.start("env.get", "NONE") is None
    assert call.start("env.get_or_panic", "GREETING") == "hello"
    with pytest.raises(Thrown, match="NONE") as caught:
        call.start("env.get_or_panic", "NONE")
    assert caught.value.class_name == "baml.panics.UserPanic"


# what the host may deny


@pytest.mark.parametrize(
    ("capability", "path", "arguments"),
    [
        ("shell", "baml.sys.shell", ["true"]),
        ("fs", "baml.fs.open", ["/dev/null"]),
        ("fs", "baml.fs.read", ["/dev/null"]),
        ("fs", "baml.fs.write", ["/dev/null", ""]),
        ("net", "baml.net.connect", ["127.0.0.1:1"]),
    ],
)
async def test_denied(call: Any, capability: str, path: str, arguments: list[str]) -> None:
    call.scope.services.denied = frozenset({capability})
    kind, fields = await call.fails(path, *arguments)
    assert kind == "InvalidArgument"
    assert path in fields["message"]
    assert repr(capability) in fields["message"]


@pytest.mark.parametrize("path", ["env.get", "env.get_or_panic"])
async def test_a_denied_environment_panics(call: Any, path: str) -> None:
    call.scope.services.denied = frozenset({"env"})
    with pytest.raises(Thrown, match="denies") as caught:
        call.start(path, "GREETING")
    assert caught.value.class_name == "baml.panics.UserPanic"
