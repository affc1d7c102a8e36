"""``bamlvm.asgi`` in somebody else's application."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

import bamlvm
from tests.unit.tools.server.conftest import PROGRAM


async def test_it_can_be_mounted_and_the_host_closes_the_runtime() -> None:
    runtime = bamlvm.Runtime.from_files({"main.baml": PROGRAM})

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with runtime:
            yield

    app = Starlette(routes=[Mount("/baml", bamlvm.asgi(runtime))], lifespan=lifespan)
    transport = httpx.ASGITransport(app)
    async with lifespan(app), httpx.AsyncClient(transport=transport, base_url="http://h/baml") as client:
        assert (await client.post("/call/Echo", json={"text": "t"})).json() == "t"
        assert (await client.post("/call/Nope", json={})).json()["error"] == "not_found"
        assert (await client.get("/nope")).json()["error"] == "not_found"
        assert (await client.get("/call/Echo")).status_code == 405
        assert (await client.get("/ready")).status_code == 200
        servers = (await client.get("/openapi.json")).json()["servers"]
        assert servers[0]["variables"]["address"]["default"] == "http://h/baml"
    async with httpx.AsyncClient(transport=transport, base_url="http://h/baml") as client:
        assert (await client.get("/ready")).status_code == 503


def test_without_the_extra_the_error_names_it() -> None:
    program = """
import sys
sys.modules["starlette"] = None
import bamlvm
runtime = bamlvm.Runtime.from_files({"main.baml": "function f() -> int { 1 }"})
try:
    bamlvm.asgi(runtime)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip().endswith("pip install 'bamlvm[serve]'")
