"""Runtimes for the tests, closed and looked into when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import bamlvm


@pytest.fixture
def make() -> Iterator[Callable[..., bamlvm.Runtime]]:
    """Makes runtimes of a source; afterwards none may have anything open or running."""
    made: list[bamlvm.Runtime] = []

    def runtime(source: str, **options: Any) -> bamlvm.Runtime:
        made.append(bamlvm.Runtime.from_files({"main.baml": source}, **options))
        return made[-1]

    yield runtime
    for each in made:
        try:
            assert each.handles == 0
            assert not each.engine.active
        finally:
            each.close()


@pytest.fixture
def llm_source() -> Callable[..., str]:
    """The source of a program with an LLM function ``F(input)`` at a server, tried ``tries`` times."""

    def source(url: str, tries: int = 1, delay_ms: int = 1) -> str:
        return f"""
client<llm> C {{
    provider openai
    retry_policy R
    options {{ model "gpt-4o"  api_key "sk-secret-key"  base_url "{url}/v1" }}
}}
retry_policy R {{ max_retries {tries - 1}  strategy {{ type constant_delay  delay_ms {delay_ms} }} }}
function F(input: string) -> string {{ client C  prompt #"Say hello to {{{{ input }}}}"# }}
function Twice(input: string) -> string {{
    let first = baml.llm.stream_llm_function("F", {{"input": input}});
    let second = baml.llm.stream_llm_function("F", {{"input": first}});
    first + second
}}
"""

    return source
