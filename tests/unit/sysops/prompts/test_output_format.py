"""``ctx.output_format`` against what the official runtime renders.

``output_formats/expected.txt`` holds, for a type and a call, the official text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import bamlvm
from bamlvm.sysops.prompts.engine import Engine, PromptContext
from bamlvm.sysops.prompts.output_format import OutputFormat
from bamlvm.vm.program.reach import Declarations
from bamlvm.vm.program.types import INT, ListType

FOLDER = Path(__file__).parent / "output_formats"


def cases() -> Iterator[tuple[str, str, str]]:
    """The type, the call and the text of every case."""
    text = (FOLDER / "expected.txt").read_text()
    for case in text.split("\n##### ")[1:]:
        head, _, body = case.partition("\n")
        type_, _, call = head.partition(" ##### ")
        yield type_, call, body.removesuffix("\n")


CASES = list(cases())


@pytest.fixture(scope="module")
def runtime() -> Iterator[bamlvm.Runtime]:
    functions = [
        f'function F{number}() -> {type_} {{ client C  prompt #"{{{{ {call} }}}}"# }}'
        for number, (type_, call, _) in enumerate(CASES)
    ]
    client = 'client C { provider openai  options { model "m"  api_key "k" } }'
    source = "\n".join([(FOLDER / "declarations.baml").read_text(), client, *functions])
    with bamlvm.Runtime.from_files({"main.baml": source}) as made:
        yield made


def rendered(runtime: bamlvm.Runtime, number: int) -> str:
    program = runtime.engine.program
    engine = Engine(program.enums, program.templates, program.classes, program.aliases)
    name = f"F{number}"
    context = PromptContext("C", "openai", "user", program.signatures[name].result, {})
    template = program.llm_functions[name].template
    [message] = engine.render(name, template, {}, context)
    [part] = message.parts
    assert isinstance(part.content, str)
    return part.content


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{type_}-{call}" for type_, call, _ in CASES])
def test_as_the_official_runtime(runtime: bamlvm.Runtime, number: int) -> None:
    expected = CASES[number][2]
    assert rendered(runtime, number) == expected.strip()


def test_a_description_is_made_once_for_its_options() -> None:
    declared = Declarations({}, {}, {})
    described = OutputFormat(ListType(INT), declared)
    assert str(described) == str(OutputFormat(ListType(INT), declared)) == described()
    assert described(prefix="Give ") == "Give int[]"
    assert described(prefix="Take ") == "Take int[]"
    assert len(declared.texts) == 3
    for number in range(1000):
        described(prefix=f"{number}: ")
    assert described(prefix="Give ") == "Give int[]"
    assert len(declared.texts) <= 256


def test_classes_that_double_are_refused_or_hoisted() -> None:
    classes = "".join(f"class K{at} {{ l K{at + 1}  r K{at + 1} }}\n" for at in range(25)) + "class K25 { a int }\n"
    client = "client C { provider openai  options { model gpt } }\n"
    source = f'{classes}{client}function %s() -> K0 {{ client C  prompt #"{{{{ ctx.output_format%s }}}}"# }}\n'
    with (
        bamlvm.Runtime.from_files({"main.baml": source % ("Whole", "")}) as runtime,
        pytest.raises(bamlvm.ThrownError, match="is longer than 1000000 characters"),
    ):
        runtime.render_prompt("Whole", {})
    with bamlvm.Runtime.from_files({"main.baml": source % ("Hoisted", "(hoist_classes=true)")}) as runtime:
        assert str(runtime.render_prompt("Hoisted", {})).count("K25") == 3
