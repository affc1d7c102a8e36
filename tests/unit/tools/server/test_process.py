"""Processes that serve: ``bamlvm serve`` as users start it, its signals and its workers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bamlvm.mock import ThreadedMockServer
from tests.unit.tools.server.conftest import PROGRAM, until

pytestmark = pytest.mark.slow


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        assert self.url.startswith("http://"), process.communicate()
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def call(self, function: str, /, **args: Any) -> httpx.Response:
        return self.client.post(f"/call/{function}", json=args)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal, and return the exit code and what is on stderr."""
        self.client.close()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=120)
        return self.process.returncode, errors


@pytest.fixture
def serve(tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> Iterator[Callable[..., Served]]:
    program = tmp_path / "main.baml"
    program.write_text(PROGRAM)
    with contextlib.ExitStack() as stack:

        def start(*options: str, **env: str) -> Served:
            command = [sys.executable, "-m", "bamlvm", "serve", str(program), "--port", "0", *options]
            process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env={**os.environ, "MOCK_URL": threaded_mock_server.url, **env},
            )

            def end() -> None:
                if process.poll() is None:
                    process.terminate()
                    process.communicate(timeout=120)
                for stream in (process.stdout, process.stderr):
                    assert stream is not None
                    stream.close()

            stack.callback(end)
            served = Served(process)
            stack.callback(served.client.close)
            return served

        yield start


def posted(url: str, answers: list[Any]) -> threading.Thread:
    """Post in a thread."""

    def post() -> None:
        try:
            answers.append(httpx.post(url, json={"name": "x"}, timeout=120))
        except httpx.HTTPError as error:
            answers.append(error)

    thread = threading.Thread(target=post)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_that_runs_may_end(
    serve: Callable[..., Served], threaded_mock_server: ThreadedMockServer, number: int
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"text": "done", "first_delay_ms": 700}]}]})
    served = serve()
    answers: list[Any] = []
    thread = posted(f"{served.url}/call/Greet", answers)
    until(lambda: len(threaded_mock_server.requests) == 1)
    assert served.end(number) == (0, "")
    thread.join()
    assert answers[0].json() == "done"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}/health")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_call_that_does_not_end_is_cancelled(
    serve: Callable[..., Served], threaded_mock_server: ThreadedMockServer, workers: str
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [{"text": "done", "first_delay_ms": 60_000}]}]})
    served = serve("--grace", "0.2", "--workers", workers)
    answers: list[Any] = []
    threads = [posted(f"{served.url}/{route}/Greet", answers) for route in ("call", "stream")]
    until(lambda: len(threaded_mock_server.requests) == 2)
    assert served.end() == (0, "")
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    assert all("shutting_down" in answer.text for answer in answers)


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_the_server_starts_ends_it(
    serve: Callable[..., Served], number: int, workers: str
) -> None:
    for moment in range(4):
        served = serve("--mock", "--workers", workers)  # whose address is printed before anything is served
        time.sleep(moment / 10)
        if number == signal.SIGINT:  # a terminal sends it to all processes
            os.killpg(served.process.pid, number)
            assert served.end(0) == (0, "")
        else:
            assert served.end(number) == (0, "")


def test_workers_share_their_metrics_and_one_that_dies_is_started_anew(serve: Callable[..., Served]) -> None:
    served = serve("--workers", "2")
    for _ in range(20):
        with httpx.Client(base_url=served.url) as client:
            assert client.post("/call/Echo", json={"text": "t"}).json() == "t"
    page = served.client.get("/metrics").text
    assert 'bamlvm_requests_total{function="Echo",route="call",status="200"} 20.0' in page
    served.client.close()
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    if not children.exists():
        return
    workers = [int(each) for each in children.read_text().split() if b"spawn_main" in command_of(each)]
    assert len(workers) == 2
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    until(lambda: not set(workers) & {int(each) for each in children.read_text().split()})
    with httpx.Client(base_url=served.url, timeout=60) as client:
        assert client.post("/call/Echo", json={"text": "again"}).json() == "again"
        page = client.get("/metrics").text
    assert 'bamlvm_requests_in_flight{route="call"} 0.0' in page
    code, errors = served.end()
    assert code == 0 and errors.count("has died") == 2


def command_of(process: str) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def test_keys_are_not_in_the_command_line_nor_in_the_log(serve: Callable[..., Served], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# of the app\nkey-in-the-file  # may go\n\n")
    served = serve("-v", "--keys-file", str(keys), BAMLVM_KEYS="key-in-the-environment, other")
    for key in ("key-in-the-file", "key-in-the-environment", "other"):
        headers = {"authorization": f"Bearer {key}"}
        assert served.client.post("/call/Echo", json={"text": "t"}, headers=headers).json() == "t"
    assert served.call("Echo", text="t").status_code == 401
    assert b"key-in" not in command_of(str(served.process.pid))
    code, errors = served.end()
    assert code == 0 and "call Echo: 200 after" in errors and "key-in" not in errors


def test_a_server_of_everybody_says_so(serve: Callable[..., Served]) -> None:
    code, errors = serve("--host", "0.0.0.0").end()
    assert code == 0 and errors.startswith("bamlvm serve: anyone who reaches 0.0.0.0 may call these functions")


def test_a_server_on_loopback_is_called_by_its_names_alone(serve: Callable[..., Served]) -> None:
    served = serve("--allow-host", "baml.internal")
    for host, status in (("localhost", 200), ("baml.internal", 200), ("evil.example", 421)):
        answer = served.client.post("/call/Echo", json={"text": "t"}, headers={"host": host})
        assert answer.status_code == status


def test_plausible_answers(serve: Callable[..., Served]) -> None:
    assert set(serve("--mock").call("Extract", text="t").json()) == {"name", "age", "score"}


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    program = tmp_path / "main.baml"
    program.write_text("function f() -> int { 1 }")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "bamlvm", "serve", str(program), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 4
    assert done.stderr == f"bamlvm serve: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
