"""One program with ``baml-py`` and its generated client, and with ours, against the same server: the same results, the
same exceptions, the same requests.  What differs is listed here, with its reason, and in docs/moving.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer
from bamlvm.tools.generate.package import client_files, write

pytestmark = pytest.mark.slow

APP = Path(__file__).with_name("app.py")
ROOT = Path(bamlvm.__path__[0]).parent
SOURCE = (Path(__file__).parent / "app.baml").read_text()
ORDER = json.dumps(
    {
        "items": [{"name": "tea", "price": 3.5, "mood": "glad"}, {"name": "cup", "price": 120}],
        "total": 2,
        "notes": {"a": "b"},
    }
)
RESUME = json.dumps(
    {
        "name": "n",
        "mail": "q",
        "address": {"street": "s"},
        "hobbies": ["chess club", "Music"],
        "scores": {"a": 1.5},
        "kind": 2,
        "category": ["money back", "Praise"],
    }
)
SCRIPT: dict[str, Any] = {
    "rules": [
        {
            "prompt": "order one",
            "answers": [{"text": ORDER, "piece_length": 7, "usage": {"input_tokens": 11, "output_tokens": 22}}],
        },
        {"prompt": "nothing", "answers": [{"text": "there is nothing here"}]},
        {"prompt": "status 503", "answers": [{"faults": [{"kind": "status", "code": 503}]}]},
        {"prompt": "status 401", "answers": [{"faults": [{"kind": "status", "code": 401}]}]},
        {"prompt": "sleep", "answers": [{"faults": [{"kind": "delay", "ms": 1500}]}]},
        {"prompt": "cut", "answers": [{"text": "abc def", "finish_reason": "length"}]},
        {"prompt": "slowly", "answers": [{"first_delay_ms": 2000, "text": "late"}]},
        {"prompt": "How does glad feel", "answers": [{"text": "I would say: glad"}]},
        {"prompt": "Kind of union", "answers": [{"text": '{"kind": "b", "size": 3}'}]},
        {"prompt": "Resume of one", "answers": [{"text": RESUME, "piece_length": 9}]},
        {"prompt": "Resume of missing", "answers": [{"text": '{"name": "n"}'}]},
        {
            "prompt": "Resume of fields",
            "answers": [{"text": json.dumps({"name": "n", **{f"field{n}": n for n in range(6)}})}],
        },
        {"prompt": "Category of praise", "answers": [{"text": "Praise"}]},
        {"prompt": "Category of refund", "answers": [{"text": "The category is: money back"}]},
        {"prompt": "Read free", "answers": [{"text": '{"a": 1, "b": "more"}'}]},
    ]
}
DIFFERENT = {
    "free": "unknown fields of a @@dynamic class are kept; there they are lost without a TypeBuilder",
    "no beginning": "before the first field has begun there is no partial value; there it is an empty one",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """What the program prints, and what the server gets, by whose client it is."""
    return {who: run(tmp_path_factory.mktemp(who), who) for who in ("official", "ours")}


def run(folder: Path, who: str) -> tuple[dict[str, Any], list[Any]]:
    if who == "ours":
        with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
            write({folder / "baml_client": client_files(runtime, {"main.baml": SOURCE}, has_models=True)})
    else:
        (folder / "baml_src").mkdir()
        (folder / "baml_src" / "main.baml").write_text(SOURCE)
        generate = [str(Path(sys.executable).with_name("baml-cli")), "generate"]
        subprocess.run(generate, cwd=folder, check=True, capture_output=True, timeout=120)
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "BAML_LOG": "off"}
    with ThreadedMockServer() as server:
        server.play(SCRIPT)
        ended = subprocess.run(
            [sys.executable, str(APP), f"{server.url}/v1", who],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        lines = [json.loads(line.replace(server.url, "http://server")) for line in ended.stdout.splitlines()]
        return dict(lines), [plain(request.body) for request in server.requests]


def plain(body: Any) -> Any:
    """A request's body, with text as a string: the official client sends a list of parts."""
    for message in body.get("messages", ()):
        content = message["content"]
        if isinstance(content, list) and all(part["type"] == "text" for part in content):
            message["content"] = "".join(part["text"] for part in content)
    return body


def test_results_and_exceptions(outputs: dict[str, tuple[dict[str, Any], list[Any]]]) -> None:
    official, ours = outputs["official"][0], outputs["ours"][0]
    assert list(ours) == list(official)
    differing = {label: (official[label], ours[label]) for label in official if official[label] != ours[label]}
    assert differing.keys() == DIFFERENT.keys(), json.dumps(differing, indent=1)


def test_requests(outputs: dict[str, tuple[dict[str, Any], list[Any]]]) -> None:
    official, ours = (
        Counter(json.dumps(body, sort_keys=True) for body in outputs[who][1]) for who in ("official", "ours")
    )
    assert (official - ours, ours - official) == (Counter(), Counter())
