"""Every code block of the documentation runs, or says why it does not.

The blocks of a page run in their order in a folder of the page's own, as a reader would try them (``blocks.py`` has the
rules).  Programs call OpenAI; in the files that a page names, the client has the address of a mock server, and nothing
else is changed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml

import bamlvm
from bamlvm.mock import ThreadedMockServer
from tests.pages.blocks import DOCS, ROOT, Block, blocks, pages, setting

pytestmark = pytest.mark.slow

_UNDER_TEST: Final = ROOT / ".links"
_KEY: Final = re.compile(r"api_key env\.OPENAI_API_KEY")
_CHECKED: Final = {"toml": tomllib.loads, "yaml": yaml.safe_load, "json": json.loads}
_NOT_RUN: Final = frozenset({"text", "jinja", "diff", "typescript", "html", "dockerfile", "lua", "csv", "jsonl", ""})
_COMMANDS: Final = {"bamlvm": "-m bamlvm", "pytest": "-m pytest -p no:cacheprovider", "python": ""}
_RUN_PYTHON: Final = """
import asyncio, inspect, sys, types
sys.path.insert(0, ".")
module = types.ModuleType("__main__")
sys.modules["__main__"] = module
names = module.__dict__
for number, (line, text) in enumerate(BLOCKS):
    code = compile("\\n" * (line - 1) + text, PAGE, "exec", flags=FLAGS)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, names))
    else:
        exec(code, names)
"""


class Page:
    """A page being tried: its folder, its environment, its Python so far."""

    def __init__(self, name: str, folder: Path, server: ThreadedMockServer) -> None:
        self.name = name
        self.label = f"docs/{name}".replace("docs/../", "")
        self.text = (DOCS / name).read_text("utf-8")
        self.folder = folder
        self.now = folder  # where the page's commands have gone by `cd`
        self.url = server.url
        chosen = setting(self.text)
        rules = list(chosen.rules)
        if chosen.answers or not rules:
            rules.append({"answers": chosen.answers or [{"text": "Hello"}], "after": "cycle"})
        server.play({"rules": rules})
        scripts = folder / ".bin"
        scripts.mkdir()
        for command, module in _COMMANDS.items():
            (scripts / command).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            (scripts / command).chmod(0o755)
        self.environment = {
            "PATH": f"{scripts}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(_UNDER_TEST), *sys.path))),
            "HOME": str(folder),
            "OPENAI_API_KEY": "key",
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "COLUMNS": "100",
            **chosen.env,
        }
        self.python: list[Block] = []
        self.declared: dict[str, str] = {}

    def place(self, block: Block) -> str:
        return f"{self.label}:{block.line}"

    def run(self, block: Block) -> None:
        """Try a block: raise what says that the page is wrong."""
        if block.word == "not run":
            assert block.about and len(block.about) > 8, f"{self.place(block)}: say why it cannot run"
            return
        if block.language in _CHECKED:
            _CHECKED[block.language](block.text)
        if block.title is not None:
            self._write(block)
        elif block.word == "as a test":
            self._test(block)
        elif block.language == "python":
            self.python.append(block)
        elif block.language == "baml":
            self._check(block)
        elif block.language == "console":
            self.flush()
            self._console(block)
        elif block.language == "sh":
            self.flush()
            done = self._shell(block.text)
            assert done.returncode == 0, f"{self.place(block)}: {done.stdout}{done.stderr}"
        else:
            assert block.language in (_NOT_RUN | _CHECKED.keys()), f"{self.place(block)}: what is {block.language}?"

    def flush(self) -> None:
        """Run the page's Python so far, all of it in one process: a page tells one story."""
        if not self.python:
            return
        pairs = [(each.line, each.text) for each in self.python]
        program = f"BLOCKS = {pairs!r}\nPAGE = {self.label!r}\nFLAGS = {0x2000}\n{_RUN_PYTHON}"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=self.now,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{self.label}: {done.stdout}{done.stderr}"
        self._compare_comments(done.stdout)
        self.python = []

    def _compare_comments(self, printed: str) -> None:
        """Hold what ``print(…)  # text`` printed against its comment."""
        for block in self.python:
            beside = re.findall(r"(?m)^ *print\(.*\)  # (.*)$", block.text)
            below = re.search(r"((?:^# .*\n)+)\Z", block.text, re.MULTILINE)  # at the end of a block: all of it
            for shown in (*beside, *(line[2:] for line in (below[1] if below else "").splitlines())):
                words = [re.escape(part) for part in shown.split("…")]
                assert re.search(f"(?m)^{'.*'.join(words)}$", printed), f"{self.place(block)}: {shown!r} in {printed!r}"

    def _write(self, block: Block) -> None:
        assert block.title is not None
        path = self.now / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        text = block.text
        if block.language == "baml":
            text = _KEY.sub(lambda found: f'{found[0]}  base_url "{self.url}/v1"', text)
        elif block.language == "python":
            compile(text, block.title, "exec")
        path.write_text(text, encoding="utf-8")

    def _test(self, block: Block) -> None:
        path = self.now / "tests" / f"{block.about}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        done = self._shell(f"pytest -q tests/{path.name}")
        assert done.returncode == 0, f"{self.place(block)}: {done.stdout}{done.stderr}"

    def _check(self, block: Block) -> None:
        """Compile a block together with the page's program and its earlier blocks."""
        source = self.now / "baml_src"
        files = {str(path): path.read_text() for path in sorted(source.rglob("*.baml"))} if source.is_dir() else {}
        self.declared[self.place(block)] = block.text
        report = bamlvm.check(files | self.declared)
        problems = [each for each in report.diagnostics if each.severity == "error"]
        assert not problems, f"{self.place(block)}: {problems}"

    def _console(self, block: Block) -> None:
        commands: list[tuple[str, list[str]]] = []
        for line in block.text.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        for command, shown in commands:
            done = self._shell(command)
            printed = done.stdout + done.stderr
            if not shown:
                assert done.returncode == 0, f"{self.place(block)}: $ {command}\n{printed}"
                continue
            pattern = ".*?".join(re.escape(part) for part in "\n".join(shown).split("…"))
            as_shown = re.match(f"(?s){pattern}", printed) is not None
            assert as_shown, f"{self.place(block)}: $ {command}\n{printed}"

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the last one has left off."""
        place = self.folder / ".bin" / "now"
        done = subprocess.run(
            ["bash", "-e", "-c", f"trap 'pwd > {place}' EXIT\n{command}"],
            cwd=self.now,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        self.now = Path(place.read_text().strip())
        return done


@pytest.mark.parametrize("name", pages())
def test_the_blocks_run(name: str, tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> None:
    page = Page(name, tmp_path, threaded_mock_server)
    for block in blocks(page.text):
        page.run(block)
    page.flush()


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"(?m)^ *- .*?: ([\w./-]+\.md)$", text[text.index("\nnav:") :])
    found = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.parent.name != "decisions"]
    assert sorted(listed) == sorted(found)


def test_few_blocks_do_not_run() -> None:
    counted = [each for name in pages() for each in blocks((DOCS / name).read_text("utf-8"))]
    left_out = [each for each in counted if each.word == "not run"]
    assert len(left_out) <= len(counted) // 5, [each.about for each in left_out]
