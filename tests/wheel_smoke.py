"""Build sdist and wheel, install the wheel into a fresh environment, and run a program there: editable installs hide
missing files.  Then install the sdist's tree as an editable install: a fresh checkout has no generated file.

Checked: the command runs a program and refuses a wrong one; the standard library comes compiled, the grammar with its
tables; ``import bamlvm`` and a warm run load no compiler, and nothing loads Lark.  Exits non-zero with what is wrong.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent

PROGRAM = """
class Point { x int  y int }
function main() -> string {
  let points = [Point { x: 1, y: 2 }, Point { x: 3, y: 4 }];
  let sum = points.map((p: Point) -> int { p.x * p.y }).reduce((a: int, b: int) -> int { a + b }, 0);
  `sum ${sum}`
}
"""

PROBE = """
import sys, bamlvm
heavy = {"lark", "httpx", "jinja2"} & set(sys.modules)
assert not heavy, f"import bamlvm loads {heavy}"
runtime = bamlvm.Runtime.from_files({"main.baml": open(sys.argv[1]).read()})
assert runtime.call_function_sync("main", {}) == "sum 14"
compiler = [name for name in sys.modules if name.startswith("bamlvm.compiler")]
assert sys.argv[2] != "warm" or not compiler, f"a warm run loads {compiler}"
assert "lark" not in sys.modules, "the grammar's tables are missing or stale"
from importlib.resources import files
compiled = files("bamlvm.stdlib").joinpath("stdlib.bamlc").is_file()
assert compiled != (sys.argv[2] == "editable"), "only a wheel's standard library is compiled"
assert files("bamlvm").joinpath("py.typed").is_file(), "py.typed is missing"
from importlib.metadata import entry_points
(plugin,) = entry_points(group="pytest11", name="bamlvm")
assert files("bamlvm").joinpath(plugin.module.partition(".")[2] + ".py").is_file(), "the pytest plugin is missing"
"""


def run(*command: str | Path, expect: int = 0, environment: dict[str, str] | None = None) -> str:
    """Run a command; its standard output.  Raises SystemExit where it ends with another code than ``expect``."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, timeout=600)
    if done.returncode != expect:
        raise SystemExit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bamlvm-wheel-") as work_name:
        work = Path(work_name)
        run(sys.executable, "-m", "build", "--outdir", work / "dist", ROOT)
        (wheel,) = (work / "dist").glob("*.whl")
        (sdist,) = (work / "dist").glob("*.tar.gz")
        run(sys.executable, "-m", "venv", work / "venv")
        python = work / "venv" / "bin" / "python"
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*install, wheel)
        program = work / "hello.baml"
        program.write_text(PROGRAM, encoding="utf-8")
        (work / "wrong.baml").write_text("function main() -> int { missing }", encoding="utf-8")
        environment = {**os.environ, "BAMLVM_CACHE_DIR": str(work / "cache")}
        command = work / "venv" / "bin" / "bamlvm"
        printed = run(command, "run", program, environment=environment)
        if printed != "sum 14\n":
            raise SystemExit(f"the program printed {printed!r}")
        run(command, "run", work / "wrong.baml", expect=3, environment=environment)
        for state in ("cold", "warm"):
            run(python, "-c", PROBE, program, state, environment=environment)
        shutil.unpack_archive(sdist, work / "checkout", filter="data")
        (tree,) = (work / "checkout").iterdir()
        if generated := [*tree.rglob("*.table"), *tree.rglob("*.bamlc")]:
            raise SystemExit(f"the sdist holds what is made from its sources: {generated}")
        run(*install, "--force-reinstall", "--no-deps", "--editable", tree)
        run(python, "-c", PROBE, program, "editable", environment=environment)
        print(
            f"wheel: {wheel.stat().st_size >> 10} KiB, sdist: {sdist.stat().st_size >> 10} KiB; built, installed, ran"
        )


if __name__ == "__main__":
    main()
