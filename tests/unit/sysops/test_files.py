"""``baml.fs``: files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bamlvm.sysops.grants import grants_of
from bamlvm.vm.values import Media


async def test_a_file(closed_call: Any, tmp_path: Path) -> None:
    written = tmp_path / "a.txt"
    path = str(written)
    text = "häuser\r\nline\n"
    assert await closed_call("baml.fs.write", path, "longer than what follows" * 9) is None
    await closed_call("baml.fs.write", path, text)
    assert written.read_bytes() == text.encode()
    assert await closed_call("baml.fs.read", path) == text
    file = await closed_call("baml.fs.open", path)
    assert [await closed_call("baml.fs.File.read", file) for _ in range(2)] == [text, ""]
    for _ in range(2):
        await closed_call("baml.fs.File.close", file)
    assert (await closed_call.fails("baml.fs.File.read", file))[0] == "InvalidArgument"


async def test_a_file_left_open_is_closed_with_the_call(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    await call("baml.fs.open", str(tmp_path / "a"))
    assert await call.end() == 1


async def test_files_that_cannot_be_used(call: Any, tmp_path: Path) -> None:
    missing, binary = str(tmp_path / "none" / "a"), tmp_path / "b"
    binary.write_bytes(b"ok\xff")
    for path, arguments in (
        ("open", [missing]),
        ("read", [missing]),
        ("write", [missing, ""]),
        ("read", [str(tmp_path)]),
    ):
        kind, fields = await call.fails(f"baml.fs.{path}", *arguments)
        assert (kind, fields["path"]) == ("Io", arguments[0])
        assert arguments[0] in fields["message"]
    kind, fields = await call.fails("baml.fs.read", str(binary))
    assert (kind, "not UTF-8 text (byte 2)" in fields["message"]) == ("Io", True)
    assert (await call.fails("baml.fs.read", "a\0b"))[0] == "InvalidArgument"


async def test_whether_a_file_exists(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    for path, is_there in (("a", True), ("", True), ("none", False), ("a/b", False), ("dangling", False)):
        assert await call("baml.fs.exists", str(tmp_path / path)) is is_there
    assert (await call.fails("baml.fs.exists", "a\0b"))[0] == "InvalidArgument"


async def test_only_the_folders_that_are_granted_are_looked_into(call: Any, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.write_text("x")
    (inside / "link").symlink_to(outside)
    (inside / "a.png").write_bytes(b"hi")
    call.scope.services.grants = grants_of({"fs": [str(inside)]})
    assert await call("baml.fs.exists", str(inside / "a.png")) is True
    for path in (outside, inside / ".." / "outside", inside / "link"):
        assert (await call.fails("baml.fs.exists", str(path)))[0] == "InvalidArgument"
        assert (await call.fails("baml.Image.from_file", str(path)))[0] == "InvalidArgument"


async def test_files_as_media(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.PNG").write_bytes(b"hi")
    (tmp_path / "b").write_bytes(b"")
    path = str(tmp_path / "a.PNG")
    for name in ("Image", "Audio", "Pdf", "Video"):
        assert await call(f"baml.{name}.from_file", path) == Media(name.lower(), "image/png", "base64", "aGk=")
    assert await call("baml.Image.from_file", path, "image/webp") == Media("image", "image/webp", "base64", "aGk=")
    assert await call("baml.Image.from_file", str(tmp_path / "b"), None) == Media("image", None, "base64", "")
    kind, fields = await call.fails("baml.Image.from_file", str(tmp_path / "none"))
    assert (kind, fields["path"]) == ("Io", str(tmp_path / "none"))
