"""A language server for the tests of a file, and an editor that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
import pytest_lsp
from pytest_lsp import LanguageClient

from tests.support.editor import CONFIG, Editor, start


@pytest_lsp.fixture(config=CONFIG, scope="module")
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    await start(lsp_client)
    yield
    await lsp_client.shutdown_session()


@pytest_asyncio.fixture(loop_scope="module")
async def editor(client: LanguageClient) -> Editor:
    return Editor(client)


@pytest_asyncio.fixture(loop_scope="module")
async def source(tmp_path: Path) -> Path:
    """The folder of a program's sources."""
    folder = tmp_path / "baml_src"
    folder.mkdir()
    return folder
