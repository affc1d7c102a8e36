"""Anthropic's Messages.

Documents: "Messages" and "API versions" (Anthropic API reference).  The system prompt stands beside the conversation;
``max_tokens`` is required.
"""

from __future__ import annotations

from typing import Any, Final

from bamlvm.sysops.accumulators.base import tokens_of
from bamlvm.sysops.accumulators.usage import AnthropicUsage
from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.requests.options import Options
from bamlvm.sysops.requests.providers import Provider, endpoint, headers
from bamlvm.sysops.requests.wire import (
    Answer,
    HttpRequest,
    decoded,
    text_or_none,
    unreadable,
    unsupported_media,
)
from bamlvm.vm.values import Media

VERSION: Final = "2023-06-01"
MAX_TOKENS: Final = 4096


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages; a first message of the system becomes the system prompt."""
    body = options.body()
    body.setdefault("max_tokens", MAX_TOKENS)
    if len(messages) > 1 and messages[0].role == "system":
        body["system"] = [_part(options, part) for part in messages[0].parts]
        messages = messages[1:]
    body["messages"] = [
        {"role": message.role, "content": [_part(options, part) for part in message.parts]} for message in messages
    ]
    if stream:
        body["stream"] = True
    url = endpoint(row, options, "/v1/messages")
    return HttpRequest(url, headers(row, options, anthropic_version=VERSION), body, options.timeouts())


def _part(options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    return {"type": _block(options, content), "source": _source(options, content), **part.metadata}


def _block(options: Options, media: Media) -> str:
    kinds = {"image": "image", "pdf": "document"}
    if media.kind not in kinds:
        raise unsupported_media(options, media)
    return kinds[media.kind]


def _source(options: Options, media: Media) -> dict[str, Any]:
    if media.source == "url":
        return {"type": "url", "url": media.data}
    mime = media.mime or ("application/pdf" if media.kind == "pdf" else None)
    if not mime:
        raise unsupported_media(options, media, "without a media type")
    return {"type": "base64", "media_type": mime, "data": media.data}


def read(body: str) -> Answer:
    """What a message says: its text blocks, joined."""
    data = decoded(body)
    blocks = data.get("content")
    if not isinstance(blocks, list):
        raise unreadable(body)
    texts = (block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text")
    return Answer(
        "".join(text for text in texts if isinstance(text, str)),
        text_or_none(data.get("stop_reason")),
        text_or_none(data.get("model")),
        tokens_of(AnthropicUsage, data.get("usage")),
    )
