"""Names are resolved on threads that nothing waits for, also where no name server answers."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bamlvm.sysops.web.transport.names import resolve

ROOT = Path(__file__).parents[5]


async def test_names_and_addresses() -> None:
    assert (socket.AF_INET, ("127.0.0.1", 80)) in await resolve("127.0.0.1", 80)
    assert (await resolve("::1", 443))[0][1][:2] == ("::1", 443)
    both = await asyncio.gather(*[resolve("localhost", 80) for _ in range(20)])
    assert all(found == both[0] and found for found in both)


@pytest.mark.parametrize("name", ["no.such.name.invalid", "a" * 64 + ".invalid", "\udc00", "a\0b"])
async def test_a_name_that_cannot_be_resolved_is_an_error(name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        await resolve(name, 80)


_SILENT = """
    import asyncio, fcntl, socket, struct, subprocess, sys, tempfile, threading, time
    from bamlvm.sysops.web.transport import names
    import bamlvm

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:  # the loopback interface goes up
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 53))
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("nameserver 127.0.0.1\\noptions timeout:30 attempts:4\\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)

        source = '''function F(url: string) -> string { baml.http.fetch(url).text() }'''
        with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:

            async def one(number):
                try:
                    context = bamlvm.CallContext(timeout=0.3)
                    await runtime.call_function("F", {"url": f"http://host{number}.test/"}, context)
                except bamlvm.BamlError as error:
                    return type(error).__name__

            async def main():
                found = set()
                for start in range(0, 80, 20):
                    found |= set(await asyncio.gather(*[one(number) for number in range(start, start + 20)]))
                started = time.monotonic()
                await asyncio.gather(*[asyncio.to_thread(time.sleep, 0.01) for _ in range(40)])
                assert time.monotonic() - started < 60, "the executor's threads are taken"
                return found

            print(sorted(asyncio.run(main())))
            print(sum(each.name == "bamlvm-resolving" for each in threading.enumerate()) <= names.MOST)
            print(len(silent.recv(512)) > 20)
"""


def _may_unshare() -> bool:
    """Whether this process may have a network and a file system of its own, with a name server of its own."""
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run(["unshare", "-rmn", "true"], capture_output=True, check=False).returncode


@pytest.mark.skipif(not _may_unshare(), reason="a name server of one's own needs namespaces (unshare -rmn)")
def test_a_name_server_that_does_not_answer_holds_up_nothing() -> None:
    command = ["unshare", "-rmn", sys.executable, "-c", textwrap.dedent(_SILENT)]
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    kinds, *rest = ended.stdout.splitlines()
    assert rest == ["True", "True"]
    assert kinds in ("['DeadlineExceeded']", "['DeadlineExceeded', 'Network']")
