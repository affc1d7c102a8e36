"""Clients of ``bamlvm serve`` that foreign generators make of its OpenAPI document, and a test of that document.

* openapi-python-client, and openapi-generator's client for Python (a Java program, which its package on PyPI has);
* openapi-typescript with openapi-fetch, and Hey API, whose clients read streams of events; both with tsc and Node.js;
* Schemathesis, which sends what the document allows, and what it does not, to each function.

The server has a key, so that each client has to send it.  Its models are a mock server on loopback.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from bamlvm.mock import ThreadedMockServer
from tests.interop.hosts import free_port, main, module, served

HERE: Final = Path(__file__).parent
KEY: Final = "sesame"
ADA: Final = {
    "name": "Ada",
    "age": 36,
    "mood": "Happy",
    "tags": ["a", "b"],
    "scores": {"x": 0.5},
    "address": {"street": "S 1"},
}
TREE: Final = {"value": 1, "children": [{"value": 2, "children": []}]}
ANSWERS: Final = {
    "extract bad": "I cannot.",
    "extract": json.dumps(ADA),
    "classify": "joyful",
    "choose": '{"kind": "dog", "breed": "pug"}',
    "bill": '{"total": 12.5}',
    "grow": json.dumps(TREE),
    "many": json.dumps([ADA, ADA]),
    "maybe": "null",
    "describe": "a person",
    "shape": "round",
    "see": "a cat",
}
PACKAGES: Final = ("openapi-typescript@7", "openapi-fetch@0", "@hey-api/openapi-ts@0", "typescript@5", "@types/node@20")


@contextlib.contextmanager
def service(models: ThreadedMockServer) -> Iterator[tuple[str, dict[str, Any]]]:
    """``bamlvm serve`` in a process of its own: its URL and its document."""
    rules = [{"prompt": prompt, "answers": [{"text": text, "piece_length": 9}]} for prompt, text in ANSWERS.items()]
    models.play({"rules": rules})
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = module("bamlvm", "serve", str(HERE / "service.baml"), "--port", str(port))
    with served(command, f"{url}/health", MODELS=f"{models.url}/v1", BAMLVM_KEYS=KEY):
        headers = {"authorization": f"Bearer {KEY}"}
        yield url, httpx.get(f"{url}/openapi.json", headers=headers, trust_env=False).raise_for_status().json()


def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


# --- Python -----------------------------------------------------------------------------------------------------------


def openapi_python_client(models: ThreadedMockServer) -> None:
    """openapi-python-client: attrs and httpx."""
    with service(models) as (url, document), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "openapi.json").write_text(json.dumps(document))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it formats with ruff
        said = run(
            tool("openapi-python-client"), "generate", "--path", "openapi.json", "--output-path", "made", "--meta",
            "none", folder=folder, PATH=path,
        )  # fmt: skip
        assert "WARNING" not in said and "ERROR" not in said, said
        with importable(folder):
            made = importlib.import_module("made")
            m = importlib.import_module("made.models")
            client = made.AuthenticatedClient(base_url=url, token=KEY)

            def call(function: str, body: Any) -> Any:
                return importlib.import_module(f"made.api.default.{function}").sync(client=client, body=body)

            person = call("extract", m.ExtractExtractRequest(text="x"))
            assert person.to_dict() == {**ADA, "address": {"street": "S 1", "zip": None}}, person
            assert call("classify", m.ClassifyClassifyRequest(text="x")) is m.Mood.HAPPY
            assert call("choose", m.ChooseChooseRequest(text="x")) == m.Dog(kind="dog", breed="pug")
            assert call("bill", m.BillBillRequest(text="x")).total.checks.positive.status is m.CheckStatus.SUCCEEDED
            assert call("grow", m.GrowGrowRequest(depth=2)).to_dict() == TREE
            assert call("many", m.ManyManyRequest(texts=["x"])) == [person, person]
            assert call("maybe", m.MaybeMaybeRequest(text="x")) is None
            short = m.DescribeDescribeRequestStyle.SHORT
            assert call("describe", m.DescribeDescribeRequest(person=person, style=short)) == "a person"
            assert call("shape", m.ShapeShapeRequest(pet=m.Cat(kind="cat", lives=9))) == "round"
            picture = m.BamlImageUrl(url="https://example.com/cat.png")
            assert call("see", m.SeeSeeRequest(picture=picture, question="?")) == "a cat"
            assert call("larger", m.LargerLargerRequest(a=2**40, b=1)) == 2**40
            failed = call("extract", m.ExtractExtractRequest(text="bad"))
            assert failed.error == "validation_failure" and failed.raw_output == "I cannot.", failed
            events = call("stream_extract", m.StreamExtractExtractRequest(text="x"))
            assert events.startswith("event: attempt\n") and "\nevent: final\n" in events, events


def openapi_generator(models: ThreadedMockServer) -> None:
    """openapi-generator, its client for Python: Pydantic and urllib3."""
    with service(models) as (url, document), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "openapi.json").write_text(json.dumps(document))
        said = run(tool("openapi-generator-cli"), "validate", "-i", "openapi.json", folder=folder)
        assert "No validation issues" in said, said
        run(
            tool("openapi-generator-cli"), "generate", "-q", "-g", "python", "-i", "openapi.json", "-o", "made",
            "--additional-properties=packageName=served", folder=folder,
        )  # fmt: skip
        with importable(folder / "made"):
            s = importlib.import_module("served")
            client = s.ApiClient(s.Configuration(host=url))
            client.set_default_header("Authorization", f"Bearer {KEY}")
            api = s.DefaultApi(client)
            person = api.extract(s.ExtractRequest(text="x"))
            assert person.mood is s.Mood.HAPPY and person.address.street == "S 1", person
            assert api.classify(s.ClassifyRequest(text="x")) is s.Mood.HAPPY
            assert api.choose(s.ChooseRequest(text="x")).actual_instance == s.Dog(kind="dog", breed="pug")
            assert api.bill(s.BillRequest(text="x")).total.checks.positive.status == "succeeded"
            assert api.grow(s.GrowRequest(depth=2)).to_dict() == TREE
            assert api.many(s.ManyRequest(texts=["x"])) == [person, person]
            assert api.maybe(s.MaybeRequest(text="x")) is None
            assert api.describe(s.DescribeRequest(person=person, style="short")) == "a person"
            assert api.shape(s.ShapeRequest(pet=s.ShapeRequestPet(s.Cat(kind="cat", lives=9)))) == "round"
            picture = s.BamlImage(s.BamlImageUrl(url="https://example.com/cat.png"))
            assert api.see(s.SeeRequest(picture=picture, question="?")) == "a cat"
            assert api.larger(s.LargerRequest(a=2**40, b=1)) == 2**40
            try:
                api.extract(s.ExtractRequest(text="bad"))
            except s.ApiException as error:
                assert error.status == 500 and error.data.error == "validation_failure", error
            else:
                raise AssertionError("an answer that does not fit was one")
            assert "event: final\n" in api.stream_extract(s.ExtractRequest(text="x"))
        run(
            tool("openapi-generator-cli"), "generate", "-q", "-g", "go", "-i", "openapi.json", "-o", "go", folder=folder
        )
        assert "int64" in (folder / "go" / "model_node.go").read_text()


# --- TypeScript -------------------------------------------------------------------------------------------------------


def typescript(models: ThreadedMockServer) -> None:
    """openapi-typescript with openapi-fetch, and Hey API, checked by tsc and run by Node.js."""
    folder = Path("build", "interop").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    shutil.copy(HERE / "typescript" / "run.ts", folder)
    shutil.copy(HERE / "typescript" / "tsconfig.json", folder)
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", *PACKAGES, folder=folder)
    with service(models) as (url, document):
        (folder / "openapi.json").write_text(json.dumps(document))
        run("npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts", folder=folder)
        run("npx", "openapi-ts", "-i", "openapi.json", "-o", "hey", "-c", "@hey-api/client-fetch", folder=folder)
        run("npx", "tsc", folder=folder)
        said = run("node", "out/run.js", url, KEY, folder=folder)
        assert said.splitlines()[-1] == "done", said


# --- the document -----------------------------------------------------------------------------------------------------


def schemathesis(models: ThreadedMockServer) -> None:
    """Schemathesis: what the document allows is answered as it says, and what it does not allow is refused."""
    with service(models) as (url, document), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for body in document["components"]["requestBodies"].values():
            # A schema cannot say which clients there are.
            del body["content"]["application/json"]["schema"]["properties"]["__baml_options__"]
        for path in [*document["paths"]]:
            if path.startswith("/stream/") or path == "/call/See":  # no events in 3.1; images may be anything
                del document["paths"][path]
        (folder / "openapi.json").write_text(json.dumps(document))
        said = run(
            tool("schemathesis"), "run", "openapi.json", "--url", url, "-H", f"Authorization: Bearer {KEY}",
            "--max-examples", "60", "--seed", "1", "--no-color", folder=folder, NO_PROXY="127.0.0.1",
            SCHEMATHESIS_HOOKS="tests.interop.schemathesis_hooks", PYTHONPATH=str(HERE.parents[1]),
        )  # fmt: skip
        print("   ", next(line for line in said.splitlines() if "generated" in line).strip())


CHECKS: Final[tuple[Callable[[ThreadedMockServer], None], ...]] = (
    openapi_python_client,
    openapi_generator,
    typescript,
    schemathesis,
)


if __name__ == "__main__":
    sys.exit(main(CHECKS, sys.argv[1:]))
