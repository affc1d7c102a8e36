"""Fuzz with atheris: ``make fuzz``, or ``FUZZ_SECONDS=600 python -m tests.fuzz.run [target …]``.

Each target runs in a process of its own for its share of the seconds (default 60 in all), from its checked-in seeds.
What it finds on the way stays in ``build/fuzz/<target>``, so that the next run goes on from there; an input that breaks
a rule is written beside it, and belongs into the seeds once it is mended.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz.seeds import SEEDS

ROOT = Path(__file__).parents[2]
NAMES = ("sse", "accumulators", "answers", "replay", "parsing", "linking")


def main(words: list[str]) -> int:
    if words and words[0] == "--one":
        return _fuzz(words[1], words[2:])
    names = words or list(NAMES)
    seconds = max(1, int(os.environ.get("FUZZ_SECONDS", "60")) // len(names))
    failed = []
    for name in names:
        found = ROOT / "build" / "fuzz" / name
        found.mkdir(parents=True, exist_ok=True)
        print(f"--- {name}: {seconds} s", flush=True)
        options = [f"-max_total_time={seconds}", "-timeout=20", "-max_len=4096", "-print_final_stats=1", "-verbosity=0"]
        options += [f"-artifact_prefix={found}/broken-", str(found), str(SEEDS / name)]
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, *options]
        if subprocess.run(command, cwd=ROOT, timeout=seconds * 3 + 120, check=False).returncode:
            failed.append(name)
    print(f"broken: {', '.join(failed)}" if failed else "no rule was broken")
    return 1 if failed else 0


def _fuzz(name: str, options: list[str]) -> int:
    import atheris

    with atheris.instrument_imports(include=["bamlvm.sysops", "bamlvm.replay", "bamlvm.vm"]):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()  # ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
