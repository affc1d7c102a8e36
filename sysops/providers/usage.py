"""Token counts: what the providers report, in one meaning.

``input`` counts the whole prompt and ``output`` the whole answer.  The others are parts of these two, never beside
them: ``cached_input`` was read from the provider's cache, ``cache_write`` was written to it, ``reasoning`` was thought.
None means that the provider did not say.

What the providers mean by their own counts differs:

========== ================================================ ========================================================
OpenAI     ``prompt_tokens``, ``completion_tokens``         the details are parts of them
Responses  ``input_tokens``, ``output_tokens``              the details are parts of them
Anthropic  ``input_tokens``                                 *without* what the cache served or took, which is added
Google     ``promptTokenCount``, ``candidatesTokenCount``   the answer is *without* thoughts, which are added; the
                                                            prompt has its cached part, not that of tools
========== ================================================ ========================================================

Documents: "The chat completion object", "The response object" (OpenAI API reference); "Messages", "Prompt caching"
(Anthropic API documentation); "UsageMetadata" (Gemini API reference); "Context caching" (DeepSeek, for
``prompt_cache_hit_tokens``); "Usage accounting" (OpenRouter, for ``cache_write_tokens``).

All of them are cumulative: a later report replaces an earlier one, part by part.
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
        """Write what this report says into ``tokens``, and leave there what it does not."""


class _InputDetails(msgspec.Struct, gc=False):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    reasoning_tokens: Count | None = None


class OpenAIUsage(msgspec.Struct, gc=False):
    """The ``usage`` of chat completions."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`Report`."""
        _note(tokens, self.prompt_tokens, self.completion_tokens)
        _note_details(tokens, self.prompt_tokens_details, self.completion_tokens_details)
        if self.prompt_cache_hit_tokens is not None:
            tokens.cached_input = self.prompt_cache_hit_tokens


class ResponsesUsage(msgspec.Struct, gc=False):
    """The ``usage`` of responses."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`Report`."""
        _note(tokens, self.input_tokens, self.output_tokens)
        _note_details(tokens, self.input_tokens_details, self.output_tokens_details)


class AnthropicUsage(msgspec.Struct, gc=False):
    """The ``usage`` of messages.  A 0 for the prompt says nothing where a number came before."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`Report`."""
        fresh = None
        if tokens.input is not None:
            fresh = tokens.input - (tokens.cached_input or 0) - (tokens.cache_write or 0)
        if self.input_tokens or fresh is None:
            fresh = self.input_tokens
        if self.cache_read_input_tokens is not None:
            tokens.cached_input = self.cache_read_input_tokens
        if self.cache_creation_input_tokens is not None:
            tokens.cache_write = self.cache_creation_input_tokens
        total = None if fresh is None else fresh + (tokens.cached_input or 0) + (tokens.cache_write or 0)
        _note(tokens, total, self.output_tokens)


class GoogleUsage(msgspec.Struct, rename="camel", gc=False):
    """The ``usageMetadata`` of generated content."""

    prompt_token_count: Count | None = None
    candidates_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None

    def note(self, tokens: Tokens) -> None:
        """See :class:`Report`."""
        prompt, answer = self.prompt_token_count, self.candidates_token_count
        if prompt is not None:
            prompt += self.tool_use_prompt_token_count or 0
        if answer is not None or self.thoughts_token_count is not None:
            answer = (answer or 0) + (self.thoughts_token_count or 0)
        _note(tokens, prompt, answer)
        if self.cached_content_token_count is not None:
            tokens.cached_input = self.cached_content_token_count
        if self.thoughts_token_count is not None:
            tokens.reasoning = self.thoughts_token_count


def _note(tokens: Tokens, prompt: int | None, answer: int | None) -> None:
    if prompt is not None:
        tokens.input = prompt
    if answer is not None:
        tokens.output = answer


def _note_details(tokens: Tokens, prompt: _InputDetails | None, answer: _OutputDetails | None) -> None:
    if prompt is not None:
        if prompt.cached_tokens is not None:
            tokens.cached_input = prompt.cached_tokens
        if prompt.cache_write_tokens is not None:
            tokens.cache_write = prompt.cache_write_tokens
    if answer is not None and answer.reasoning_tokens is not None:
        tokens.reasoning = answer.reasoning_tokens
