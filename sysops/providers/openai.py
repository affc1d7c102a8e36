"""OpenAI's Chat Completions.

Documents: "Create chat completion" and "The chat completion object" (OpenAI API reference); "Chat completions" (Azure
OpenAI reference), which puts the deployment in the path and the version in the query; "Multimodal" (OpenRouter), which
takes videos, and PDF by URL.
"""

from __future__ import annotations

from typing import Any, Final

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.accumulator import provider_error, tokens_of
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.usage import OpenAIUsage
from bamlvm.sysops.providers.wire import (
    Answer,
    HttpRequest,
    check_media,
    decoded,
    link,
    mime_of,
    text_or_none,
    unreadable,
)
from bamlvm.vm.values import Media

AZURE_MAX_TOKENS: Final = 4096
"""Azure's own default is 16, so one is always sent; ``max_tokens null`` or ``max_completion_tokens`` lifts it."""

AZURE_USAGE_SINCE: Final = "2024-08-01"
"""The first ``api_version`` that knows ``stream_options``; older ones refuse a request that has it."""

_BUILT: Final = ("messages", "stream")
_AZURE_OPTIONS: Final = ("resource_name", "deployment_id", "api_version")
_ENTRA_OPTIONS: Final = ("tenant_id", "client_id", "client_secret")
_AUDIO_FORMATS: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages; ``stream`` asks for events, and the token counts at their end."""
    body = _azure_body(options) if row.name == "azure-openai" else options.body(*_BUILT)
    body["messages"] = [_message(row, options, message) for message in messages]
    if stream:
        body["stream"] = True
        if row.include_usage and _knows_usage(row, options, body):
            given = body.get("stream_options")
            body["stream_options"] = {**(given if isinstance(given, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    url = endpoint(row, options, "/chat/completions")
    return HttpRequest(url, headers(row, options), body)


def _azure_body(options: Options) -> dict[str, Any]:
    body = options.body(*_BUILT, *_AZURE_OPTIONS)
    for name in _ENTRA_OPTIONS:
        if name in body:
            raise options.invalid(
                f"option {name}: Entra ID is not supported; use api_key, or a token in headers {{ authorization … }}"
            )
    if "max_completion_tokens" not in body:
        body.setdefault("max_tokens", AZURE_MAX_TOKENS)
    if body.get("max_tokens", 0) is None:
        del body["max_tokens"]
    return body


def _knows_usage(row: Provider, options: Options, body: dict[str, Any]) -> bool:
    if row.name != "azure-openai":
        return True
    version = options.get("api_version", str) or AZURE_USAGE_SINCE
    return "data_sources" not in body and (version >= AZURE_USAGE_SINCE or not version[:1].isdigit())


def _message(row: Provider, options: Options, message: Message) -> dict[str, Any]:
    if row.plain_text and all(isinstance(part.content, str) and not part.metadata for part in message.parts):
        return {"role": message.role, "content": " ".join(str(part.content) for part in message.parts)}
    return {"role": message.role, "content": [_part(row, options, part) for part in message.parts]}


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "text", "text": content, **part.metadata}
    check_media(row, options, content)
    return {**_media(options, content), **part.metadata}


def _media(options: Options, media: Media) -> dict[str, Any]:
    match media.kind:
        case "audio":
            form = mime_of(options, media).rpartition("/")[2]
            data = {"data": media.data, "format": _AUDIO_FORMATS.get(form, form)}
            return {"type": "input_audio", "input_audio": data}
        case "pdf":
            return {"type": "file", "file": {"filename": "document.pdf", "file_data": link(options, media)}}
        case kind:  # image, and where it is taken, video
            return {"type": f"{kind}_url", f"{kind}_url": {"url": link(options, media)}}


def read(body: str) -> Answer:
    """What a chat completion says; its first choice is the answer."""
    data = decoded(body)
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise unreadable(body)
    if choice.get("error") or choice.get("finish_reason") == "error":  # OpenRouter: the provider behind it failed
        raise provider_error(choice.get("error"))
    return Answer(
        _content(message.get("content")),
        text_or_none(choice.get("finish_reason")),
        text_or_none(data.get("model")),
        tokens_of(OpenAIUsage, data.get("usage")),
        text_or_none(message.get("refusal")),
    )


def _content(content: Any) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text")
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
