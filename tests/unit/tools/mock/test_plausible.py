"""Answers made from return types: of the type, fitting to names, the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bamlvm
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.mock import MockTransport, PlausibleAnswers
from bamlvm.tools.mock.plausible import plausible_answer

PROGRAM = """
enum Mood { Happy  Sad @alias("k1") }
type Tree = int | Tree[]
class Node { label string  next Node?  children Node[] }
class Order {
  customer_name string
  email string
  unitPrice float @alias("price")
  count int @assert(many, {{ this > 5 }})
  placed_at string
  mood Mood
  moods map<Mood, int>
  kind "new" | "old"
  tags string[]
  note string?
}
client<llm> A { provider openai  options { model "m"  api_key env.SOME_KEY  base_url env.SOME_URL } }
client<llm> B { provider anthropic  options { model "m" } }
client<llm> G { provider google-ai  options { model "m" } }
client<llm> R { provider openai-responses  options { model "m" } }
function Extract(s: string) -> Order { client A  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Many(s: string) -> Order[] { client B  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Feel(s: string) -> Mood { client G  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Count(s: string) -> int { client R  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Say(s: string) -> string { client A  prompt #"{{ s }}"# }
function Grow(s: string) -> Tree { client B  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Link(s: string) -> Node { client A  prompt #"{{ s }} {{ ctx.output_format }}"# }
function Either(s: string) -> Order | string | bool { client A  prompt #"{{ s }} {{ ctx.output_format }}"# }
test Order { functions [Extract]  args { s "x" }  @@assert({{ this.count > 5 }}) }
"""
FUNCTIONS = ("Extract", "Many", "Feel", "Count", "Say", "Grow", "Link", "Either")


def runtime(seed: int = 0) -> bamlvm.Runtime:
    answers = PlausibleAnswers(seed, delay_ms=0)
    made = bamlvm.Runtime.from_files({"main.baml": PROGRAM}, transport=MockTransport(answers), env={})
    answers.runtime = made
    return made


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_gets_an_answer_of_its_type_in_every_format(function: str) -> None:
    with runtime() as whole, runtime() as streamed:
        for prompt in ("one", "two", "three"):
            value = bamlvm.to_builtins(whole.call_function_sync(function, {"s": prompt}))
            stream = streamed.stream(function, {"s": prompt})
            partials = list(stream)
            assert bamlvm.to_builtins(stream.final()) == value
            assert partials or function not in ("Extract", "Many", "Say", "Link")  # other values may come whole


def test_a_field_s_name_and_asserts_decide() -> None:
    with runtime() as made:
        seen = []
        for seed in range(20):
            order = json.loads(plausible_answer(made, "Extract", "prompt", seed))
            assert order["count"] > 5
            assert "@example.com" in order["email"]
            assert order["customer_name"].count(" ") == 1
            assert 5 <= order["price"] <= 500
            assert order["placed_at"].startswith("2024-")
            assert {order["mood"], *order["moods"]} <= {"Happy", "k1"}
            seen.append(order["customer_name"])
        assert len(set(seen)) > 5


def test_the_same_call_gets_the_same_answer() -> None:
    with runtime() as one, runtime() as other, runtime(seed=1) as another:
        values = [str(each.call_function_sync("Extract", {"s": "x"})) for each in (one, other, one)]
        assert len(set(values)) == 1
        assert str(another.call_function_sync("Extract", {"s": "x"})) != values[0]
        assert str(one.call_function_sync("Extract", {"s": "y"})) != values[0]


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "main.baml"
    file.write_text(PROGRAM)
    words = ["run", str(file), "Extract", "-a", "s=x", "--mock", "--json"]
    assert main(words) == exit_codes.OK
    first = capsys.readouterr().out
    assert main([*words, "--stream"]) == exit_codes.OK
    streamed = capsys.readouterr()
    assert streamed.out == first
    assert [json.loads(line)["event"] for line in streamed.err.splitlines()].count("partial") > 2
    assert main([*words, "--mock-seed", "7"]) == exit_codes.OK
    assert capsys.readouterr().out != first
    assert main(["test", str(file), "--mock"]) == exit_codes.OK
    assert main([*words, "--replay", "calls.jsonl"]) == exit_codes.USAGE


def test_an_answer_that_would_be_too_large_is_not_made() -> None:
    classes = "".join(f"class K{at} {{ l K{at + 1}  r K{at + 1} }}\n" for at in range(25)) + "class K25 { a int }\n"
    function = 'client C { provider openai  options { model m } }\nfunction F() -> K0 { client C  prompt #""# }'
    with (
        bamlvm.Runtime.from_files({"main.baml": classes + function}) as made,
        pytest.raises(bamlvm.HostError, match="more than 20000 objects"),
    ):
        plausible_answer(made, "F", "", 0)
