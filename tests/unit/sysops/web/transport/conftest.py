"""The client of the transport's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from bamlvm.sysops.web.transport.http1 import Transport
from tests.unit.sysops.web.transport.servers import (
    trusting,
)


@pytest_asyncio.fixture
async def client(serve: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client over a transport of ours; afterwards the servers must see every connection closed."""
    async with httpx.AsyncClient(transport=Transport(trusting), timeout=None) as client:
        yield client
