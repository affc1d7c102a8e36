"""The examples of ``docs/observability.md`` run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer

PAGE = Path(__file__).parents[3] / "docs" / "observability.md"
PROGRAM = """
client<llm> Fast { provider openai  retry_policy Twice  options {
    model "gpt-4o-mini"  api_key "sk-example-key"  base_url "URL/v1"
} }
retry_policy Twice { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
function Greet(name: string) -> string { client Fast  prompt #"Greet {{ name }}"# }
"""
HELLO = {"pieces": ["Hello", ", ", "Ada!"], "usage": {"input_tokens": 7, "output_tokens": 3}}
FAILED = {"faults": [{"kind": "status", "code": 503}]}


def test_the_examples(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threaded_mock_server.play({"rules": [{"answers": [FAILED, HELLO], "after": "cycle"}]})
    folder = tmp_path / "baml_src"
    folder.mkdir()
    (folder / "main.baml").write_text(PROGRAM.replace("URL", threaded_mock_server.url))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    text = PAGE.read_text()
    blocks = list(re.finditer(r"(?ms)^```python\n(.*?)^```", text))
    assert len(blocks) >= 5
    try:
        for block in blocks:
            line = text.count("\n", 0, block.start(1))
            exec(compile("\n" * line + block[1], str(PAGE), "exec"), names)
        assert isinstance(names["runtime"], bamlvm.Runtime)
    finally:
        if "runtime" in names:
            names["runtime"].close()
