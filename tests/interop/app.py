"""A service as a user would write it: FastAPI over a runtime, for the servers that :mod:`tests.interop.run` starts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import fastapi  # type: ignore[import-not-found, unused-ignore]  # in its own venv
from fastapi.responses import StreamingResponse  # type: ignore[import-not-found, unused-ignore]  # in its own venv

import bamlvm

SOURCE = """
client C { provider openai-generic  options { base_url env.MODELS  model "m"  api_key "k" } }
function Say(x: string) -> string { client C  prompt #"{{ x }}"# }
"""
runtime = bamlvm.Runtime.from_files({"main.baml": SOURCE})


@asynccontextmanager
async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
    async with runtime:
        yield


app = fastapi.FastAPI(lifespan=lifespan)


@app.get("/loop")
async def loop() -> dict[str, object]:
    import asyncio

    return {"loop": type(asyncio.get_running_loop()).__module__, "process": os.getpid(), "handles": runtime.handles}


@app.get("/whole")
async def whole(x: str) -> dict[str, str]:
    return {"answer": await runtime.call_function("Say", {"x": x})}


@app.get("/blocking")
def blocking(x: str) -> dict[str, str]:
    return {"answer": runtime.call_function_sync("Say", {"x": x})}  # in a thread of the server's


@app.get("/stream")
async def stream(x: str) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async with runtime.stream("Say", {"x": x}) as answer:
            async for partial in answer:
                yield f"data: {partial}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
