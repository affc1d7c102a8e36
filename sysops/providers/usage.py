"""Token counts: the providers' reports, in one meaning.

``input`` counts the whole prompt and ``output`` the whole answer.  The others are parts of these two, never beside
them: ``cached_input`` was read from the provider's cache, ``cache_write`` was written to it, ``reasoning`` was thought.
None means that the provider did not say.

The providers mean different things by their own counts.  Each wire format has a :class:`Report` of its own:

========== ================================================ ========================================================
OpenAI     ``prompt_tokens``, ``completion_tokens``         the details are parts of them
Responses  ``input_tokens``, ``output_tokens``              the details are parts of them
Anthropic  ``input_tokens``                                 *without* what the cache served or took, which is added
Google     ``promptTokenCount``, ``candidatesTokenCount``   the answer is *without* thoughts, which are added; the
                                                            prompt has its cached part, not that of tools
Bedrock    ``inputTokens``, ``outputTokens``                with or without what the cache served or took, as the total
                                                            says
========== ================================================ ========================================================

Documents: "The chat completion object", "The response object" (OpenAI API reference); "Messages", "Prompt caching"
(Anthropic API documentation); "UsageMetadata" (Gemini API reference); "Context caching" (DeepSeek, for
``prompt_cache_hit_tokens``); "Usage accounting" (OpenRouter, for ``cache_write_tokens``).

All of them are cumulative: a later report replaces an earlier one, part by part.  A gateway may end a stream with a
report of zeros, which takes nothing back.
"""

from __future__ import annotations

from typing import Annotated, Protocol, TypeAlias

import msgspec

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number of tokens."""


class Tokens(msgspec.Struct, gc=False):
    """The tokens of one answer."""

    input: int | None = None
    output: int | None = None
    cached_input: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


class Report(Protocol):
    """A provider's own counts."""

    def note(self, tokens: Tokens) -> None:
        """Write the counts of this report into ``tokens``, and leave there what it does not count."""


class InputDetails(msgspec.Struct, gc=False):
    """The parts of a prompt, as both formats of OpenAI report them."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """The parts of an answer, as both formats of OpenAI report them."""

    reasoning_tokens: Count | None = None


def note(tokens: Tokens, prompt: int | None, answer: int | None) -> None:
    """Write the counts that are reported into ``tokens``; a 0 says nothing where a number came before."""
    if prompt is not None and (prompt or not tokens.input):
        tokens.input = prompt
    if answer is not None and (answer or not tokens.output):
        tokens.output = answer


def note_details(tokens: Tokens, prompt: InputDetails | None, answer: OutputDetails | None) -> None:
    """Write the parts that are reported into ``tokens``."""
    if prompt is not None:
        if prompt.cached_tokens is not None:
            tokens.cached_input = prompt.cached_tokens
        if prompt.cache_write_tokens is not None:
            tokens.cache_write = prompt.cache_write_tokens
    if answer is not None and answer.reasoning_tokens is not None:
        tokens.reasoning = answer.reasoning_tokens
