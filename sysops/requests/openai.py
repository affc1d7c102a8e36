"""OpenAI's Chat Completions.

Documents: "Create chat completion" and "The chat completion object" (OpenAI API reference); "Chat completions" (Azure
OpenAI reference), which puts the deployment in the path and the version in the query.
"""

from __future__ import annotations

from typing import Any, Final

from bamlvm.sysops.accumulators.base import tokens_of
from bamlvm.sysops.accumulators.usage import OpenAIUsage
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

AZURE_MAX_TOKENS: Final = 4096
"""Azure's own default is 16, so one is always sent; ``max_tokens null`` or ``max_completion_tokens`` lifts it."""

_AZURE_OPTIONS: Final = ("resource_name", "deployment_id", "api_version")


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages; ``stream`` asks for events, and the token counts at their end."""
    if row.name == "azure-openai":
        body = options.body(*_AZURE_OPTIONS)
        if "max_completion_tokens" not in body:
            body.setdefault("max_tokens", AZURE_MAX_TOKENS)
        if body.get("max_tokens", 0) is None:
            del body["max_tokens"]
    else:
        body = options.body()
    body["messages"] = [_message(row, options, message) for message in messages]
    if stream:
        body["stream"] = True
        if row.include_usage:
            given = body.get("stream_options")
            body["stream_options"] = {**(given if isinstance(given, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    url = endpoint(row, options, "/chat/completions")
    return HttpRequest(url, headers(row, options), body, options.timeouts())


def _message(row: Provider, options: Options, message: Message) -> dict[str, Any]:
    if row.plain_text and all(isinstance(part.content, str) and not part.metadata for part in message.parts):
        return {"role": message.role, "content": " ".join(str(part.content) for part in message.parts)}
    return {"role": message.role, "content": [_part(options, part) for part in message.parts]}


def _part(options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    return {**_media(options, content), **part.metadata}


def _media(options: Options, media: Media) -> dict[str, Any]:
    if media.kind == "image":
        return {"type": "image_url", "image_url": {"url": _url(options, media)}}
    if media.kind == "audio":
        if media.source != "base64" or not media.mime:
            raise unsupported_media(options, media, "but base64 data with a media type")
        form = media.mime.rpartition("/")[2].removeprefix("x-")
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": form.replace("mpeg", "mp3")}}
    if media.kind == "pdf" and media.source == "base64":
        data = f"data:application/pdf;base64,{media.data}"
        return {"type": "file", "file": {"filename": "document.pdf", "file_data": data}}
    raise unsupported_media(options, media, "by URL" if media.source == "url" else "")


def _url(options: Options, media: Media) -> str:
    if media.source == "url":
        return media.data
    if not media.mime:
        raise unsupported_media(options, media, "without a media type")
    return f"data:{media.mime};base64,{media.data}"


def read(body: str) -> Answer:
    """What a chat completion says; its first choice is the answer."""
    data = decoded(body)
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise unreadable(body)
    return Answer(
        _content(message.get("content")),
        text_or_none(choice.get("finish_reason")),
        text_or_none(data.get("model")),
        tokens_of(OpenAIUsage, data.get("usage")),
    )


def _content(content: Any) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text")
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
