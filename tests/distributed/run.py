"""``bamlvm batch --engine ray`` on a real cluster of two nodes on this machine: ``make distributed``.

Ray binds the machine's address unless it sees only loopback, so this runs in a network of its own (``unshare -n``).
A node is killed in the middle of a batch: every row has its result exactly once, and no row that had its answer written
is asked again.  The last lines are figures: the same batch in one process and on the cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bamlvm.mock import ThreadedMockServer

PORT: Final = "6390"
ADDRESS: Final = f"127.0.0.1:{PORT}"
RAY: Final = str(Path(sys.executable).with_name("ray"))
PROGRAM: Final = """
class Feeling { mood string  score int }
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "URL/v1" } }
function Feel(text: string) -> Feeling { client C  prompt #"{{ text }} {{ ctx.output_format }}"# }
"""
SIZES: Final = (2_000, 8_000)
SCRIPT: Final = {"rules": [{"answers": [{"text": '{"mood": "good", "score": 1}', "first_delay_ms": 100}]}]}
QUIET: Final = {
    "RAY_DISABLE_USAGE_STATS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


class Node:
    """A node of the cluster: the processes of one ``ray start``, in a group of their own.

    It has one CPU, hence one actor: two nodes share a machine that may have no more than two cores.
    """

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            [RAY, "start", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=1", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **QUIET},
        )

    def kill(self) -> None:
        """End every process of the node at once, its actors too."""
        for number in [self._process.pid, *descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._process.wait(timeout=60)


def descendants(number: int) -> list[int]:
    """Return the processes that a process has started, and those that they have (proc(5), ``/proc/PID/stat``)."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found: list[int] = []
    waiting = [number]
    while waiting:
        parent = waiting.pop()
        children = [each for each, above in parents.items() if above == parent]
        found += children
        waiting += children
    return found


@contextmanager
def cluster() -> Iterator[list[Node]]:
    """Start a cluster of two nodes."""
    nodes = [Node("--head", f"--port={PORT}", "--include-dashboard=false")]
    try:
        wait_for_nodes(1)
        nodes.append(Node(f"--address={ADDRESS}"))
        wait_for_nodes(2)
        yield nodes
    finally:
        for node in reversed(nodes):
            node.kill()


def wait_for_nodes(count: int, at_most: bool = False) -> None:
    """Wait until so many nodes live: that many or more, or ``at_most`` so many."""
    counts = "print('alive', sum(node['Alive'] for node in ray.nodes()))"
    asks = f"import ray; ray.init({ADDRESS!r}, log_to_driver=False); {counts}"
    deadline = time.monotonic() + 120
    while True:
        done = subprocess.run(
            [sys.executable, "-c", asks], capture_output=True, text=True, env={**os.environ, **QUIET}, check=False
        )
        if done.returncode == 0:
            alive = int(re.findall(r"^alive (\d+)$", done.stdout, re.MULTILINE)[0])  # Ray may print news of its own
            if alive <= count if at_most else alive >= count:
                return
        assert time.monotonic() < deadline, done.stderr
        time.sleep(1)


def command(folder: Path, out: str, *words: str) -> list[str]:
    data = str(folder / "data.jsonl")
    return [
        sys.executable,
        "-m",
        "bamlvm",
        "batch",
        "Feel",
        data,
        "-o",
        str(folder / out),
        "--program",
        str(folder),
        *words,
    ]


def run(folder: Path, out: str, *words: str) -> float:
    """Run a batch to its end; return the seconds that it says its calls took."""
    done = subprocess.run(command(folder, out, *words), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    summary = re.search(r"^[\d,]+ rows done.* in ([\d.]+) s.*$", done.stderr, re.MULTILINE)
    assert summary is not None, done.stderr
    print(f"    {summary[0]}", flush=True)
    return float(summary[1])


def lines(path: Path) -> list[dict[str, Any]]:
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def asked(server: ThreadedMockServer) -> Counter[int]:
    return Counter(int(each.body["messages"][-1]["content"].split()[1]) for each in server.requests)


def a_lost_node_loses_nothing_and_pays_nothing_twice(
    folder: Path, server: ThreadedMockServer, nodes: list[Node]
) -> None:
    rows, at_once = 2_000, 40
    write_rows(folder, rows)
    out = folder / "killed.jsonl"
    process = subprocess.Popen(
        command(folder, out.name, "--engine", "ray", "--ray-address", ADDRESS, "--concurrency", str(at_once)),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while len(lines(out)) < rows // 4:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    written = {line["row"] for line in lines(out)}
    nodes.pop().kill()
    wait_for_nodes(1, at_most=True)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    results = lines(out)
    assert [line["row"] for line in results] == list(range(rows))
    assert all(line["result"] == {"mood": "good", "score": 1} for line in results)
    counts = asked(server)
    twice = {row for row, count in counts.items() if count > 1}
    assert not twice & written, f"{len(twice & written)} rows that had their answer written were asked again"
    assert 0 < len(twice) <= at_once, (
        f"{len(twice)} rows were asked twice: the node had no calls in flight, or too many"
    )
    print(
        f"    {len(written)} of {rows} rows were written when the node was killed; "
        f"{len(twice)} in flight were asked again"
    )


def rates_are_the_cluster_s(folder: Path, server: ThreadedMockServer, nodes: list[Node]) -> None:
    write_rows(folder, 60)
    took = run(
        folder, "paced.jsonl", "--engine", "ray", "--ray-address", ADDRESS, "--rate", "20/s", "--concurrency", "40"
    )
    assert took > 59 / 20


def throughput(folder: Path, server: ThreadedMockServer, nodes: list[Node]) -> None:
    """Compare what 6,000 further rows take, so that starting the cluster's actors does not count."""
    cluster_words = ["--engine", "ray", "--ray-address", ADDRESS]
    times: dict[str, list[float]] = {"one process": [], "the cluster": []}
    for rows in SIZES:
        write_rows(folder, rows)
        for name, words in (("one process", []), ("the cluster", cluster_words)):
            times[name].append(run(folder, f"{name}-{rows}.jsonl", "--concurrency", "200", *words))
    for name, (few, many) in times.items():
        print(f"    {SIZES[1] - SIZES[0]:,} rows of 100 ms, 200 at a time, on {name}: {many - few:.1f} s")


def write_rows(folder: Path, count: int) -> None:
    (folder / "data.jsonl").write_text("".join(json.dumps({"text": f"row {row}"}) + "\n" for row in range(count)))


def main() -> int:
    failed = 0
    for check in (a_lost_node_loses_nothing_and_pays_nothing_twice, rates_are_the_cluster_s, throughput):
        name = check.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as path, ThreadedMockServer() as server, cluster() as nodes:
            folder = Path(path)
            (folder / "main.baml").write_text(PROGRAM.replace("URL", server.url))
            server.play(SCRIPT)
            try:
                check(folder, server, nodes)
                print(f"ok      {name}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAILED  {name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
