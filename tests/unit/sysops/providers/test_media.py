"""Media in prompts: what each provider gets for each kind, by URL and as base64 data, and what it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.prompts.messages import Message, Part
from bamlvm.sysops.providers.catalogue import PROVIDERS
from bamlvm.sysops.providers.options import Options
from bamlvm.sysops.providers.registry import WIRES
from bamlvm.vm.program.llm import ClientInfo
from bamlvm.vm.values import Media, Thrown

MIMES = {"image": "image/png", "audio": "audio/mpeg", "pdf": "application/pdf", "video": "video/mp4"}
URL = "https://h/x"


def media(kind: str, source: Any) -> Media:
    return Media(kind, MIMES[kind], source, URL if source == "url" else "AAAA")


def part(provider: str, content: Media, role: str = "user", **values: Any) -> dict[str, Any]:
    """The part that a provider gets for ``content``, which a message of ``role`` consists of."""
    given = {"model": "m", "api_key": "k", "base_url": "http://h", **values}
    options = Options(ClientInfo("C", provider, None, given), {})
    row = PROVIDERS[provider]
    chat = [Message(role, [Part(content)]), Message("user", [Part("see")])]
    body = WIRES[row.wire].build(row, options, chat, False).body
    first = (body.get("messages") or body.get("input") or body["contents"])[0]
    found: dict[str, Any] = (first.get("content") or first["parts"])[0]
    return found


def refused(provider: str, content: Media, role: str = "user", **values: Any) -> str:
    with pytest.raises(Thrown) as caught:
        part(provider, content, role, **values)
    assert caught.value.class_name == "baml.errors.InvalidArgument"
    return str(caught.value.fields["message"])


IMAGE_URL = {"type": "image_url", "image_url": {"url": URL}}
IMAGE_DATA = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
PDF = {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}}
PDF_URL = {"type": "file", "file": {"filename": "document.pdf", "file_data": URL}}
OPENAI = {
    ("image", "url"): IMAGE_URL,
    ("image", "base64"): IMAGE_DATA,
    ("audio", "base64"): SOUND,
    ("pdf", "base64"): PDF,
}
TAKEN: dict[str, dict[tuple[str, str], dict[str, Any]]] = {
    "openai": OPENAI,
    "openai-generic": OPENAI,
    "azure-openai": OPENAI,
    "ollama": {("image", "base64"): IMAGE_DATA},
    "openrouter": {
        **OPENAI,
        ("pdf", "url"): PDF_URL,
        ("video", "url"): {"type": "video_url", "video_url": {"url": URL}},
        ("video", "base64"): {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
    },
    "openai-responses": {
        ("image", "url"): {"type": "input_image", "detail": "auto", "image_url": URL},
        ("image", "base64"): {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"},
        ("pdf", "url"): {"type": "input_file", "file_url": URL},
        ("pdf", "base64"): {"type": "input_file", **PDF["file"]},  # type: ignore[dict-item]  # a dict of strings
    },
    "anthropic": {
        ("image", "url"): {"type": "image", "source": {"type": "url", "url": URL}},
        ("image", "base64"): {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        },
        ("pdf", "url"): {"type": "document", "source": {"type": "url", "url": URL}},
        ("pdf", "base64"): {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
        },
    },
    "google-ai": {
        (kind, source): {"fileData": {"mimeType": mime, "fileUri": URL}}
        if source == "url"
        else {"inlineData": {"mimeType": mime, "data": "AAAA"}}
        for kind, mime in MIMES.items()
        for source in ("url", "base64")
    },
}
TAKEN["vertex-ai"] = TAKEN["google-ai"]
S3 = {"s3Location": {"uri": "s3://h/x"}}
TAKEN["aws-bedrock"] = {
    (kind, source): {
        block: {**more, "format": form, "source": {"bytes": "AAAA"} if source == "base64" else S3},
    }
    for kind, block, form, more in (
        ("image", "image", "png", {}),
        ("audio", "audio", "mp3", {}),
        ("pdf", "document", "pdf", {"name": "document"}),
        ("video", "video", "mp4", {}),
    )
    for source in ("url", "base64")
}


@pytest.mark.parametrize("source", ["url", "base64"])
@pytest.mark.parametrize("kind", MIMES)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_takes_what_its_document_says(provider: str, kind: str, source: str) -> None:
    content = media(kind, source)
    if provider == "aws-bedrock" and source == "url":
        assert f"takes {kind} as base64 data or by an s3:// URL only" in refused(provider, content)
        content = Media(content.kind, content.mime, "url", "s3://h/x")
    expected = TAKEN[provider].get((kind, source))
    if expected is not None:
        assert part(provider, content) == expected
        return
    message = refused(provider, content)
    taken = {each for each, _ in TAKEN[provider]}
    if kind not in taken:
        assert (
            message == f"client C: provider {provider} takes no {kind}; it takes {', '.join(PROVIDERS[provider].media)}"
        )
        assert set(PROVIDERS[provider].media) == taken
    else:
        assert message == (
            f"client C: provider {provider} takes {kind} as base64 data only, not by URL: "
            "nothing is downloaded on its behalf"
        )


def test_base64_data_needs_a_media_type_unless_it_is_a_pdf() -> None:
    for provider in PROVIDERS:
        bare = refused(provider, Media("image", None, "base64", "AA=="))
        assert bare == "client C: the prompt has image data without a media type: give it a media_type"
        if "pdf" in PROVIDERS[provider].media:
            assert "pdf" in str(part(provider, Media("pdf", None, "base64", "AA==")))
    assert "without a media type" in refused("openai", Media("audio", None, "base64", "AA=="))
    assert part("google-ai", Media("video", None, "url", URL)) == {"fileData": {"fileUri": URL}}


@pytest.mark.parametrize(
    ("mime", "form"),
    [("audio/mpeg", "mp3"), ("audio/mp3", "mp3"), ("audio/wav", "wav"), ("audio/x-wav", "wav"), ("audio/wave", "wav")],
)
def test_the_format_of_audio(mime: str, form: str) -> None:
    sent = part("openai", Media("audio", mime, "base64", "AA=="))
    assert sent["input_audio"] == {"data": "AA==", "format": form}


def test_the_blocks_of_bedrock() -> None:
    for kind, address, mime, form in (
        ("image", "s3://b/cat.JPG", None, "jpeg"),
        ("video", "s3://b/clip.mov", None, "mov"),
        ("video", "s3://b/clip", "video/quicktime", "mov"),
        ("video", "s3://b/clip", "video/3gpp", "three_gp"),
        ("audio", "s3://b/talk", "audio/x-wav", "wav"),
    ):
        sent = part("aws-bedrock", Media(kind, mime, "url", address))  # type: ignore[arg-type]  # a kind of Media
        assert sent == {kind: {"format": form, "source": {"s3Location": {"uri": address}}}}
    assert "has image data without a media type" in refused("aws-bedrock", Media("image", None, "url", "s3://b/cat"))
    pdf = Media("pdf", None, "base64", "AA==")
    options = Options(ClientInfo("C", "aws-bedrock", None, {"model": "m", "base_url": "http://h"}), {})
    chat = [Message("user", [Part(pdf), Part(pdf)]), Message("user", [Part(pdf)])]
    body = WIRES["aws-bedrock"].build(PROVIDERS["aws-bedrock"], options, chat, False).body
    names = [block["document"]["name"] for message in body["messages"] for block in message["content"]]
    assert names == ["document", "document-2", "document-3"], "no two may have one name"


def test_where_only_text_may_be() -> None:
    image = media("image", "url")
    for provider in ("anthropic", "google-ai", "aws-bedrock"):
        assert "takes only text in the system prompt, not image" in refused(provider, image, "system")
    assert "only text in messages of the assistant" in refused("openai-responses", image, "assistant")
    assert part("openai-responses", image, "system")["type"] == "input_image"


def test_media_url_handler() -> None:
    image = media("image", "url")
    assert part("openai", image, media_url_handler={"image": "send_url"}) == IMAGE_URL
    assert part("openai", image, media_url_handler={"audio": "send_base64"}) == IMAGE_URL
    assert part("openai", media("image", "base64"), media_url_handler={"image": "send_base64"}) == IMAGE_DATA
    assert part("openai", image, media_url_handler={"image": "send_url_add_mime_type"}) == IMAGE_URL
    google = "send_base64_unless_google_url"
    stored = Media("image", "image/png", "url", "gs://b/x.png")
    assert "gs://b/x.png" in str(part("google-ai", stored, media_url_handler={"image": google}))
    for said in ("send_base64", google):
        message = refused("openai", image, media_url_handler={"image": said})
        assert f"asks for image as {said}, but nothing is downloaded here" in message
    assert "as send_url_add_mime_type" in refused(
        "openai", Media("image", None, "url", URL), media_url_handler={"image": "send_url_add_mime_type"}
    )
    assert "image must be one of send_url, send_base64" in refused("openai", image, media_url_handler={"image": "x"})
