"""Framings by media type."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bamlvm.sysops.web.framing import AWS_EVENT_STREAM, EVENT_STREAM, FRAMINGS, framing_of, media_type_of


def test_media_types() -> None:
    assert media_type_of(" Text/Event-Stream ; charset=utf-8") == EVENT_STREAM
    assert media_type_of("") == ""


@pytest.mark.parametrize("media_type", FRAMINGS)
def test_every_framing_begins_empty(media_type: str) -> None:
    framing = framing_of(media_type)
    assert framing.feed(b"") == framing.close() == []


def test_without_the_extra_the_error_names_it() -> None:
    program = f"""
import sys
sys.modules["botocore"] = None
from bamlvm.sysops.web.framing import framing_of
from bamlvm.vm.values import Thrown
framing_of({EVENT_STREAM!r})
try:
    framing_of({AWS_EVENT_STREAM!r})
except Thrown as thrown:
    assert "pip install 'bamlvm[bedrock]'" in thrown.fields["message"], thrown
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
