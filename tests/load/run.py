"""Many streams at once through ``bamlvm serve``, beside the same endpoint written by hand: ``make load``.

    LOAD_STREAMS (500)  LOAD_EVENTS (50)  LOAD_GAP_MS (100)  LOAD_ROUNDS (3)  python -m tests.load.run

The provider is ``tests/benchmarks/stream_server.py``; it, the client and each server are processes of their own.
Servers take turns, in every round in another order, each warmed by a round that does not count.  A row is the best of
its rounds: the first partial value at the median and the 99th percentile, in milliseconds from the request; the
server's CPU; its memory after the first round and after all; and its descriptors before the first and after all.

It fails where a stream is not whole, where ours is slower or takes more CPU than a peer, or where it has grown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

HERE: Final = Path(__file__).parent
MOST_GROWTH: Final = 16 * 1024 * 1024
"""Bytes that a server may hold more after all rounds than after the first."""

FEW: Final = 8
"""Descriptors that may be open for good since the start: of threads, of the event loop, of one kept connection."""


class Load(NamedTuple):
    """How much: ``streams`` at once, each of ``events``, one every ``gap`` milliseconds, in so many ``rounds``."""

    streams: int
    events: int
    gap: int
    rounds: int


class Holds(NamedTuple):
    """What a process holds."""

    bytes: int
    files: int


class Server:
    """A server under load, in a process of its own."""

    def __init__(self, name: str, process: subprocess.Popen[str], port: int) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.rounds: list[dict[str, float]] = []
        self.get_ready()
        self.cold = self.holds()
        self.warm = self.cold

    def get_ready(self) -> None:
        """Wait until it answers."""
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=60)
                return
            except httpx.ConnectError:
                time.sleep(0.1)

    def cpu(self) -> float:
        """Return the seconds of CPU that it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def holds(self) -> Holds:
        """Return what it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return Holds(pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{self.process.pid}/fd")))

    def measure(self, load: Load) -> dict[str, Any]:
        """Run all streams once; return the figures of the client, and the server's CPU."""
        before = self.cpu()
        command = [sys.executable, str(HERE / "client.py"), str(self.port), str(load.streams)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        figures: dict[str, Any] = json.loads(done.stdout)
        return {**figures, "cpu": self.cpu() - before}

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def start_ours(folder: Path, provider: str) -> Server:
    program = folder / "main.baml"
    program.write_text(
        f'client<llm> C {{ provider openai  options {{ model "m"  api_key "key"  base_url "{provider}" }} }}\n'
        'function Say(text: string) -> string { client C  prompt #"Say {{ text }}"# }\n'
    )
    command = [sys.executable, "-m", "bamlvm", "serve", str(program), "--port", "0", "--no-env-file"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Server("bamlvm serve", process, int(process.stdout.readline().rpartition(":")[2]))


def start_peer(name: str, provider: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"tests.load.peers:{name}", "--port", str(port)]
    options = ["--no-access-log", "--log-level", "error", "--http", "httptools"]
    process = subprocess.Popen([*command, *options], env={**os.environ, "PEER_URL": provider})
    return Server(f"Starlette, {name.removeprefix('with_')}", process, port)


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        return port


def run(load: Load) -> list[str]:
    """Measure, print a table, and return what is not as it should be."""
    command = [sys.executable, str(HERE.parent / "benchmarks" / "stream_server.py")]
    provider = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert provider.stdin is not None and provider.stdout is not None
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = f"http://127.0.0.1:{int(provider.stdout.readline())}/{load.events}/{load.gap}"
            servers.append(start_ours(Path(folder), url))
            servers += [start_peer(name, url) for name in ("with_httpx", "with_openai")]
            for server in servers:
                server.measure(load)
                server.warm = server.holds()
            for turn in range(load.rounds):
                for place in range(len(servers)):
                    server = servers[(turn + place) % len(servers)]
                    server.rounds.append(server.measure(load))
            return report(load, servers)
        finally:
            for server in servers:
                server.end()
            provider.stdin.close()
            provider.wait(10)
            provider.stdout.close()
            for server in servers:
                if server.process.stdout is not None:
                    server.process.stdout.close()


def settled(server: Server) -> Holds:
    """Return what a server holds once it is idle: connections to the provider are kept for a while."""
    for _ in range(600):
        if server.holds().files <= server.cold.files + FEW:
            break
        time.sleep(0.1)
    return server.holds()


def report(load: Load, servers: list[Server]) -> list[str]:
    """Print the table and return the problems."""
    print(f"{load.streams} streams at once, {load.events} events each, one every {load.gap} ms")
    print(f"{'':22} {'first p50':>10} {'first p99':>10} {'CPU':>8} {'wall':>7} {'RSS':>16} {'files':>9}")
    problems = []
    best: dict[str, dict[str, float]] = {}
    for server in servers:
        row = {name: min(each[name] for each in server.rounds) for name in server.rounds[0]}
        best[server.name] = row
        after = settled(server) if server is servers[0] else server.holds()
        sizes = f"{server.warm.bytes >> 20} → {after.bytes >> 20} MiB"
        print(
            f"{server.name:22} {row['first_p50'] * 1000:>7.0f} ms {row['first_p99'] * 1000:>7.0f} ms "
            f"{row['cpu']:>6.2f} s {row['wall']:>5.2f} s {sizes:>16} {server.cold.files:>3} → {after.files:>3}",
            flush=True,
        )
        if row["whole"] != load.streams:
            problems.append(f"{server.name}: {load.streams - row['whole']} streams were not whole")
        if server is servers[0]:
            if after.bytes - server.warm.bytes > MOST_GROWTH:
                problems.append(f"{server.name} has grown by {(after.bytes - server.warm.bytes) >> 20} MiB")
            if after.files > server.cold.files + FEW:
                problems.append(f"{server.name} has {after.files - server.cold.files} more files open than at first")
    ours, *peers = (best[server.name] for server in servers)
    for peer, server in zip(peers, servers[1:], strict=True):
        problems += [
            f"{name}: {ours[name]:.3f} s, {server.name} {peer[name]:.3f} s"
            for name in ("first_p99", "cpu")
            if ours[name] >= peer[name]
        ]
    return problems


def main() -> int:
    number = {name: int(os.environ.get(f"LOAD_{name.upper()}", value)) for name, value in _DEFAULTS.items()}
    problems = run(Load(number["streams"], number["events"], number["gap_ms"], number["rounds"]))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


_DEFAULTS: Final = {"streams": 500, "events": 50, "gap_ms": 100, "rounds": 3}

if __name__ == "__main__":
    sys.exit(main())
