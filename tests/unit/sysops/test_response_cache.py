"""The cache of responses: what is kept, what is taken, by whom, and that nothing of it fails a call."""

from __future__ import annotations

import os
import sqlite3
import stat
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

import bamlvm
from bamlvm.mock import ThreadedMockServer

KEY = "sk-a-secret-key-0123456789"
PROGRAM = """
retry_policy Once { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> C { provider openai  OPTIONS }
client<llm> Retried { provider openai  retry_policy Once  OPTIONS }
client<llm> Other { provider anthropic  options { model "claude-x"  api_key env.KEY  base_url "URL" } }
client<llm> Turns { provider round-robin  options { strategy [C, Other] } }
class Person { name string  age int }
function Extract(text: string) -> Person { client C  prompt #"{{ text }}"# }
function Again(text: string) -> Person { client Retried  prompt #"{{ text }}"# }
function Turned(text: string) -> Person { client Turns  prompt #"{{ text }}"# }
""".replace("OPTIONS", 'options { model "gpt-4o"  api_key env.KEY  base_url "URL/v1" }')
ADA = {"text": '{"name": "Ada Lovelace", "age": 36}', "piece_length": 4}


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedMockServer]:
    with ThreadedMockServer() as server:
        yield server


@pytest.fixture(autouse=True)
def played(server: ThreadedMockServer) -> None:
    play(server, ADA)
    server.requests.clear()


def play(server: ThreadedMockServer, *answers: Any) -> None:
    server.play({"rules": [{"answers": answers}]})


def runtime(server: ThreadedMockServer, cache: Any, key: str = KEY, source: str = PROGRAM) -> bamlvm.Runtime:
    files = {"main.baml": source.replace("URL", server.url)}
    return bamlvm.Runtime.from_files(files, env={"KEY": key}, cache=cache)


def extract(program: bamlvm.Runtime, text: str = "T", **options: Any) -> str:
    return str(program.call_function_sync("Extract", {"text": text}, bamlvm.CallContext(**options)).name)


