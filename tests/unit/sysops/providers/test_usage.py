"""Token counts: the providers' reports in one meaning."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.providers import anthropic, google, openai, responses
from bamlvm.sysops.providers.accumulator import fitted, tokens_of
from bamlvm.sysops.providers.usage import Tokens

PARTS = ("input", "output", "cached_input", "cache_write", "reasoning")


@pytest.mark.parametrize(
    ("report", "usages", "expected"),
    [
        (
            openai.Usage,
            [
                {
                    "prompt_tokens": 100,
                    "completion_tokens": 30,
                    "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 20},
                }
            ],
            (100, 30, 64, None, 20),
        ),
        (
            openai.Usage,
            [{"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}],
            (9, 1, 4, None, None),
        ),
        (
            openai.Usage,  # OpenRouter says what it wrote to a cache
            [{"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 5}}],
            (9, 1, None, 5, None),
        ),
        (
            openai.Usage,
            [{"prompt_tokens": 9, "prompt_tokens_details": None}, {"completion_tokens": 2}],
            (9, 2, *[None] * 3),
        ),
        (
            responses.Usage,
            [
                {
                    "input_tokens": 80,
                    "input_tokens_details": {"cached_tokens": 0},
                    "output_tokens": 50,
                    "output_tokens_details": {"reasoning_tokens": 40},
                }
            ],
            (80, 50, 0, None, 40),
        ),
        (
            anthropic.Usage,  # cumulative: what comes last counts, and the prompt is the sum of its three parts
            [
                {
                    "input_tokens": 10,
                    "cache_read_input_tokens": 100,
                    "cache_creation_input_tokens": 1000,
                    "output_tokens": 1,
                },
                {"output_tokens": 7},
                {"input_tokens": 0, "cache_read_input_tokens": 100, "output_tokens": 9},
                {"input_tokens": 12, "cache_creation_input_tokens": 1000, "output_tokens": 15},
            ],
            (1112, 15, 100, 1000, None),
        ),
        (anthropic.Usage, [{"input_tokens": None, "output_tokens": 3}], (None, 3, None, None, None)),
        (
            google.Usage,
            [
                {
                    "promptTokenCount": 40,
                    "cachedContentTokenCount": 30,
                    "candidatesTokenCount": 1,
                    "thoughtsTokenCount": 5,
                },
                {
                    "promptTokenCount": 40,
                    "candidatesTokenCount": 8,
                    "thoughtsTokenCount": 9,
                    "toolUsePromptTokenCount": 2,
                },
            ],
            (42, 17, 30, None, 9),
        ),
        (openai.Usage, [{"prompt_tokens": -1, "completion_tokens": 2**70, "prompt_tokens_details": []}], (None,) * 5),
    ],
)
def test_counts_mean_the_same_whatever_the_provider(report: Any, usages: list[dict[str, Any]], expected: Any) -> None:
    streamed = Tokens()
    for usage in usages:
        fitted(report, usage).note(streamed)
    assert tuple(getattr(streamed, name) for name in PARTS) == expected
    if len(usages) == 1:
        assert tokens_of(report, usages[0]) == streamed
    assert tokens_of(report, None) == Tokens()
