"""Trees that are too deep are refused in words and never built, whatever the size of the stack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bamlvm.grammar.depth import MAX_TREE_DEPTH, may_be_deep
from bamlvm.grammar.lexer import lex
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from tests.unit.grammar.conftest import tree_depth

BRACKETS = 40
"""How often delimiters are nested: the lexer refuses more than a hundred."""

CHAINS: dict[str, Callable[[int], str]] = {
    "sums": lambda n: "1" + " + 1" * n,
    "methods": lambda n: "f()" + ".b()" * n,
    "calls": lambda n: "f" + "()" * n,
    "indices": lambda n: "a" + "[0]" * n,
    "signs": lambda n: "- " * n + "1",
    "negations": lambda n: "!" * n + "a",
    "returns": lambda n: "return " * n + "1",
    "throws": lambda n: "throw " * n + "1",
    "branches": lambda n: "if (a) {} " + "else if (a) {}" * n,
    "catches": lambda n: "a" + " catch { A => 1 }" * n,
    "defaults": lambda n: "a" + " ?? b" * n,
    "lists": lambda n: "a is int" + "[]" * n,
    "optional lists": lambda n: "let x: int" + "?[]" * n + " = 1;",
    "type tests": lambda n: "a" + " is int" * n,
    "shifts": lambda n: "a" + " >> 1" * n,
    "function types": lambda n: "let x: " + "() -> " * n + "int = 1;",
    "maps": lambda n: "let x: " + "map<string, " * n + "int" + ">" * n + " = 1;",
    "generics": lambda n: "let x: " + "Array<" * n + "int" + ">" * n + " = 1;",
    "long names": lambda n: "a" + ".b" * 90 + "()" + (".c" * 20 + "()") * n,
}
NESTED: dict[str, tuple[str, str]] = {
    "groups": ("(1 + ", ")"),
    "blocks": ("{ if (a) ", "{} }"),
    "matches": ("match (a) { 1 => ", "}"),
    "lambdas": ("() -> int { ", "}"),
    "objects": ("P { a: -", "}"),
    "maps": ("{ b: 1 + ", "}"),
    "spreads": ("[... ", "]"),
    "arguments": ("f(a = return ", ")"),
    "templates": ("`${", "}`"),
}


def function(body: str) -> str:
    return f"function f() {{ {body} }}"


@pytest.mark.parametrize("name", CHAINS)
def test_deep_trees_are_refused_once(name: str) -> None:
    file, diagnostics = parse_file(SourceFile("a", function(CHAINS[name](5000)) + "\nclass A {}"))
    assert [item.declaration.name for item in file.items] == ["A"]
    assert [(diagnostic.code, diagnostic.message) for diagnostic in diagnostics] == [
        ("E0010", f"this is more than {MAX_TREE_DEPTH} levels deep in one expression or type")
    ]


@pytest.mark.parametrize("name", CHAINS)
def test_a_tree_is_read_up_to_the_limit_and_refused_behind_it(name: str) -> None:
    """Whether an item is looked at closely or not makes no difference: the limit is where it is."""
    depths = []
    for links in (*range(60, 130, 7), 240, 250, 260, 500):
        file, diagnostics = parse_file(SourceFile("a", function(CHAINS[name](links))))
        assert len(file.items) + len(diagnostics) == 1
        depths += [tree_depth(item.declaration) for item in file.items]
    assert depths == sorted(depths) and max(depths, default=0) <= MAX_TREE_DEPTH + 1


@pytest.mark.parametrize("outer", NESTED)
@pytest.mark.parametrize("inner", CHAINS)
def test_what_is_not_suspicious_is_not_deep(outer: str, inner: str) -> None:
    opening, closing = NESTED[outer]
    for brackets in (1, BRACKETS):
        for links in (30, 99):
            chain = CHAINS[inner](links)
            if chain.startswith("let") and not opening.rstrip().endswith("{"):
                continue
            text = function(opening * brackets + chain + closing * brackets)
            if not may_be_deep(lex(text, "function").tokens):
                file, _ = parse_file(SourceFile("a", text))
                assert all(tree_depth(item.declaration) <= MAX_TREE_DEPTH + 1 for item in file.items)


SMALL_THREAD = """
import sys, threading
from bamlvm.grammar.formatter import format_text
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
parse_file(SourceFile("a", "type A = int"))  # loads the tables in the main thread
def run():
    for text in sys.stdin.read().split("\\0"):
        print(len(parse_file(SourceFile("a", text))[1]), format_text(text, "a")[0], flush=True)
threading.stack_size(128 << 10)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def test_deep_trees_do_not_overflow_a_small_stack() -> None:
    """Neither while they are read nor when they are freed, also behind a syntax error."""
    texts = [
        "type T = int" + "[]" * 15_000,
        "type T = int" + "[]" * 138_000,
        function("1" + " + 1" * 15_000 + " 5 5; let y = 1" + "+1" * 15_000 + " ) "),
        "class A { x int" + "?[]" * 15_000 + " = }",
        function("return " * 15_000),
    ]
    done = subprocess.run(
        [sys.executable, "-c", SMALL_THREAD], input="\0".join(texts), capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["None"] * len(texts)


WHOLE: dict[str, str] = {
    **{f"chain of {name}": function(chain(3000)) for name, chain in CHAINS.items()},
    **{f"nested {name}": function(start * 3000 + "1" + end * 3000) for name, (start, end) in NESTED.items()},
    "types in parentheses": "type T = " + "(" * 3000 + "int" + ")" * 3000,
    "unions": "type T = int" + " | int[]" * 3000,
    "lists": function("[" * 3000 + "]" * 3000),
    "unclosed lists": function("[" * 3000),
    "options": "client<llm> C { provider openai options { " + "a { " * 3000 + "} " * 3000 + "} }",
    "listed options": "client<llm> C { provider openai options { a " + "[" * 3000 + "]" * 3000 + "} }",
    "prompts": 'template_string T(x: string) #"{{ ' + "(" * 3000 + "x" + ")" * 3000 + ' }}"#',
    "conditions of a prompt": 'template_string T(x: bool) #"' + "{% if x %}" * 3000 + "{% endif %}" * 3000 + '"#',
    "comments": "/*" * 3000 + "*/" * 3000 + function("1"),
    "attributes": "class A { x int @assert(a, {{ " + "(" * 3000 + "this" + ")" * 3000 + " }}) }",
    "aliases": "\n".join(f"type A{i} = A{i + 1}" for i in range(1000)) + "\ntype A1000 = int",
    "functions": "\n".join(f"function f{i}() -> int {{ f{i + 1}() }}" for i in range(1000))
    + "\nfunction f1000() -> int { 1 }",
}
COMMANDS_IN_SMALL_THREAD = """
import contextlib, io, pathlib, sys, threading
from bamlvm.cli.main import main
def run():
    for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            code = main([*sys.argv[2:], str(folder)])
        print(folder.name, code, "Traceback" in text.getvalue(), sep="\\t", flush=True)
threading.stack_size(256 << 10)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [["check"], ["check", "--fix"], ["fmt"], ["generate"]], ids=" ".join)
def test_no_command_dies_of_deep_sources(command: list[str], tmp_path: Path) -> None:
    for name, text in WHOLE.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.baml").write_text(text + '\ngenerator g { output_type "python" output_dir "out" }\n')
    child = [sys.executable, "-c", COMMANDS_IN_SMALL_THREAD, str(tmp_path), *command]
    done = subprocess.run(child, capture_output=True, text=True, timeout=300)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[0] for line in lines] == sorted(WHOLE)
    assert {(line[1] in "03", line[2]) for line in lines} == {(True, "False")}
