"""Google's ``generateContent`` and ``streamGenerateContent``.

Documents: "Generating content" (Gemini API reference); "File input methods", by which a ``fileUri`` may be any URL that
Google can fetch.  The model stands in the path, and the system prompt beside the conversation.  An answer is read as
the stream of one event that it is.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.catalogue import Provider, endpoint, headers
from bamlvm.sysops.providers.google_stream import GoogleAccumulator
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.wire import Answer, HttpRequest, check_media, decoded, mime_of, only_text, unreadable
from bamlvm.sysops.web.sse import Event

_BUILT: Final = ("contents", "model", "stream")
_COLLECTIONS: Final = ("models/", "tunedModels/")


def build(row: Provider, options: Options, messages: list[Message], stream: bool) -> HttpRequest:
    """The request that sends the messages; a first message of the system becomes the system instruction."""
    model = options.model()
    if not model:
        raise options.invalid("provider google-ai needs the option model")
    body = options.body(*_BUILT)
    if len(messages) > 1 and messages[0].role == "system":
        only_text(options, messages[0], "the system prompt")
        body.pop("system_instruction", None)
        body["systemInstruction"] = {"parts": [_part(row, options, part) for part in messages[0].parts]}
        messages = messages[1:]
    body["contents"] = [
        {"role": message.role, "parts": [_part(row, options, part) for part in message.parts]} for message in messages
    ]
    name = model if model.startswith(_COLLECTIONS) else f"models/{model}"
    method = "streamGenerateContent" if stream else "generateContent"
    url = endpoint(row, options, f"/{quote(name)}:{method}", "alt=sse" if stream else "")
    return HttpRequest(url, headers(row, options), body)


def _part(row: Provider, options: Options, part: Part) -> dict[str, Any]:
    content = part.content
    if isinstance(content, str):
        return {"text": content, **part.metadata}
    check_media(row, options, content)
    if content.source == "base64":
        return {"inlineData": {"mimeType": mime_of(options, content), "data": content.data}, **part.metadata}
    mime = content.mime or ("application/pdf" if content.kind == "pdf" else None)
    return {"fileData": {**({"mimeType": mime} if mime else {}), "fileUri": content.data}, **part.metadata}


def read(body: str) -> Answer:
    """What a response says; its first candidate is the answer."""
    data = decoded(body)
    if not isinstance(data.get("candidates"), list) and not isinstance(data.get("promptFeedback"), dict):
        raise unreadable(body)
    answer = GoogleAccumulator()
    answer.add([Event("message", body, "")])
    return Answer(answer.content(), answer.finish_reason(), answer.model(), answer.tokens)
