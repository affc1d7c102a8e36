"""Hostile sources: what they make of the compiler's time and stack.

Nothing is measured by the clock of a shared machine: a source whose compilation is not bounded takes minutes, and the
process of an attack has seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import bamlvm
from tests.attack.case import Attack


def _checked(source: str) -> Callable[[], str]:
    """Check a source; return the code of its first error, or ``no error``."""

    def run() -> str:
        found = [each.code for each in bamlvm.check({"main.baml": source}).diagnostics if each.severity == "error"]
        return found[0] if found else "no error"

    return run


def _aliases(form: str, count: int) -> str:
    lines = [f"type A{i} = {form.format(f'A{i - 1}')}" for i in range(1, count)]
    return "\n".join(["type A0 = int", *lines, f"function main(x: A{count - 1}) -> int {{ 1 }}"])


def _prompt(expression: str) -> str:
    return f'function F(x: string) -> string {{ client "openai/gpt-4o" prompt #"{{{{ {expression} }}}}"# }}'


_ENUM: Final = (
    "enum E { "
    + " ".join(f"V{i}" for i in range(3000))
    + " }\nfunction main(x: E) -> int { match (x) { "
    + ", ".join(f"E.V{i} => {i}" for i in range(3000))
    + " } }"
)

ATTACKS: Final[Sequence[Attack]] = (
    Attack("22 aliases that double", "E0068", _checked(_aliases("map<string, {0}> | {0}[]", 22))),
    Attack("40 function types that double", "E0068", _checked(_aliases("({0}) -> {0}", 40))),
    Attack("a prompt of 3,000 filters", "E0073", _checked(_prompt("x" + "|upper" * 3000))),
    Attack("a prompt of 3,000 dots", "E0073", _checked(_prompt("x" + ".a" * 3000))),
    Attack("a prompt of 3,000 additions", "E0073", _checked(_prompt("x" + " + x" * 3000))),
    Attack("a sum of 100,000 terms", "E0010", _checked("function main() -> int { " + "1 + " * 100_000 + "1 }")),
    Attack("100,000 pairs of brackets in a type", "E0010", _checked("function main(x: int" + "[]" * 100_000 + ") {}")),
    Attack("an enum of 3,000 variants, matched one by one", "no error", _checked(_ENUM), short=False),
)
