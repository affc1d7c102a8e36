"""``docs/words.md``: the words of the language, from the tables of the compiler and the prompt engine.

What a word means is said here; which words there are, and where an attribute may be written, the tables say, and a word
without a meaning fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bamlvm.compiler.attributes import PLACES
from bamlvm.grammar.tokens import INFIX_WORDS, ITEM_KEYWORDS, LITERAL_WORDS, PREFIX_WORDS
from bamlvm.sysops.providers.options import OWN
from bamlvm.vm.program import prompt_names
from bamlvm.vm.program.llm import CLOCKS, POOLING, PROVIDERS, STRATEGIES, TOTAL
from bamlvm.vm.program.types import PRIMITIVES

_HEAD = """\
# Words of the language

Every keyword, attribute and name of a prompt, made from the compiler's own tables by `make docs`.
[The language](language.md) explains them with examples.
"""
_WORDS: Final = {
    "assert": "ends the call with a panic unless a condition holds",
    "await": "waits for a future and returns its value, or throws its error",
    "break": "leaves the innermost loop",
    "catch": "handles what an expression may throw; what no arm takes is thrown on",
    "catch_all": "handles everything that an expression may throw, panics included",
    "class": "declares a class",
    "client": "declares an LLM client",
    "const": "declares a constant of the program",
    "continue": "starts the innermost loop's next round",
    "dynamic": "declares a class that gets its fields at run time",
    "else": "begins what is done otherwise",
    "enum": "declares an enum",
    "false": "a boolean",
    "for": "runs through a list or the keys of a map, or counts",
    "function": "declares a function, or an LLM function",
    "generator": "says what `bamlvm generate` is to write",
    "if": "chooses by a condition",
    "in": "stands between a loop's variable and what it runs through",
    "instanceof": "whether a value is of a class",
    "is": "whether a value is of a type",
    "let": "declares a variable, or a constant of the program",
    "match": "chooses by the form of a value; every case must be covered",
    "null": "the absent value",
    "retry_policy": "declares how a client tries again",
    "return": "ends a function with a value",
    "spawn": "runs a block as a thread of the call",
    "template_string": "declares a part that prompts share",
    "test": "declares a test",
    "throw": "throws a value",
    "throws": "says what a function may throw",
    "true": "a boolean",
    "type": "names a type",
    "watch": "is accepted, and has no effect",
    "while": "repeats while a condition holds",
}
_TYPES: Final = {
    "int": "a whole number of 64 bits",
    "float": "a floating-point number of 64 bits",
    "string": "text",
    "bool": "`true` or `false`",
    "null": "the absent value",
    "unknown": "any value; `match` or `is` finds out which",
    "never": "no value: what does not return",
    "image": "a picture, given to a model",
    "audio": "a sound",
    "pdf": "a document",
    "video": "a film",
}
_OTHER_TYPES: Final = """\
Beside them: `T[]`, `map<K, V>`, `T?`, `A | B`, literals such as `"a"` and `1`, variants such as `Color.Red`, function
types such as `(int) -> bool`, and `type`, a type as a value.
"""
_ON_TYPES: Final = """\
`type` is a type inside another, as in `(string @check(short, {{ this|length < 9 }}))[]`. On a class, an enum or a test
an attribute is written with `@@`.
"""
_ATTRIBUTES: Final = {
    "alias": '`@alias("name")`: the name that models see',
    "assert": "`@assert(name, {{ … }})`: a value for which it does not hold is not accepted",
    "check": "`@check(name, {{ … }})`: the outcome is reported beside the value",
    "description": '`@description("…")`: what models are told about it',
    "dynamic": "`@@dynamic`: takes fields or variants that it does not declare",
    "skip": "`@skip`: models do not see it",
    "stream.done": "`@stream.done`: in partial values only when it is complete",
    "stream.not_null": "`@stream.not_null`: the value around it appears when it has begun",
    "stream.with_state": "`@stream.with_state`: in partial values with its state",
}


def page() -> str:
    """``docs/words.md``."""
    keywords = {*ITEM_KEYWORDS, *INFIX_WORDS, *LITERAL_WORDS, *PREFIX_WORDS}
    places = tuple(PLACES)
    parts = [
        _HEAD,
        _table("Keywords", ("word", "meaning"), _meanings(keywords, _WORDS)),
        _table("Built-in types", ("type", "values"), _meanings(PRIMITIVES, _TYPES)),
        _OTHER_TYPES,
        _table(
            "Attributes",
            ("attribute", *places),
            [
                (_ATTRIBUTES[name], *("yes" if name in PLACES[place] else "" for place in places))
                for name in sorted(set().union(*PLACES.values()))
            ],
        ),
        _ON_TYPES,
        "## Prompts\n",
        f"Filters: {_listed(prompt_names.FILTERS)}.\n",
        f"Tests: {_listed(prompt_names.TESTS)}.\n",
        f"Functions: {_listed(prompt_names.GLOBALS)}; `_` has {_listed(prompt_names.ROLE_FUNCTIONS)}.\n",
        f"`ctx` has {_listed(prompt_names.CONTEXT)}; `ctx.client` has {_listed(prompt_names.CONTEXT_CLIENT)}.\n",
        _table(
            "Arguments of `ctx.output_format`",
            ("argument", "takes"),
            [(f"`{name}`", takes) for name, takes in prompt_names.OUTPUT_FORMAT_OPTIONS.items()],
        ),
        "## Clients\n",
        f"Providers: {_listed(PROVIDERS, False)}; strategies: {_listed(STRATEGIES)}.\n",
        f"Options that do not go into the request's body: {_listed(OWN)}.",
        "[Providers](providers.md) says what they mean.\n",
        f"In an `http` block: {_listed((*CLOCKS, TOTAL, POOLING), False)}.\n",
    ]
    return "\n".join(parts)


def _meanings(words: Iterable[str], meanings: Mapping[str, str]) -> list[tuple[str, ...]]:
    return [(f"`{word}`", meanings[word]) for word in sorted(words)]


def _listed(words: Iterable[str], is_sorted: bool = True) -> str:
    return ", ".join(f"`{word}`" for word in (sorted(words) if is_sorted else words))


def _table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    written = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"## {title}\n\n{written}\n"
