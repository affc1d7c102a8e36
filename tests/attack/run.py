"""Attack bamlvm: ``make attack``, or ``python -m tests.attack.run [KIND | KIND/SLUG …]``.

Each attack runs in a child process with limited address space and processor time (``RLIMIT_AS``, ``RLIMIT_CPU``) and no
core file.  It holds if the child says what the attack's row expects, and ends by itself.
"""

from __future__ import annotations

import functools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from tests.attack import answers, caches, capabilities, events, files, programs, recordings, servers, sources, transfers
from tests.attack.case import Attack

ROOT: Final = Path(__file__).parents[2]

PATIENCE: Final = 300.0
"""Seconds after which a child that takes no processor time is one that waits for what never comes."""

KINDS: Final[Mapping[str, Sequence[Attack]]] = {
    "programs": programs.ATTACKS,
    "sources": sources.ATTACKS,
    "servers": (*servers.ATTACKS, *transfers.ATTACKS, *events.ATTACKS, *answers.ATTACKS),
    "recordings": recordings.ATTACKS,
    "caches": caches.ATTACKS,
    "capabilities": capabilities.ATTACKS,
    "files": files.ATTACKS,
}


@dataclass(frozen=True)
class Outcome:
    """How an attack ended: ``problem`` is None if it was withstood; ``megabytes`` is the most memory that it had."""

    problem: str | None
    seconds: float
    megabytes: float


@functools.cache
def _standard_library() -> Mapping[str, bytes]:
    """Return the files of a disk cache that has the standard library, so that not every child compiles it."""
    with tempfile.TemporaryDirectory() as folder:
        load_standard(True, Cache(Path(folder)))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def attack(kind: str, each: Attack) -> Outcome:
    """Run one attack in a child process."""
    command = [sys.executable, "-m", "tests.attack.run", "--one", kind, each.slug]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "HOME": folder, "TMPDIR": folder}
        for name in [name for name in environment if name.endswith("_API_KEY") or name.lower().endswith("_proxy")]:
            del environment[name]
        cache = Path(folder, "bamlvm")
        cache.mkdir(mode=0o700)
        for name, content in _standard_library().items():
            (cache / name).write_bytes(content)
        child = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
        try:
            status = child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            status = None
        output.seek(0)
        text = output.read()[-4000:].decode("utf-8", "replace").strip()
    seconds = time.monotonic() - started
    *before, last = text.splitlines() or [""]
    said, _, peak = last.rpartition("\t")
    megabytes = float(peak) if said.startswith("= ") else 0.0
    if status is None:
        problem: str | None = f"did not end within {PATIENCE:g} s: {text}"
    elif status == -signal.SIGXCPU:
        problem = f"took more than {each.seconds:g} s of processor time: {text}"
    elif status:
        problem = f"ended with {f'signal {-status}' if status < 0 else f'status {status}'}: {text}"
    elif before:
        problem = f"printed: {text}"
    elif said != f"= {each.expected}":
        problem = f"expected {each.expected!r}, got {said.removeprefix('= ')!r}"
    else:
        problem = None
    return Outcome(problem, seconds, megabytes)


def main(words: list[str]) -> int:
    if words and words[0] == "--one":
        return _one(words[1], words[2])
    broken = 0
    for kind, attacks in KINDS.items():
        for each in attacks:
            if words and kind not in words and f"{kind}/{each.slug}" not in words:
                continue
            outcome = attack(kind, each)
            broken += outcome.problem is not None
            mark = "held " if outcome.problem is None else "BROKE"
            print(f"{mark} {outcome.seconds:5.1f} s {outcome.megabytes:6.0f} MB  {kind}/{each.slug}", flush=True)
            if outcome.problem is not None:
                print("      " + outcome.problem.replace("\n", "\n      "), flush=True)
    print(f"{broken} attacks broke a promise" if broken else "every promise held")
    return 1 if broken else 0


def _one(kind: str, slug: str) -> int:
    """Run an attack in this process, and print what came of it and the most memory that it took."""
    (each,) = (found for found in KINDS[kind] if found.slug == slug)
    limit = each.megabytes * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (int(each.seconds), int(each.seconds) + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        said = each.run()
    except Exception:
        traceback.print_exc()
        return 3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    print(f"= {said}\t{peak:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
