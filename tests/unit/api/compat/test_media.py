"""Media by the constructors of ``baml_py``."""

from __future__ import annotations

import pytest

from bamlvm.compat.errors import BamlInvalidArgumentError
from bamlvm.compat.media import Audio, Image, Pdf, Video


def test_constructors() -> None:
    image = Image.from_base64("image/png", "aGk=")
    assert (image.kind, image.is_base64(), image.as_base64()) == ("image", True, ("aGk=", "image/png"))
    assert Pdf.from_base64("aGk=").as_base64() == ("aGk=", "application/pdf")
    url = Video.from_url("https://example.org/a.mp4")
    assert (url.kind, url.is_url(), url.as_url()) == ("video", True, "https://example.org/a.mp4")
    assert Audio.from_url("data:audio/wav;base64,aGk=").as_base64() == ("aGk=", "audio/wav")


def test_what_it_is_not() -> None:
    with pytest.raises(ValueError, match="is not base64"):
        Image.from_url("https://example.org/a.png").as_base64()
    with pytest.raises(ValueError, match="is not a URL"):
        Image.from_base64("image/png", "aGk=").as_url()
    with pytest.raises(BamlInvalidArgumentError):
        Image.from_url("data:image/png")
