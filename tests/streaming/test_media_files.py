"""Media of `test` blocks on their way to a provider: files beside the test's file, read by ``bamlvm test``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import ThreadedMockServer

PROGRAM = """
client<llm> Chat { provider openai  options { model "m"  api_key "k"  base_url "URL/v1" } }
client<llm> Gemini { provider google-ai  options { model "m"  api_key "k"  base_url "URL/v1beta" } }

function See(picture: image, talk: audio?, clip: video?) -> string {
  client Chat
  prompt #"
    {{ _.role("user") }} See {{ picture }} {% if talk %} {{ talk }} {% endif %} {% if clip %} {{ clip }} {% endif %}
  "#
}
function Read(papers: pdf[], clip: video | string) -> string {
  client Gemini
  prompt #"{% for paper in papers %} {{ paper }} {% endfor %} {{ clip }}"#
}
"""
TESTS = """
test Chat { functions [See]  args { picture { file "media/dot.webp" }  talk { file "../talk.wav" } } }
test Url { functions [See]  args { picture { url "https://h/x.png" } } }
test Gemini {
  functions [Read]
  args {
    papers [{ file "media/a.pdf" }, { url "https://h/b.pdf" }]
    clip { file "media/clip"  media_type "video/mp4" }
  }
}
test Video { functions [See]  args { picture { file "media/dot.webp" }  clip { url "https://h/c.mp4" } } }
test Linked { functions [See]  args { picture { file "media/dot.webp" }  talk { url "https://h/talk.mp3" } } }
"""
FILES = {"src/tests/media/dot.webp": b"dot", "src/talk.wav": b"talk", "src/tests/media/a.pdf": b"a"}


@pytest.fixture
def project(tmp_path: Path, threaded_mock_server: ThreadedMockServer) -> Path:
    files = {**FILES, "src/tests/media/clip": b"clip", "src/tests/all.baml": TESTS.encode()}
    files["src/main.baml"] = PROGRAM.replace("URL", threaded_mock_server.url).encode()
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "src"


def run(project: Path, capsys: pytest.CaptureFixture[str], *names: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["test", str(project), "--json", *(word for name in names for word in ("-i", f"::{name}"))])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, [event for event in events if "problems" in event]


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_files_reach_the_provider_in_its_format(
    project: Path, threaded_mock_server: ThreadedMockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code, events = run(project, capsys, "Chat", "Url", "Gemini")
    assert code == exit_codes.OK, [event.get("error") or event for event in events]
    sent = sorted(threaded_mock_server.requests, key=lambda exchange: len(exchange.request.body))
    linked, chat, google = (exchange.body for exchange in sent)
    assert [part.get("image_url") for part in linked["messages"][0]["content"]] == [None, {"url": "https://h/x.png"}]
    assert chat["messages"][0]["content"][1:] == [
        {"type": "image_url", "image_url": {"url": f"data:image/webp;base64,{encoded(b'dot')}"}},
        {"type": "input_audio", "input_audio": {"data": encoded(b"talk"), "format": "wav"}},
    ]
    assert google["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "application/pdf", "data": encoded(b"a")}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://h/b.pdf"}},
        {"inlineData": {"mimeType": "video/mp4", "data": encoded(b"clip")}},
    ]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Video", "client Chat: provider openai takes no video; it takes image, audio, pdf"),
        ("Linked", "client Chat: provider openai takes audio as base64 data only, not by URL"),
    ],
)
def test_what_a_provider_does_not_take_is_refused_before_any_request(
    project: Path, threaded_mock_server: ThreadedMockServer, capsys: pytest.CaptureFixture[str], name: str, part: str
) -> None:
    code, tests = run(project, capsys, name)
    assert code == exit_codes.FAILED
    assert part in str(tests[0]["problems"])
    assert threaded_mock_server.requests == []
