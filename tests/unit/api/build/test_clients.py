"""The clients of a call: checked as the source's are, used instead of the program's, and in no other call."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm.mock import MockTransport

SOURCE = """
retry_policy Twice { max_retries 1  strategy { type constant_delay  delay_ms 1 } }
client<llm> Fast { provider openai  options { model "fast"  api_key "k" } }
client<llm> Slow { provider openai  options { model "slow"  api_key "k" } }
function Say(text: string) -> string { client Fast  prompt #"Say {{ text }}"# }
"""


def client(provider: str = "openai", policy: str | None = None, **options: Any) -> dict[str, Any]:
    return {"provider": provider, "options": {"model": "mine", "api_key": "k", **options}, "retry_policy": policy}


@pytest.fixture
def transport() -> MockTransport:
    return MockTransport()


@pytest.fixture
def runtime(transport: MockTransport) -> Any:
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}, transport=transport, env={"OPENAI_API_KEY": "k"}) as made:
        yield made


def body(runtime: bamlvm.Runtime, **context: Any) -> dict[str, Any]:
    made: dict[str, Any] = runtime.request("Say", {"text": "x"}, bamlvm.CallContext(**context)).json()
    return made


def test_another_client_of_the_program(runtime: bamlvm.Runtime) -> None:
    assert body(runtime, client="Slow")["model"] == "slow"
    assert body(runtime, client="openai/gpt-4o")["model"] == "gpt-4o"
    assert body(runtime)["model"] == "fast"


def test_options_arrive_unchanged(runtime: bamlvm.Runtime) -> None:
    options = {
        "stop": ['a\n"b"', "\\n", "\x01\u2028é😀"],
        "seed": -3,
        "extra": {"deep-key": [1.5, {"on": True}], "": ""},
    }
    made = body(runtime, clients={"Mine": client(temperature=0.5, left_out=None, **options)}, client="Mine")
    assert made.items() >= {"model": "mine", "temperature": 0.5, **options}.items()
    assert "left_out" not in made


def test_a_client_of_the_program_is_replaced_in_this_call_only(runtime: bamlvm.Runtime) -> None:
    assert body(runtime, clients={"Fast": client()})["model"] == "mine"
    assert body(runtime)["model"] == "fast"


def test_strategies_and_policies_reach_both_kinds(runtime: bamlvm.Runtime, transport: MockTransport) -> None:
    transport.play({"rules": [{"model": "mine", "answers": [{"faults": [{"kind": "status", "code": 503}]}]}]})
    collector = bamlvm.Collector()
    clients = {"Mine": client(policy="Twice"), "Either": client("fallback", strategy=["Mine", "Slow"])}
    del clients["Either"]["options"]["model"], clients["Either"]["options"]["api_key"]
    context = bamlvm.CallContext(clients=clients, client="Either", collectors=[collector])
    assert runtime.call_function_sync("Say", {"text": "x"}, context) == "slow was asked: Say x"
    assert [attempt.client for attempt in collector.attempts] == ["Mine", "Mine", "Slow"]


@pytest.mark.parametrize(
    ("clients", "chosen", "message"),
    [
        ({}, "Slw", "there is no client 'Slw' (did you mean `Slow`?)"),
        ({"Mine": client("opnai")}, "Mine", "unknown provider `opnai` (did you mean `openai`?)"),
        ({"Mine": client(policy="Twise")}, "Mine", "unknown retry policy `Twise`"),
        ({"Mine": client(http={"request_timeout_ms": "soon"})}, "Mine", "`request_timeout_ms` is a number"),
        ({"Mine": client("fallback", strategy=["Slw"])}, "Mine", "unknown client `Slw`"),
        ({"Mine": client(model=object)}, "Mine", "Mine: options.model cannot be <class 'object'>"),
        ({"Mine": client(n=float("nan"))}, "Mine", "Mine: options.n cannot be nan"),
        ({"Mine": client(n=2**70)}, "Mine", "Mine: options.n cannot be 1180591620717411303424"),
        ({"Mine }": client()}, "Mine", "a client cannot be called 'Mine }'"),
        ({"Mine": {"options": {}}}, "Mine", "Mine must be a dict with a provider"),
        ({"Mine": client(policy="Twice } client<llm> X {")}, "Mine", "retry_policy must be a name"),
        ({"Mine": client() | {"model": "x"}}, "Mine", "Mine has no 'model'"),
    ],
)
def test_what_the_source_could_not_have(
    runtime: bamlvm.Runtime, clients: dict[str, Any], chosen: str, message: str
) -> None:
    with pytest.raises(bamlvm.HostError) as caught:
        body(runtime, clients=clients, client=chosen)
    assert message in str(caught.value)


def test_keys_stay_out_of_the_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with bamlvm.Runtime.from_files({"main.baml": SOURCE}) as runtime:
        body(runtime, clients={"Mine": client(api_key="sk-very-secret")}, client="Mine")
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any(b"very-secret" in path.read_bytes() for path in kept)
