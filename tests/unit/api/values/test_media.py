"""Media from hosts, in all the forms that are in use."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm import Audio, HostError, Image, Media, Pdf, Video
from bamlvm.values.media import canonical, new_media

PNG = Media("image", "image/png", "base64", "AAAA")


@pytest.mark.parametrize(
    ("source", "data", "media_type", "expected"),
    [
        ("url", "https://x/y.png", None, Media("image", None, "url", "https://x/y.png")),
        ("url", "https://x/y.jpg", "image/jpg", Media("image", "image/jpeg", "url", "https://x/y.jpg")),
        ("base64", "AAAA", "image/png", PNG),
        ("base64", "AA\nAA\r\n", "image/png", PNG),
        ("base64", "AAAA", "Image/JPG", Media("image", "image/jpeg", "base64", "AAAA")),
        ("url", "data:image/png;base64,AAAA", None, PNG),
        ("base64", "data:image/png;base64,AAAA", None, PNG),
        ("url", "DATA:image/png;name=x.png;Base64,AAAA", None, PNG),
        ("url", "data:image/jpg;base64,AAAA", "image/png", PNG),
        ("url", "data:;base64,AAAA", "image/png", PNG),
        ("url", "data:;base64,AAAA", None, Media("image", None, "base64", "AAAA")),
        ("url", "data:image/png;base64,A%41AA", None, PNG),
        ("url", "data:image/svg+xml,%3Csvg/%3E", None, Media("image", "image/svg+xml", "base64", "PHN2Zy8+")),
    ],
)
def test_forms(source: Any, data: str, media_type: str | None, expected: Media) -> None:
    made = new_media("image", source, data, media_type)
    assert made == expected
    assert canonical(made) is made, "nothing is left to do"
    assert canonical(Media("image", media_type, source, data)) == expected


def test_a_media_type_that_is_none() -> None:
    with pytest.raises(HostError, match="'png', which is no media type such as image/png"):
        Image.from_base64("AAAA", "png")
    with pytest.raises(HostError, match="the type and the data are swapped"):
        Audio.from_base64("audio/mp3", "AAAA/AAAA")


PROGRAM = """
function Same(picture: image) -> image { picture }
function Any(picture: image | string) -> image | string { picture }
"""


@pytest.mark.parametrize("key", ["media_type", "mime", "mime_type"])
def test_arguments(key: str) -> None:
    with bamlvm.Runtime.from_files({"main.baml": PROGRAM}) as runtime:
        for function in ("Same", "Any"):
            for given in ({"base64": "AAAA", key: "image/png"}, {"url": "data:image/png;base64,AAAA"}, PNG):
                assert runtime.call_function_sync(function, {"picture": given}) == PNG
        back = bamlvm.to_builtins(PNG)
        assert back == {"base64": "AAAA", "media_type": "image/png"}
        assert runtime.call_function_sync("Same", {"picture": back}) == PNG
        with pytest.raises(HostError, match="a data: URL without a comma"):
            runtime.call_function_sync("Same", {"picture": {"url": "data:image/png"}})


def test_constructors(tmp_path: Path) -> None:
    for kind in (Image, Audio, Pdf, Video):
        assert kind.from_url("https://x/y").kind == kind.kind
    assert Image.from_base64("data:image/png;base64,AAAA") == Image.from_base64("AAAA", "image/png") == PNG
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(b"cat")
    assert Image.from_file(photo) == Media("image", "image/jpeg", "base64", base64.b64encode(b"cat").decode())
    assert Image.from_file(str(photo), "image/webp").mime == "image/webp"
    with pytest.raises(HostError, match="No such file"):
        Audio.from_file(tmp_path / "nowhere.mp3")
    with pytest.raises(HostError, match="without a comma"):
        Image.from_url("data:nothing")
