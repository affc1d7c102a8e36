"""Capabilities that the host denied."""

from __future__ import annotations

from typing import Any

import pytest

from bamlvm.sysops.grants import CAPABILITIES, grants_of


@pytest.mark.parametrize(
    ("capability", "path", "arguments"),
    [
        ("shell", "baml.sys.shell", ["true"]),
        ("fs", "baml.fs.open", ["/dev/null"]),
        ("fs", "baml.fs.read", ["/dev/null"]),
        ("fs", "baml.fs.write", ["/dev/null", ""]),
        ("fs", "baml.fs.exists", ["/dev/null"]),
        ("fs", "baml.Image.from_file", ["/dev/null"]),
        ("fs", "baml.Audio.from_file", ["/dev/null"]),
        ("fs", "baml.Pdf.from_file", ["/dev/null"]),
        ("fs", "baml.Video.from_file", ["/dev/null"]),
        ("net", "baml.net.connect", ["127.0.0.1:1"]),
    ],
)
async def test_denied(call: Any, capability: str, path: str, arguments: list[str]) -> None:
    call.scope.services.grants = grants_of(CAPABILITIES, [capability])
    kind, fields = await call.fails(path, *arguments)
    assert kind == "InvalidArgument"
    assert path in fields["message"]
    assert repr(capability) in fields["message"]
