"""Anthropic's Messages.

Documents: "Messages" and "API versions" (Anthropic API reference).  The system prompt stands beside the conversation;
``max_tokens`` is required.
"""

from __future__ import annotations

from typing import Any, Final

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.accumulator import tokens_of
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import AnthropicUsage
from bamlvm.sysops.providers.wire import (
    Answer,
    HttpRequest,
    check_media,
    decoded,
    mime_of,
    only_text,
    text_or_none,
    unreadable,
)

VERSION: Final = "2023-06-01"
MAX_TOKENS: Final = 4096


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages; a first message of the system becomes the system prompt."""
    body = options.body("messages", "stream")
    body.setdefault("max_tokens", MAX_TOKENS)
    if len(messages) > 1 and messages[0].role == "system":
        only_text(options, messages[0], "the system prompt")
        body["system"] = [_part(row, options, part) for part in messages[0].parts]
        messages = messages[1:]
    body["messages"] = [
        {"role": message.role, "content": [_part(row, options, part) for part in message.parts]} for message in messages
    ]
    if stream:
        body["stream"] = True
    url = endpoint(row, options, "/v1/messages")
    return HttpRequest(url, headers(row, options, anthropic_version=VERSION), body)


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    check_media(row, options, content)
    source = (
        {"type": "url", "url": content.data}
        if content.source == "url"
        else {"type": "base64", "media_type": mime_of(options, content), "data": content.data}
    )
    return {"type": "document" if content.kind == "pdf" else "image", "source": source, **part.metadata}


def read(body: str) -> Answer:
    """What a message says: its text blocks, joined."""
    data = decoded(body)
    blocks = data.get("content")
    if not isinstance(blocks, list):
        raise unreadable(body)
    texts = (part.get("text") for part in blocks if isinstance(part, dict) and part.get("type") == "text")
    return Answer(
        "".join(text for text in texts if isinstance(text, str)),
        text_or_none(data.get("stop_reason")),
        text_or_none(data.get("model")),
        tokens_of(AnthropicUsage, data.get("usage")),
    )
