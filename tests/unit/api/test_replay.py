"""Recordings: what is kept of an exchange, and that replaying it gives the same response, or the same failure."""

# ruff: noqa: ASYNC240 (small files of the tests' own)

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import bamlvm
from bamlvm.mock import MockServer, ThreadedMockServer
from bamlvm.replay import RecordingTransport, ReplayError, ReplayTransport, ReplayWarning, read_recording
from bamlvm.sysops.redaction import HIDDEN
from bamlvm.sysops.web.recording import Binary

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


def recording(tape: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=RecordingTransport(httpx.AsyncHTTPTransport(), tape))


def replaying(tape: Path, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=ReplayTransport(tape, **options))


def chat(server: MockServer) -> str:
    return f"{server.url}/v1/chat/completions"


async def chunks_of(client: httpx.AsyncClient, url: str, body: Any = BODY) -> list[bytes]:
    async with client.stream("POST", url, json=body) as response:
        return [chunk async for chunk in response.aiter_raw()]


def faulty(**fault: Any) -> dict[str, Any]:
    return {"rules": [{"answers": [{"pieces": ["Hello", ", ", "world"], "delay_ms": 5, "faults": [fault]}]}]}


class TestRoundTrip:
    async def test_chunks_headers_and_status_come_back(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play({"rules": [{"answers": [{"text": "héllo 🙂 there", "delay_ms": 3}]}]})
        async with recording(tape) as client:
            recorded = await chunks_of(client, chat(mock_server))
        async with replaying(tape) as client, client.stream("POST", chat(mock_server), json=BODY) as response:
            assert [chunk async for chunk in response.aiter_raw()] == recorded
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
        (exchange,) = read_recording(tape)
        times = [at for at, _ in exchange.chunks]
        assert exchange.end == "complete" and exchange.response is not None
        assert [exchange.response.at, *times, exchange.seconds] == sorted(
            [exchange.response.at, *times, exchange.seconds]
        )
        assert len(mock_server.requests) == 1

    async def test_an_error_status_comes_back(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play(faulty(kind="status", code=503, retry_after=2, body="busy"))
        for make in (recording, replaying):
            async with make(tape) as client:
                answer = await client.post(chat(mock_server), json=BODY)
            assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "busy", "2")

    async def test_split_characters_and_compressed_bodies(self, mock_server: MockServer, tape: Path) -> None:
        faults = [{"kind": "split", "size": 3}, {"kind": "gzip"}]
        mock_server.play({"rules": [{"answers": [{"text": "é🙂", "faults": faults}]}]})
        texts = []
        for make in (recording, replaying):
            async with make(tape) as client:
                texts.append((await client.post(chat(mock_server), json=BODY)).text)
        assert texts[0] == texts[1] and "é🙂" in texts[0]
        assert any(isinstance(body, Binary) for exchange in read_recording(tape) for _, body in exchange.chunks)

    async def test_recorded_pace_waits_and_fast_does_not_change_what_comes(
        self, mock_server: MockServer, tape: Path
    ) -> None:
        mock_server.play(faulty(kind="delay", ms=40))
        async with recording(tape) as client:
            recorded = await chunks_of(client, chat(mock_server))
        started = time.monotonic()
        async with replaying(tape, pace="recorded") as client:
            assert await chunks_of(client, chat(mock_server)) == recorded
        assert time.monotonic() - started >= 0.04  # never earlier than recorded, however slow the machine


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            ({"kind": "reset", "where": "before"}, httpx.ReadError),
            ({"kind": "reset", "where": "body", "at": 300}, httpx.ReadError),
            ({"kind": "truncate", "at": 300}, httpx.RemoteProtocolError),
            ({"kind": "garbage", "where": "response"}, httpx.RemoteProtocolError),
        ],
    )
    async def test_the_same_failure_after_the_same_bytes(
        self, mock_server: MockServer, tape: Path, fault: dict[str, Any], error: type[Exception]
    ) -> None:
        mock_server.play(faulty(**fault))
        seen: list[tuple[bytes, str]] = []
        for make in (recording, replaying):
            data = b""
            async with make(tape) as client:
                with pytest.raises(error) as caught:
                    async with client.stream("POST", chat(mock_server), json=BODY) as response:
                        async for chunk in response.aiter_raw():
                            data += chunk
            seen.append((data, str(caught.value)))
        assert seen[0] == seen[1]
        assert read_recording(tape)[0].end == "error"

    async def test_refused_connection(self, tape: Path) -> None:
        async with MockServer() as server:
            url = server.url
        for make in (recording, replaying):
            async with make(tape) as client:
                with pytest.raises(httpx.ConnectError, match="connection attempts failed"):
                    await client.get(url)

    async def test_a_reader_that_leaves_keeps_what_came(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play(faulty(kind="stall", at=-14))
        async with recording(tape) as client, client.stream("POST", chat(mock_server), json=BODY) as response:
            first = await anext(response.aiter_raw())
        (exchange,) = read_recording(tape)
        assert (exchange.end, exchange.error) == ("left", None)
        async with replaying(tape) as client, client.stream("POST", chat(mock_server), json=BODY) as response:
            chunks = response.aiter_raw()
            assert await anext(chunks) == first
            with pytest.raises(httpx.ReadError, match="the recording stops after 1 chunks"):
                await anext(chunks)

    @pytest.mark.parametrize("where", ["before", "body"])
    async def test_cancellation_keeps_what_came(self, mock_server: MockServer, tape: Path, where: str) -> None:
        mock_server.play(faulty(kind="stall", where=where, at=300))
        arrived = asyncio.Event()

        async def read(client: httpx.AsyncClient) -> None:
            async with client.stream("POST", chat(mock_server), json=BODY) as response:
                async for _ in response.aiter_raw():
                    arrived.set()

        async with recording(tape) as client:
            reading = asyncio.create_task(read(client))
            await mock_server.until(lambda server: len(server.requests) == 1)
            if where == "body":
                await arrived.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        (exchange,) = read_recording(tape)
        assert exchange.end == "left"
        assert (exchange.response is None, not exchange.chunks) == (where == "before", where == "before")


class TestSecrets:
    async def test_none_reaches_the_file(self, mock_server: MockServer, tape: Path) -> None:
        names = ("Authorization", "X-API-Key", "api-key", "Cookie", "x-goog-api-key")
        headers = {**{name: f"Bearer s3cret-{name}" for name in names}, "x-plain": "shown"}
        url = f"{mock_server.url.replace('://', '://me:s3cret-password@')}/echo?alt=sse&key=s3cret-key&q=1"
        async with recording(tape) as client:
            assert "s3cret-key" in (await client.post(url, json=BODY, headers=headers)).text  # it says back what it got
        (exchange,) = read_recording(tape)
        assert "s3cret" not in repr(exchange)
        assert exchange.request.url == f"{mock_server.url}/echo?alt=sse&key={HIDDEN}&q=1"
        assert ("x-plain", HIDDEN) in exchange.request.headers
        assert ("Authorization", HIDDEN) in exchange.request.headers

    async def test_requests_match_whatever_their_secrets(self, mock_server: MockServer, tape: Path) -> None:
        async with recording(tape) as client:
            await client.get(f"{mock_server.url}/echo?key=one", headers={"Authorization": "one"})
        async with replaying(tape) as client:
            answer = await client.get(f"{mock_server.url}/echo?key=two", headers={"Authorization": "two"})
            assert answer.status_code == 200


class TestMatching:
    async def test_equal_requests_are_answered_in_order_and_once(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play({"rules": [{"answers": [{"text": text} for text in ("a", "b")]}]})
        whole = {**BODY, "stream": False}
        reordered = dict(reversed(whole.items()))
        async with recording(tape) as client:
            for _ in range(2):
                await client.post(chat(mock_server), json=whole)
        async with replaying(tape) as client:
            answers = [await client.post(chat(mock_server), json=body) for body in (whole, reordered)]
            assert [answer.json()["choices"][0]["message"]["content"] for answer in answers] == ["a", "b"]
            with pytest.raises(ReplayError, match="the 2 that it had for this request are used up"):
                await client.post(chat(mock_server), json=whole)

    async def test_the_nearest_is_named_with_its_differences(self, mock_server: MockServer, tape: Path) -> None:
        async with recording(tape) as client:
            await client.get(f"{mock_server.url}/echo")
            await client.post(chat(mock_server), json=BODY)
        other = {"model": "m2", "messages": [{"role": "user", "content": "hello"}], "stream": True, "seed": 1}
        async with replaying(tape) as client:
            with pytest.raises(ReplayError) as caught:
                await client.post(chat(mock_server), json=other)
        assert str(caught.value).splitlines() == [
            f"the recording {tape} has no response to POST {chat(mock_server)}; the nearest, on line 2, differs:",
            "  body.seed: not recorded, sent 1",
            '  body.model: recorded "m", sent "m2"',
            '  body.messages[0].content: recorded "hi", sent "hello"',
        ]

    async def test_an_empty_recording(self, tape: Path) -> None:
        tape.write_text("")
        async with replaying(tape) as client:
            with pytest.raises(ReplayError, match="it is empty"):
                await client.get("http://example.invalid/")


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(ReplayError, match=r"cannot read the recording .*nowhere\.jsonl: No such file"):
            ReplayTransport(tmp_path / "nowhere.jsonl")

    def test_not_writable(self, tmp_path: Path) -> None:
        with pytest.raises(ReplayError, match=r"cannot write the recording .*: not a regular file but a folder"):
            RecordingTransport(httpx.AsyncHTTPTransport(), tmp_path)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{", ":2: not a recorded exchange: Input data was truncated"),
            ('{"request": 1}', r":2: not a recorded exchange: Expected `object`, got `int` - at `\$\.request`"),
            ('{"request":{"method":"GET","url":"u","headers":[],"body":""},"version":9}', ":2: version 9"),
        ],
    )
    def test_broken_lines_are_named(self, tape: Path, line: str, message: str) -> None:
        tape.write_text(f"\n{line}\n")
        with pytest.raises(ReplayError, match=message):
            ReplayTransport(tape)

    async def test_what_the_file_held_stays_until_an_exchange_has_ended(
        self, mock_server: MockServer, tape: Path
    ) -> None:
        tape.write_text("precious")
        async with recording(tape) as client:
            assert tape.read_text() == "precious" and list(tape.parent.iterdir()) == [tape]
            mock_server.play(faulty(kind="comments"))
            await chunks_of(client, chat(mock_server))
            await chunks_of(client, chat(mock_server))
        assert len(read_recording(tape)) == 2 and list(tape.parent.iterdir()) == [tape]
        assert tape.stat().st_mode & 0o777 == 0o600

    async def test_a_last_line_that_breaks_off_is_left_out(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play(faulty(kind="comments"))
        async with recording(tape) as client:
            await chunks_of(client, chat(mock_server))
        whole = tape.read_bytes()
        for end in (3, len(whole) // 2, len(whole) - 2):
            tape.write_bytes(whole + whole[:end])
            with pytest.warns(ReplayWarning, match=":2: the last line breaks off and is left out"):
                assert len(read_recording(tape)) == 1
        tape.write_bytes(whole[: len(whole) // 2] + b"\n" + whole)
        with pytest.raises(ReplayError, match=":1: not a recorded exchange"):
            read_recording(tape)

    def test_a_pipe_is_no_recording(self, tape: Path) -> None:
        os.mkfifo(tape)
        with pytest.raises(ReplayError, match="not a regular file"):
            ReplayTransport(tape)

    async def test_one_line_an_exchange_from_concurrent_calls(self, mock_server: MockServer, tape: Path) -> None:
        mock_server.play(faulty(kind="comments"))
        async with recording(tape) as client:
            await asyncio.gather(*(chunks_of(client, chat(mock_server), {**BODY, "seed": n}) for n in range(20)))
        seeds = [json.loads(str(exchange.request.body))["seed"] for exchange in read_recording(tape)]
        assert sorted(seeds) == list(range(20))

    async def test_a_body_sent_in_parts(self, mock_server: MockServer, tape: Path) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"in "
            yield b"parts \xff"

        async with recording(tape) as client:
            assert (await client.post(f"{mock_server.url}/echo", content=parts())).status_code == 200
        assert read_recording(tape)[0].request.body == Binary(b"in parts \xff")


class TestWithoutCredentials:
    """A replay needs no variable to be set; the recording's own values are not compared."""

    SOURCE = """
    client Whole { provider openai  options { base_url env.SERVICE_URL  model env.MODEL } }
    client Keyed { provider openai-generic  options { base_url "URL/v1"  model "m"  api_key env.KEY
        query_params { tenant env.TENANT } } }
    function F(input: string) -> string { client Whole  prompt #"Say hello to {{ input }}"# }
    function G(input: string) -> string { client Keyed  prompt #"Say hello to {{ input }}"# }
    """

    @pytest.mark.parametrize("function", ["F", "G"])
    def test_nothing_is_set(self, threaded_mock_server: Any, tape: Path, function: str) -> None:
        threaded_mock_server.play({"rules": [{"answers": [{"text": "Hello"}]}]})
        files = {"main.baml": self.SOURCE.replace("URL/", f"{threaded_mock_server.url}/")}
        env = {"SERVICE_URL": f"{threaded_mock_server.url}/v1", "MODEL": "gpt", "KEY": "sk-a-key", "TENANT": "t",
               "OPENAI_API_KEY": "sk-another"}  # fmt: skip
        recording = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
        with bamlvm.Runtime.from_files(files, transport=recording, env=env) as runtime:
            assert runtime.call_function_sync(function, {"input": "a"}) == "Hello"
            assert list(runtime.stream(function, {"input": "a"}))[-1] == "Hello"
        with bamlvm.Runtime.from_files(files, transport=ReplayTransport(tape), env={}) as runtime:
            assert runtime.call_function_sync(function, {"input": "a"}) == "Hello"
            assert list(runtime.stream(function, {"input": "a"}))[-1] == "Hello"
        with (
            bamlvm.Runtime.from_files(files, transport=ReplayTransport(tape), env={}) as runtime,
            pytest.raises(ReplayError, match="Say hello to b"),
        ):
            runtime.call_function_sync(function, {"input": "b"})

    def test_the_program_itself_sees_no_placeholder(self, tape: Path) -> None:
        tape.write_text("")
        files = {"main.baml": "function F() -> string { env.NOT_SET }"}
        with (
            bamlvm.Runtime.from_files(files, transport=ReplayTransport(tape), env={}) as runtime,
            pytest.raises(bamlvm.ThrownError, match="NOT_SET is not set"),
        ):
            runtime.call_function_sync("F", {})


# --- arguments --------------------------------------------------------------------------------------------------------

ASKING = """
class Wish { what string  count int }
client C { provider openai-generic  options { base_url "%s/v1"  model "m"  api_key "k" } }
function Ask(name: string, wish: Wish?, tone: string = "kind") -> string {
  client C  prompt #"{{ name }} wants {{ wish.count }} {{ wish.what }}, {{ tone }}"#
}
function Look(picture: image, note: string) -> string { client C  prompt #"{{ picture }} {{ note }}"# }
function main(name: string = "Bob") -> string { Ask(name, null) }
"""
ADA = {"name": "Ada", "wish": {"what": "cake", "count": 2}, "tone": "blunt"}


def taped(server: ThreadedMockServer, tape: Path, *calls: tuple[str, dict[str, Any]]) -> dict[str, str]:
    """Record calls of a program, and return its source."""
    source = {"main.baml": ASKING % server.url}
    transport = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
    with bamlvm.Runtime.from_files(source, transport=transport) as runtime:
        for function, arguments in calls:
            runtime.call_function_sync(function, arguments)
    return source


def replayed(source: dict[str, str], tape: Path, function: str, **arguments: Any) -> Any:
    with bamlvm.Runtime.from_files(source, transport=ReplayTransport(tape)) as runtime:
        return runtime.call_function_sync(function, arguments)


def test_what_a_replay_is_not_given_is_as_it_was_recorded(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.jsonl"
    source = taped(threaded_mock_server, tape, ("Ask", ADA))
    answer = "Ada wants 2 cake, blunt"
    assert answer in replayed(source, tape, "Ask")
    assert answer in replayed(source, tape, "Ask", name="Ada", tone="blunt")
    with pytest.raises(ReplayError, match=r"sent .*Eve wants 2 cake"):
        replayed(source, tape, "Ask", name="Eve")
    transport = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
    with bamlvm.Runtime.from_files(source, transport=transport) as runtime:
        runtime.stream("Ask", ADA).final()
    with bamlvm.Runtime.from_files(source, transport=ReplayTransport(tape)) as runtime:
        assert answer in runtime.stream("Ask").final()


def test_a_default_and_media_are_as_they_were_recorded(
    threaded_mock_server: ThreadedMockServer, tmp_path: Path
) -> None:
    tape = tmp_path / "tape.jsonl"
    source = taped(threaded_mock_server, tape, ("main", {"name": "Ada"}))
    assert "Ada wants" in replayed(source, tape, "main")
    source = taped(threaded_mock_server, tape, ("main", {}))
    assert "Bob wants" in replayed(source, tape, "main")
    picture = bamlvm.Image.from_base64("aGk=", "image/png")
    source = taped(threaded_mock_server, tape, ("Look", {"picture": picture, "note": "look"}))
    assert "look" in replayed(source, tape, "Look")


def test_of_several_calls_none_lends_its_arguments(threaded_mock_server: ThreadedMockServer, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    source = taped(threaded_mock_server, tape, ("Ask", ADA), ("Ask", {**ADA, "name": "Eve"}))
    with pytest.raises(bamlvm.HostError, match=r"the argument 'name' .* is missing"):
        replayed(source, tape, "Ask")
    source = taped(threaded_mock_server, tape, ("Ask", ADA))
    with pytest.raises(bamlvm.HostError, match=r"the argument 'picture' .* is missing"):
        replayed(source, tape, "Look")


def test_no_argument_that_holds_a_key_is_kept(threaded_mock_server: ThreadedMockServer, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    source = """
    function main(password: string, url: string) -> string {
      baml.http.send(baml.http.Request {
        method: "POST", url: url, headers: { "authorization": `Bearer ${password}` }, body: "{}", timeouts: null,
      }).text()
    }
    function plain(word: string, url: string) -> string { main(word, url) }
    """
    for function, name in (("main", "password"), ("plain", "word")):
        transport = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
        with bamlvm.Runtime.from_files({"main.baml": source}, transport=transport) as runtime:
            arguments = {name: "swordfish-long", "url": f"{threaded_mock_server.url}/echo"}
            runtime.call_function_sync(function, arguments)
        assert "swordfish" not in tape.read_text()
        assert f'{{"call":"{function}","arguments":null' in tape.read_text()


# --- variables that the program reads ---------------------------------------------------------------------------------


class TestSecretVariables:
    """A secret that a program reads may go anywhere in a request: nothing that is kept or said of it shows it."""

    SOURCE = """
    client C { provider openai-generic  options { base_url "URL/v1"  model "m"  headers { x "y" } } }
    function F(key: string) -> string { client C  prompt #"Say {{ key }}"# }
    function main() -> string { F(env.SERVICE_TOKEN) }
    function url() -> string {
        baml.http.fetch("URL/echo/" + env.SERVICE_TOKEN).text()
    }
    function spawned() -> string { let a = spawn { env.SERVICE_TOKEN }; F(await a) }
    """
    TOKEN = "tok-3f9a7c51/b2+d8"

    def runtime(self, url: str, transport: Any = None) -> bamlvm.Runtime:
        files = {"main.baml": self.SOURCE.replace("URL/", f"{url}/")}
        return bamlvm.Runtime.from_files(files, transport=transport, env={"SERVICE_TOKEN": self.TOKEN})

    @pytest.mark.parametrize("function", ["main", "spawned"])
    def test_records_errors_and_recordings(self, threaded_mock_server: Any, tape: Path, function: str) -> None:
        echo = f"you said {self.TOKEN}"
        threaded_mock_server.play({"rules": [{"answers": [{"text": echo}]}]})
        collector = bamlvm.Collector("c")
        context = bamlvm.CallContext(collectors=[collector])
        recording = RecordingTransport(httpx.AsyncHTTPTransport(), tape)
        with self.runtime(threaded_mock_server.url, recording) as runtime:
            assert runtime.call_function_sync(function, {}, context) == echo  # the program itself has it
        (call,) = collector.calls
        assert self.TOKEN not in repr(call) and self.TOKEN not in str(call.attempts[0].request)
        assert call.attempts[0].text == "you said ***"
        assert "b2+d8" not in tape.read_text() and "tok-3f9a7c51" not in tape.read_text()
        with self.runtime(threaded_mock_server.url, ReplayTransport(tape)) as runtime:
            assert runtime.call_function_sync(function, {}) == "you said ***"

    def test_errors(self, threaded_mock_server: Any) -> None:
        fault = {"faults": [{"kind": "status", "code": 400, "body": f"no such key: {self.TOKEN}"}]}
        threaded_mock_server.play({"rules": [{"answers": [fault]}]})
        with self.runtime(threaded_mock_server.url) as runtime, pytest.raises(bamlvm.ThrownError) as caught:
            runtime.call_function_sync("main", {})
        assert "no such key: ***" in str(caught.value)
        assert "tok-3f9a7c51" not in f"{caught.value} {caught.value.value!r}"

    def test_addresses(self, caplog: pytest.LogCaptureFixture) -> None:
        with (
            caplog.at_level("DEBUG"),
            self.runtime("http://127.0.0.1:9") as runtime,
            pytest.raises(bamlvm.ThrownError) as caught,
        ):
            runtime.call_function_sync("url", {})
        assert "127.0.0.1" in str(caught.value)
        assert "tok-3f9a7c51" not in f"{caught.value} {caught.value.value!r} {caplog.text}"


async def ask(client: httpx.AsyncClient, address: str, text: str, path: str = "/v1/chat") -> Any:
    return (await client.post(f"{address}{path}", json={"text": text})).json()


@pytest.fixture
async def answered(tape: Path) -> Path:
    """A recording of two addresses, each of which says where it is and what it was asked."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[request.url.host, json.loads(request.content)["text"]])

    async with httpx.AsyncClient(transport=RecordingTransport(httpx.MockTransport(answer), tape)) as client:
        for text in ("both", "a", "more"):
            await ask(client, "https://a.example", text)
        await ask(client, "https://b.example", "both")
        await ask(client, "https://b.example:8443", "other")
    return tape


class TestOtherAddresses:
    async def test_an_address_that_was_not_recorded_stands_for_the_one_that_matches(self, answered: Path) -> None:
        async with replaying(answered) as client:
            assert await ask(client, "http://127.0.0.1:4000", "a") == ["a.example", "a"]
            assert await ask(client, "http://127.0.0.1:4000", "both") == ["a.example", "both"]
            assert await ask(client, "https://b.example", "both") == ["b.example", "both"]

    async def test_it_stands_for_no_second_one(self, answered: Path) -> None:
        async with replaying(answered) as client:
            await ask(client, "http://127.0.0.1:4000", "a")
            with pytest.raises(ReplayError, match=r"differs:\n  body\.text: recorded"):
                await ask(client, "http://127.0.0.1:4000", "other")

    async def test_no_two_stand_for_one(self, answered: Path) -> None:
        async with replaying(answered) as client:
            await ask(client, "http://127.0.0.1:4000", "a")
            assert await ask(client, "http://127.0.0.1:5000", "both") == ["b.example", "both"]
            with pytest.raises(ReplayError, match="has no response"):
                await ask(client, "http://127.0.0.1:6000", "more")

    async def test_one_of_two_that_match_is_not_guessed(self, answered: Path) -> None:
        async with replaying(answered) as client:
            with pytest.raises(ReplayError, match=r"several addresses .*: https://a.example, https://b.example; give"):
                await ask(client, "http://127.0.0.1:4000", "both")

    async def test_one_that_was_recorded_stands_for_itself_alone(self, answered: Path) -> None:
        async with replaying(answered) as client:
            with pytest.raises(ReplayError, match=r"body\.text: recorded"):
                await ask(client, "https://b.example", "a")

    async def test_path_and_body_still_count(self, answered: Path) -> None:
        async with replaying(answered) as client:
            for text, path in (("a", "/v2/chat"), ("c", "/v1/chat")):
                with pytest.raises(ReplayError, match="has no response"):
                    await ask(client, "http://127.0.0.1:4000", text, path)

    async def test_what_is_used_up_is_said_to_be(self, answered: Path) -> None:
        async with replaying(answered) as client:
            await ask(client, "http://127.0.0.1:4000", "a")
            with pytest.raises(ReplayError, match="is used up"):
                await ask(client, "http://127.0.0.1:4000", "a")
