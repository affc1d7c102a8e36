"""OpenAI's Responses.

Documents: "Create a model response" and "The response object" (OpenAI API reference).  A message is an item of
``input``.  What the model said is a string, by the reference; the official runtime's ``output_text`` parts, which the
service takes as well, serve where one string cannot say it.  What anybody else says is ``input_text`` and media.
"""

from __future__ import annotations

from typing import Any

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.accumulator import fitted, provider_error
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.responses_stream import Response
from bamlvm.sysops.providers.usage import Tokens
from bamlvm.sysops.providers.wire import Answer, HttpRequest, check_media, decoded, link, only_text, unreadable
from bamlvm.vm.values import Media


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages."""
    body = options.body("input", "stream")
    body["input"] = [_item(row, options, message) for message in messages]
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    return HttpRequest(endpoint(row, options, "/responses"), headers(row, options), body)


def _item(row: Provider, options: Options, message: Message) -> dict[str, Any]:
    if message.role == "assistant":
        only_text(options, message, "messages of the assistant")
        if len(message.parts) == 1 and not message.parts[0].metadata:
            return {"role": message.role, "content": message.parts[0].content}
        parts = [{"type": "output_text", "text": part.content, **part.metadata} for part in message.parts]
    else:
        parts = [_part(row, options, part) for part in message.parts]
    return {"role": message.role, "content": parts}


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"type": "input_text", "text": content, **part.metadata}
    check_media(row, options, content)
    return {**_media(options, content), **part.metadata}


def _media(options: Options, media: Media) -> dict[str, Any]:
    if media.kind == "image":
        return {"type": "input_image", "detail": "auto", "image_url": link(options, media)}
    if media.source == "url":
        return {"type": "input_file", "file_url": media.data}
    return {"type": "input_file", "filename": "document.pdf", "file_data": link(options, media)}


def read(body: str) -> Answer:
    """What a response says: the text of its messages, joined."""
    response = fitted(Response, decoded(body))
    if response.status == "failed":
        raise provider_error(None)
    if response.output is None or response.status not in (None, "completed", "incomplete"):
        raise unreadable(body)
    tokens = Tokens()
    if response.usage is not None:
        response.usage.note(tokens)
    reason = response.finish_reason()
    return Answer(response.text(), reason, response.model, tokens, response.refusal() or None)