class Memory:
    """A store of a host's own."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.entries.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.entries[key] = value

    def delete(self, key: str) -> None:
        del self.entries[key]


class AsyncMemory:
    """The same, in coroutines."""

    def __init__(self) -> None:
        self.inner = Memory()

    async def get(self, key: str) -> bytes | None:
        return self.inner.get(key)

    async def put(self, key: str, value: bytes) -> None:
        self.inner.put(key, value)


@pytest.mark.parametrize("kind", ["file", "memory", "async"])
def test_an_equal_request_is_answered_from_the_cache(server: ThreadedMockServer, tmp_path: Path, kind: str) -> None:
    cache: Any = {"file": tmp_path / "c.db", "memory": Memory(), "async": AsyncMemory()}[kind]
    with runtime(server, cache) as program:
        collector = bamlvm.Collector()
        for _ in range(3):
            assert extract(program, collectors=[collector]) == "Ada Lovelace"
        assert extract(program, "another") == "Ada Lovelace"
        assert len(server.requests) == 2
        first, second, third = collector.attempts
        assert [first.cached, second.cached, third.cached] == [False, True, True]
        assert (second.text, second.status, second.finish_reason) == (first.text, 200, "stop")
        assert second.input_tokens == first.input_tokens, "the record has them"
        assert collector.usage.output_tokens == first.output_tokens, "the sum has them once"
    with runtime(server, cache, key="another-key") as program:
        assert extract(program) == "Ada Lovelace"
        assert len(server.requests) == 2, "the key is no part of the request"


def test_a_stream_is_streamed_again(server: ThreadedMockServer, tmp_path: Path) -> None:
    with runtime(server, tmp_path / "c.db") as program:
        ticks: list[Any] = []
        context = bamlvm.CallContext(on_tick=ticks.extend)
        values = [program.call_function_sync("Extract", {"text": "T"}, context) for _ in range(2)]
        assert values[0] == values[1]
        assert len(server.requests) == 1
        half = len(ticks) // 2
        assert ticks[:half] == ticks[half:], "the same events"
        stream = program.stream("Extract", {"text": "T"})
        partials = list(stream)
        assert (partials[-1].age, stream.final()) == (36, values[0])
        assert len(server.requests) == 1
        assert extract(program) == "Ada Lovelace"
        assert len(server.requests) == 2, "a whole response is another one"
        assert program.handles == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"faults": [{"kind": "status", "code": 400}]},
        {"text": '{"name": "Ada"'},
        {"text": "no"},
        {**ADA, "faults": [{"kind": "truncate"}]},
    ],
    ids=["status", "cut", "unparsable", "truncated"],
)
def test_what_failed_is_not_kept(server: ThreadedMockServer, answer: Any) -> None:
    play(server, answer)
    store = Memory()
    with runtime(server, store) as program:
        for stream in (False, True):
            with pytest.raises(bamlvm.ThrownError):
                if stream:
                    program.stream("Extract", {"text": "T"}).final()
                else:
                    program.call_function_sync("Extract", {"text": "T"})
        assert store.entries == {}


def test_a_retry_after_a_failure_is_sent(server: ThreadedMockServer) -> None:
    store = Memory()
    with runtime(server, store) as program:
        play(server, {"text": "no"}, ADA)
        assert program.functions.Again(text="T").name == "Ada Lovelace"
        assert len(server.requests) == 2
        assert program.functions.Again(text="T").name == "Ada Lovelace"
        assert len(server.requests) == 2


def test_a_kept_response_that_no_longer_fits_is_removed(server: ThreadedMockServer) -> None:
    store = Memory()
    with runtime(server, store) as program:
        assert program.functions.Again(text="T").age == 36
    changed = PROGRAM.replace("age int", "age int  height float")
    with runtime(server, store, source=changed) as program:
        play(server, {"text": '{"name": "Ada", "age": 36, "height": 1.7}'})
        collector = bamlvm.Collector()
        value = program.call_function_sync("Again", {"text": "T"}, bamlvm.CallContext(collectors=[collector]))
        assert value.height == 1.7
        assert [attempt.cached for attempt in collector.attempts] == [True, False]


def test_how_a_call_uses_the_cache(server: ThreadedMockServer) -> None:
    store = Memory()
    with runtime(server, store) as program:
        extract(program, cache=False)
        assert (len(server.requests), len(store.entries)) == (1, 0)
        with pytest.raises(bamlvm.ThrownError, match="the cache has no response to this request"):
            extract(program, cache="only")
        extract(program)
        extract(program, cache="only")
        assert (len(server.requests), len(store.entries)) == (2, 1)
        play(server, {"text": '{"name": "Grace", "age": 1}'})
        assert extract(program) == "Ada Lovelace"
        assert extract(program, cache="refresh") == "Grace"
        assert extract(program, cache=True) == "Grace"
        assert len(server.requests) == 3
    with pytest.raises(bamlvm.HostError, match="expected True, False"):
        bamlvm.CallContext(cache="sometimes")  # type: ignore[arg-type]  # what is refused
    with runtime(server, None) as program, pytest.raises(bamlvm.HostError, match="the runtime has no cache"):
        extract(program, cache="only")
    with pytest.raises(bamlvm.HostError, match="an object with get and put, not int"):
        runtime(server, 7)


def test_round_robin_takes_its_turns(server: ThreadedMockServer) -> None:
    with runtime(server, Memory()) as program:
        collector = bamlvm.Collector()
        for _ in range(4):
            program.call_function_sync("Turned", {"text": "T"}, bamlvm.CallContext(collectors=[collector]))
        assert [(each.client, each.cached) for each in collector.attempts] == [
            ("C", False),
            ("Other", False),
            ("C", True),
            ("Other", True),
        ]


def test_no_key_and_no_header_is_kept(server: ThreadedMockServer, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "c.db"
    with runtime(server, path) as program:
        extract(program)
        program.functions.Turned(text="T")
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert b"Ada" in content
        assert KEY.encode() not in content
        assert b"Bearer" not in content
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    play(server, {"text": f'{{"name": "{KEY}", "age": 1}}'})
    store = Memory()
    with runtime(server, store) as program:
        extract(program)
        assert store.entries == {}, "a response that repeats the key"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"nonsense",
        "text",
        7,
        msgspec.msgpack.encode([1, "another key", 0.0, "application/json", b"{}"]),
        msgspec.msgpack.encode([2, "KEY", 0.0, "application/json", b"{}"]),
        msgspec.msgpack.encode([1, "KEY", 0.0, "text/plain\r\nx: y", b"{}"]),
        msgspec.msgpack.encode([1, "KEY", 0.0, "application/json", b""]),
    ],
    ids=["empty", "nonsense", "text", "number", "another", "version", "header", "bodiless"],
)
def test_what_is_no_entry_is_a_miss(server: ThreadedMockServer, value: Any) -> None:
    class Untrusted(Memory):
        def get(self, key: str) -> Any:
            return value.replace(b"KEY", key.encode()) if isinstance(value, bytes) and b"KEY" not in value else value

    with runtime(server, Untrusted()) as program:
        assert extract(program) == "Ada Lovelace"


def test_an_entry_that_lies_is_a_failed_attempt_and_no_more(server: ThreadedMockServer) -> None:
    store = Memory()
    with runtime(server, store) as program:
        program.functions.Again(text="T")
        (key,) = store.entries
        store.entries[key] = msgspec.msgpack.encode([1, key, 0.0, "application/json", b'{"choices": 7}'])
        with pytest.raises(bamlvm.ThrownError, match="cannot be read"):
            program.functions.Again(text="T")
        assert program.functions.Again(text="T").age == 36


def test_a_store_that_fails_is_a_warning(server: ThreadedMockServer) -> None:
    class Broken(Memory):
        def get(self, key: str) -> bytes | None:
            raise OSError("no network")

    with runtime(server, Broken()) as program:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert extract(program) == "Ada Lovelace"
        assert "the cache Broken failed: OSError('no network')" in str(caught[0].message)


def test_many_at_once(server: ThreadedMockServer, tmp_path: Path) -> None:
    with runtime(server, tmp_path / "c.db") as one, runtime(server, tmp_path / "c.db") as two:
        with ThreadPoolExecutor(8) as pool:
            names = list(pool.map(lambda n: extract((one, two)[n % 2], f"text {n % 5}"), range(40)))
        assert set(names) == {"Ada Lovelace"}
        sent = len(server.requests)
        assert 5 <= sent <= 40
        assert extract(one, "text 1") == "Ada Lovelace"
        assert len(server.requests) == sent


def test_the_command_line(
    server: ThreadedMockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    from bamlvm.cli.main import main

    (tmp_path / "main.baml").write_text(PROGRAM.replace("URL", server.url))
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("BAMLVM_CACHE_DIR", str(tmp_path / "cache"))
    command = ["run", str(tmp_path / "main.baml"), "Extract", "-a", "text=T", "--cache", "-v"]
    assert main(command) == 0
    assert main(command) == 0
    assert len(server.requests) == 1
    assert "from the cache, 0+0 tokens" in capfd.readouterr().err
    assert stat.S_IMODE(os.stat(tmp_path / "cache" / "responses.db").st_mode) == 0o600
    connection = sqlite3.connect(tmp_path / "cache" / "responses.db")
    assert connection.execute("SELECT count(*) FROM responses").fetchone() == (1,)
    connection.close()
