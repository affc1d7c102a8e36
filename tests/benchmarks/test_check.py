"""``bamlvm check`` of a project of fifty files, as a whole command: its processor time, start of Python included.

Goals: 1.5 s cold, which is the first check of the project (the standard library is compiled, as in a wheel), and 150 ms
warm, when nothing has changed; there is a warning in every fifth file, printed both times.  For scale: a Python that
does nothing, and the check of one small file.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest


def processor_time() -> float:
    """Seconds that ended child processes have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


pytestmark = pytest.mark.benchmark(timer=processor_time)

FILES = 50


def file_source(number: int) -> str:
    """One file: types, two functions, an LLM function with its client and test."""
    later = (number + 1) % FILES
    superfluous = '    "never" => "x",\n' if number % 5 == 0 else ""
    return f"""\
/// What file {number} is about.
class Record{number} {{
  title string @description("What it is called")
  count int
  tags string[]
  next Record{later}?
  kind Kind{number}
}}

enum Kind{number} {{ First  Second  Other }}

client<llm> Client{number} {{
  provider openai
  options {{ model "gpt-4o-mini"  api_key env.OPENAI_API_KEY  temperature 0.5 }}
}}

function Extract{number}(text: string, hints: string[]) -> Record{number} {{
  client Client{number}
  prompt #"
    {{{{ _.role("system") }}}}
    Extract a record.
    {{% for hint in hints %}}
      - {{{{ loop.index }}}}: {{{{ hint|upper }}}}
    {{% endfor %}}
    {{{{ ctx.output_format }}}}
    {{{{ _.role("user") }}}} {{{{ text }}}}
  "#
}}

function describe{number}(record: Record{number}) -> string {{
  let parts: string[] = [];
  for (let tag in record.tags) {{
    if (tag.length() > 3) {{ parts.push(tag.to_upper_case()) }} else {{ continue }}
  }}
  let kind = match (record.kind) {{
    Kind{number}.First => "first",
    Kind{number}.Second => "second",
    _ => "other",
{superfluous}  }};
  `${{kind}}: ${{record.title}} (${{parts.join(", ")}})`
}}

function total{number}(records: Record{number}[]) -> int throws string {{
  let sum = records.map((r: Record{number}) -> int {{ r.count }}).reduce((a: int, b: int) -> int {{ a + b }}, 0);
  if (sum < 0) {{ throw "negative" }}
  let first = records.at(0);
  if (first == null) {{ return sum }}
  sum + first.count
}}

test Extracts{number} {{
  functions [Extract{number}]
  args {{ text "a text"  hints ["one", "two"] }}
  @@assert(titled, {{{{ this.title|length > 0 }}}})
}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "baml_src"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"part{number}.baml").write_text(file_source(number))
    (tmp_path / "one.baml").write_text("function main() -> int { 1 }\n")
    return folder


def check(path: Path, cache: Path, warnings: int) -> None:
    command = [sys.executable, "-m", "bamlvm", "check", str(path)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["BAMLVM_CACHE_DIR"] = str(cache)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr.count("warning[") == warnings, done.stderr


def prepared(project: Path) -> Path:
    """A cache that holds the standard library, and with it every module's bytecode is there."""
    cache = project.parent / "prepared"
    check(project.parent / "one.baml", cache, 0)
    return cache


def test_check_of_50_files_cold(benchmark: Any, project: Path) -> None:
    cache = prepared(project)
    numbers = count()

    def setup() -> tuple[tuple[Path, Path, int], dict[str, Any]]:
        fresh = project.parent / f"cache{next(numbers)}"
        shutil.copytree(cache, fresh)
        return (project, fresh, FILES // 5), {}

    benchmark.pedantic(check, setup=setup, rounds=5, warmup_rounds=1)


def test_check_of_50_files_warm(benchmark: Any, project: Path) -> None:
    cache = prepared(project)
    benchmark.pedantic(check, (project, cache, FILES // 5), rounds=10, warmup_rounds=2)


def test_check_of_one_file_warm(benchmark: Any, project: Path) -> None:
    cache = prepared(project)
    benchmark.pedantic(check, (project.parent / "one.baml", cache, 0), rounds=10, warmup_rounds=2)


def test_a_python_that_does_nothing(benchmark: Any) -> None:
    benchmark.pedantic(subprocess.run, ([sys.executable, "-c", "pass"],), {"check": True}, rounds=10, warmup_rounds=2)
