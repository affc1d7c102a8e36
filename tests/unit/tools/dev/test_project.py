"""A project that is watched: what it is after each change of its files, and of those that a runtime needs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import bamlvm
from bamlvm.build.loading import Loaded
from bamlvm.build.sources import read_sources
from bamlvm.tools.dev.project import Project

SOURCE = "function one() -> int { 1 }\n"


async def test_a_project_is_followed_through_every_state(tmp_path: Path) -> None:
    file = tmp_path / "main.baml"
    file.write_text(SOURCE)
    refusal: list[str] = []

    def make(files: Mapping[str, str], loaded: Loaded) -> bamlvm.Runtime:
        if refusal:
            raise bamlvm.HostError(refusal[0])
        return bamlvm.Runtime(loaded)

    project = Project(str(tmp_path), lambda: read_sources(tmp_path), make)
    await project.refresh()
    watching = asyncio.ensure_future(project.watch())
    try:
        refusal.append("prices.json: not JSON")
        file.write_text(SOURCE + "// a comment\n")
        assert await project.newer_than(1, 20) == 2
        assert project.problem == "prices.json: not JSON"
        assert await project.ready().call_function("one", {}) == 1  # the last one that could be made

        refusal.clear()
        file.rename(tmp_path / "other.baml")
        assert await project.newer_than(2, 20) == 3
        assert project.problem is None
        assert set(project.compiled) == {"other.baml"}

        (tmp_path / "other.baml").unlink()
        assert await project.newer_than(3, 20) == 4
        assert project.problem is not None and "no .baml file" in project.problem

        file.write_text("function one() -> int {")
        assert await project.newer_than(4, 20) == 5
        assert project.problem is None and project.diagnostics
        file.write_text("function two() -> int { 2 }")
        assert await project.newer_than(5, 20) == 6
        assert await project.ready().call_function("two", {}) == 2
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await project.aclose()
