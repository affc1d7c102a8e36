"""The same endpoint written by hand on Starlette: with httpx alone, and with the OpenAI SDK.

``uvicorn tests.load.peers:with_httpx`` and ``…:with_openai`` answer ``POST /stream/Say`` as ``bamlvm serve`` does: the
text so far as an event for each piece that arrives, and the whole text at the end.  ``PEER_URL`` is the provider's.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator

import httpx
import openai
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

URL = os.environ.get("PEER_URL", "")
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)


def event(name: str, text: str) -> str:
    return f"event: {name}\ndata: {json.dumps(text)}\n\n"


async def httpx_events(client: httpx.AsyncClient, prompt: str) -> AsyncIterator[str]:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}]}
    text = ""
    async with client.stream("POST", f"{URL}/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            piece = json.loads(line[6:])["choices"][0]["delta"].get("content")
            if piece:
                text += piece
                yield event("partial", text)
    yield event("final", text)


async def openai_events(client: openai.AsyncOpenAI, prompt: str) -> AsyncIterator[str]:
    text = ""
    messages = [{"role": "user", "content": prompt}]
    async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):  # type: ignore  # overloads by `stream`
        piece = chunk.choices[0].delta.content
        if piece:
            text += piece
            yield event("partial", text)
    yield event("final", text)


async def stream(request: Request) -> StreamingResponse:
    args = await request.json()
    state = request.app.state
    return StreamingResponse(state.events(state.client, f"Say {args['text']}"), media_type="text/event-stream")


@contextlib.asynccontextmanager
async def httpx_lifespan(app: Starlette) -> AsyncIterator[None]:
    async with httpx.AsyncClient(limits=LIMITS, timeout=60) as client:
        app.state.client, app.state.events = client, httpx_events
        yield


@contextlib.asynccontextmanager
async def openai_lifespan(app: Starlette) -> AsyncIterator[None]:
    http_client = openai.DefaultAsyncHttpxClient(limits=LIMITS, timeout=60)
    async with openai.AsyncOpenAI(base_url=URL, api_key="key", http_client=http_client) as client:
        app.state.client, app.state.events = client, openai_events
        yield


ROUTES = [Route("/stream/Say", stream, methods=["POST"])]
with_httpx = Starlette(routes=ROUTES, lifespan=httpx_lifespan)
with_openai = Starlette(routes=ROUTES, lifespan=openai_lifespan)
