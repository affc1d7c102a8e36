"""What the checks of :mod:`tests.interop.run` and :mod:`tests.interop.clients` share: servers in processes apart."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import httpx

from bamlvm.mock import ThreadedMockServer

START_SECONDS: Final = 120.0


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@contextlib.contextmanager
def served(command: list[str], url: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process of its own, once it answers; killed at the end if it does not stop by itself."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = time.monotonic() + START_SECONDS
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(url, timeout=5, trust_env=False).status_code < 500:
                        break
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {log.read()[-3000:].decode(errors='replace')}")
                time.sleep(0.2)
            yield process
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def main(checks: Iterable[Callable[[ThreadedMockServer], None]], names: list[str]) -> int:
    """Run the checks, or those that are named, each with a mock server.  One that fails raises, and the others go on;
    return the status of the process, 1 then."""
    failed = []
    for check in checks:
        if names and check.__name__ not in names:
            continue
        started = time.monotonic()
        print(f"{check.__name__}: {(check.__doc__ or '').splitlines()[0]}", flush=True)
        try:
            with ThreadedMockServer() as models:
                check(models)
        except Exception:
            traceback.print_exc()
            failed.append(check.__name__)
        else:
            print(f"    passed in {time.monotonic() - started:.1f} s", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0
