"""The command for curl, run by a real shell, and the estimate of tokens."""

from __future__ import annotations

import json
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

import bamlvm
from bamlvm import CallContext
from bamlvm.calls.dry_run import HttpRequest
from bamlvm.sysops.redaction import secrets_of
from bamlvm.tools.dev.preview import curl, estimated_tokens, preview

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def arguments_of(command: str) -> list[str]:
    """The words that a shell makes of a command, with the variable for secrets set."""
    printed = command.replace("curl ", "printf '%s\\0' ", 1)
    done = subprocess.run(["sh", "-c", printed], capture_output=True, check=True, env={"API_KEY": "THE-KEY"})
    return done.stdout.decode().split("\0")[:-1]


@settings(max_examples=25)
@given(TEXTS, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20))
def test_a_shell_reads_the_command_as_it_is_meant(text: str, agent: str) -> None:
    body = json.dumps({"prompt": text}, ensure_ascii=False)
    headers = {"authorization": "Bearer sk-1234567890abc", "user-agent": agent, "content-length": "9"}
    request = HttpRequest("POST", "https://h.example/v1?key=abcdefgh1234&x=$a", headers, body)
    words = arguments_of(curl(request, secrets_of(headers, request.url)))
    assert words == [
        "https://h.example/v1?key=THE-KEY&x=$a",
        "-X",
        "POST",
        "-H",
        "authorization: Bearer THE-KEY",
        "-H",
        f"user-agent: {agent}",
        "--data-raw",
        body,
    ]


def test_what_the_program_reads_is_hidden_as_in_records() -> None:
    source = """
    client<llm> Fast {
      provider openai
      options {
        model "m"  api_key env.PLAIN  base_url env.WHERE
        headers { "x-tenant" env.TENANT  accept env.A_TOKEN }
      }
    }
    function Ask(text: string, key: string = env.SERVICE_TOKEN) -> string {
      client Fast
      prompt #"{{ text }} {{ key }}"#
    }
    function Fail(text: string = Refused(env.SERVICE_TOKEN)) -> string { client Fast  prompt #"{{ text }}"# }
    function Refused(key: string) -> string { throw baml.errors.InvalidArgument { message: `not ${key}` } }
    """
    env = {
        "PLAIN": "a key of no known form",
        "WHERE": "https://user:the-password@host.example/v1",
        "TENANT": "the tenant's own name",
        "A_TOKEN": "text/a-token-in-public",
        "SERVICE_TOKEN": 'quoted"token+1234567890',
    }
    with bamlvm.Runtime.from_files({"main.baml": source}, env=env) as runtime:
        found = preview(runtime, "Ask", {"text": "hello"}, CallContext())
        failed = preview(runtime, "Fail", {}, CallContext())
    assert found["messages"][0]["parts"][0]["text"] == "hello ***"
    assert json.loads(found["request"]["body"])["messages"][0]["content"] == "hello ***"
    assert failed == {"error": "not ***"}
    for secret in ("no known form", "the-password", "own name", "in-public", "1234567890"):
        assert secret not in repr(found)


def test_words_digits_and_marks_count() -> None:
    assert estimated_tokens("") == 0
    assert estimated_tokens("The quick brown fox jumps over the lazy dog.") == 10
    assert estimated_tokens("12345678") == 3
    assert estimated_tokens("日本語") == 3
    assert estimated_tokens("internationalisation") == 3
