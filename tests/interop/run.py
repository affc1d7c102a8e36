"""Real hosts and servers: ``make interop``.

Each is started on loopback in its own process, from an environment of its own (``.venv-interop``):

* the LiteLLM proxy between our runtime and a mock of the models, streaming and not, with ends of every kind;
* uvicorn on uvloop, and gunicorn with uvicorn's workers, that serve :mod:`tests.interop.app`;
* Jupyter's kernel, which executes a notebook.

Clients of ``bamlvm serve`` have an environment of theirs: :mod:`tests.interop.clients`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

import bamlvm
from bamlvm.mock import ThreadedMockServer
from tests.interop.hosts import free_port, main, module, served

SLOW: Final = {"rules": [{"answers": [{"pieces": ["word "] * 400, "delay_ms": 50}]}]}
HELLO: Final = {"rules": [{"answers": [{"pieces": ["Hello", ", ", "world"], "delay_ms": 5}]}]}
SOURCE: Final = """
client<llm> Chat {
  provider openai-generic
  options { base_url env.PROXY  model "chat"  api_key "sk-master"  stream_options { include_usage true } }
}
client<llm> Claude { provider anthropic  options { base_url env.ROOT  model "claude"  api_key "sk-master" } }
client<llm> Answers { provider openai-responses  options { base_url env.PROXY  model "chat"  api_key "sk-master" } }
client<llm> Stranger { provider openai-generic  options { base_url env.PROXY  model "nobody"  api_key "sk-master" } }
client<llm> Locked { provider openai-generic  options { base_url env.PROXY  model "chat"  api_key "wrong" } }
client<llm> Other { provider fallback  options { strategy [Stranger, Locked, Chat] } }
function SayChat(x: string) -> string { client Chat  prompt #"{{ x }}"# }
function SayClaude(x: string) -> string { client Claude  prompt #"{{ x }}"# }
function SayAnswers(x: string) -> string { client Answers  prompt #"{{ x }}"# }
function SayOther(x: string) -> string { client Other  prompt #"{{ x }}"# }
"""


# --- the LiteLLM proxy ------------------------------------------------------------------------------------------------


def litellm_proxy(models: ThreadedMockServer) -> None:
    """Our runtime → the proxy → models of OpenAI and Anthropic."""
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    entries = [
        {"model_name": "chat", "litellm_params": {"model": "openai/gpt-x", "api_base": f"{models.url}/v1"}},
        {"model_name": "claude", "litellm_params": {"model": "anthropic/claude-x", "api_base": models.url}},
    ]
    for entry in entries:
        entry["litellm_params"]["api_key"] = "sk-upstream"  # type: ignore[index]  # it is a dict
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")  # JSON is YAML
        settings = {"num_retries": 0, "telemetry": False}
        text = {"model_list": entries, "litellm_settings": settings, "general_settings": {"master_key": "sk-master"}}
        config.write_text(json.dumps(text))
        command = [str(Path(sys.executable).with_name("litellm")), "--config", str(config), "--port", str(port)]
        local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True"}
        with served([*command, "--host", "127.0.0.1"], f"{root}/health/liveliness", **local) as process:
            env = {"PROXY": f"{root}/v1", "ROOT": root}
            with bamlvm.Runtime.from_files({"main.baml": SOURCE}, env=env) as runtime:
                proxied(runtime, models)
                cancelled_behind(runtime, models)
                process_ends(runtime, models, process)


def proxied(runtime: bamlvm.Runtime, models: ThreadedMockServer) -> None:
    models.play(HELLO)
    for function in ("SayChat", "SayClaude", "SayAnswers", "SayOther"):
        for stream in (False, True):
            collector = bamlvm.Collector()
            partials: list[Any] = []
            listening = partials.append if stream else None
            context = bamlvm.CallContext(on_partial=listening, collectors=[collector], timeout=60)
            answer = runtime.call_function_sync(function, {"x": "hi"}, context)
            assert answer == "Hello, world", (function, stream, answer)
            last = collector.attempts[-1]
            assert last.finish_reason and (last.output_tokens or not stream), (function, stream, last)
            assert not stream or partials[-1] == answer
            print(f"    {function} {'stream' if stream else 'whole'}: {last.finish_reason}, "
                  f"{last.input_tokens}+{last.output_tokens} tokens, {len(partials)} partial values")  # fmt: skip
            if function == "SayOther":
                statuses = [attempt.status for attempt in collector.attempts]
                assert len(statuses) == 3 and statuses[-1] == 200 and all(s and s >= 400 for s in statuses[:2]), (
                    statuses
                )
    fault = {"kind": "status", "code": 500}
    models.play({"rules": [{"answers": [{"faults": [fault]}]}]})
    for stream in (False, True):
        try:
            runtime.call_function_sync("SayChat", {"x": "hi"}, bamlvm.CallContext(on_partial=print if stream else None))
        except bamlvm.ThrownError as error:
            assert error.attempts[0].error.type == "baml.errors.HttpStatus", error
        else:
            raise AssertionError("a failure behind the proxy was none")
    models.play({"rules": [{"answers": [{"pieces": ["a ", "b ", "c"], "faults": [{"kind": "error", "after": 2}]}]}]})
    try:
        runtime.call_function_sync("SayChat", {"x": "hi"}, bamlvm.CallContext(on_partial=lambda value: None))
    except bamlvm.ThrownError as error:
        print(f"    a failure inside a stream: {error.attempts[0].error}")
    else:
        raise AssertionError("a failure inside a stream was none")
    assert runtime.handles == 0


def cancelled_behind(runtime: bamlvm.Runtime, models: ThreadedMockServer) -> None:
    """A call that is cancelled closes its connection, and the proxy then its own to the model."""
    models.play(SLOW)
    token = bamlvm.CancelToken()
    context = bamlvm.CallContext(on_partial=lambda value: token.cancel(), cancel=token, timeout=60)
    try:
        runtime.call_function_sync("SayChat", {"x": "hi"}, context)
    except bamlvm.Cancelled:
        pass
    else:
        raise AssertionError("not cancelled")
    assert runtime.handles == 0
    models.until(lambda server: all(each.outcome != "answering" for each in server.requests), timeout=30)
    assert models.requests[-1].outcome == "client left", models.requests[-1].outcome


def process_ends(runtime: bamlvm.Runtime, models: ThreadedMockServer, process: subprocess.Popen[bytes]) -> None:
    """A proxy that dies in the middle of an answer is an attempt's failure, with what was received."""
    models.play(SLOW)

    def kill(value: Any) -> None:
        if process.poll() is None:
            process.kill()

    try:
        runtime.call_function_sync("SayChat", {"x": "hi"}, bamlvm.CallContext(on_partial=kill, timeout=60))
    except bamlvm.ThrownError as error:
        attempt = error.attempts[0]
        assert attempt.error.type in ("baml.errors.StreamTruncated", "baml.errors.Network"), attempt.error
        assert attempt.text.startswith("word "), attempt.text
    else:
        raise AssertionError("an answer without an end was one")
    process.wait(30)
    assert runtime.handles == 0


# --- servers that host a runtime --------------------------------------------------------------------------------------


def uvicorn(models: ThreadedMockServer) -> None:
    """uvicorn, on uvloop."""
    port = free_port()
    command = module("uvicorn", "tests.interop.app:app", "--port", str(port), "--loop", "uvloop")
    hosted(models, [*command, "--timeout-graceful-shutdown", "5"], port, "uvloop", 1)


def gunicorn(models: ThreadedMockServer) -> None:
    """gunicorn, with two of uvicorn's workers."""
    port = free_port()
    command = module("gunicorn", "tests.interop.app:app", "-k", "uvicorn_worker.UvicornWorker", "-w", "2")
    hosted(models, [*command, "-b", f"127.0.0.1:{port}", "--graceful-timeout", "5"], port, "uvloop", 2)


def preloaded(models: ThreadedMockServer) -> None:
    """gunicorn that makes the runtime before it forks its workers."""
    port = free_port()
    command = module("gunicorn", "tests.interop.app:app", "-k", "uvicorn_worker.UvicornWorker", "-w", "2", "--preload")
    hosted(models, [*command, "-b", f"127.0.0.1:{port}", "--graceful-timeout", "5"], port, "uvloop", 2)


def hosted(models: ThreadedMockServer, command: list[str], port: int, loop: str, workers: int) -> None:
    url = f"http://127.0.0.1:{port}"
    with served(command, f"{url}/loop", MODELS=f"{models.url}/v1") as process:
        models.play(HELLO)
        seen = set()
        for _ in range(20):  # a new connection each, so that every worker has its turn
            about = httpx.get(f"{url}/loop", trust_env=False).json()
            assert about["loop"].partition(".")[0] == loop, about
            seen.add(about["process"])
        assert len(seen) <= workers
        asyncio.run(many(url))
        models.play(SLOW)
        with httpx.stream("GET", f"{url}/stream", params={"x": "hi"}, trust_env=False, timeout=30) as response:
            assert next(response.iter_lines()).startswith("data: word")
        models.until(lambda server: all(each.outcome != "answering" for each in server.requests), timeout=30)
        assert models.requests[-1].outcome == "client left", "the model wrote on after the client had left"
        assert httpx.get(f"{url}/loop", trust_env=False).json()["handles"] == 0
        with httpx.stream("GET", f"{url}/stream", params={"x": "hi"}, trust_env=False, timeout=60) as response:
            lines = response.iter_lines()
            next(lines)
            process.send_signal(signal.SIGTERM)  # in the middle of a stream
            started = time.monotonic()
            with contextlib.suppress(httpx.TransportError):
                for _ in lines:
                    pass
        process.wait(60)
        print(f"    {len(seen)} workers seen, stopped {time.monotonic() - started:.1f} s after SIGTERM, "
              f"status {process.returncode}")  # fmt: skip
        models.until(lambda server: all(each.outcome != "answering" for each in server.requests), timeout=30)


async def many(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:

        async def one(path: str) -> None:
            response = await client.get(path, params={"x": "hi"})
            text = response.text.replace("data: ", "")
            assert response.status_code == 200 and "Hello, world" in text, (path, response.status_code, text)

        await asyncio.gather(*(one(path) for path in ("/whole", "/stream", "/blocking") for _ in range(30)))


# --- Jupyter ----------------------------------------------------------------------------------------------------------

CELLS: Final = (
    "import os, bamlvm\nfrom tests.interop.app import SOURCE\n"
    "runtime = bamlvm.Runtime.from_files({'main.baml': SOURCE})",
    "print(await runtime.call_function('Say', {'x': 'hi'}))",
    "print(runtime.call_function_sync('Say', {'x': 'hi'}))",
    "async for partial in (stream := runtime.stream('Say', {'x': 'hi'})):\n    last = partial\nprint(last)",
    "for partial in (stream := runtime.stream('Say', {'x': 'hi'})):\n    last = partial\nprint(stream.final())",
    "runtime.close()\nprint(runtime.handles)",
)


def jupyter(models: ThreadedMockServer) -> None:
    """A notebook that a kernel executes, in whose loop every cell runs."""
    import nbclient
    import nbformat

    models.play(HELLO)
    os.environ["MODELS"] = f"{models.url}/v1"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = ["".join(each.get("text", "") for each in cell.outputs).strip() for cell in book.cells]
    assert outputs == ["", *["Hello, world"] * 4, "0"], outputs


CHECKS: Final[tuple[Callable[[ThreadedMockServer], None], ...]] = (jupyter, uvicorn, gunicorn, preloaded, litellm_proxy)


if __name__ == "__main__":
    sys.exit(main(CHECKS, sys.argv[1:]))
