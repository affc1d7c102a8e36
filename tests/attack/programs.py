"""Hostile programs: their source, what they compute, and what they make of time and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import bamlvm
from tests.attack.case import Attack, ending

_MEMORY: Final = 100_000_000
_DEADLINE: Final = 1.0
_LATE: Final = 1.0
"""Generous, because test machines are shared: a deadline that is not looked at is missed by many seconds."""
_BLOCKED: Final = 0.2
"""Processor time of the event loop's thread between two turns of another task; the bar is a tenth of it."""


def _main(body: str) -> str:
    return f"function main() -> int {{ {body} 1 }}"


def _ending(source: str, timeout: float | None = None) -> str:
    context = bamlvm.CallContext(memory=_MEMORY, timeout=timeout)
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        return ending(lambda: runtime.call_function_sync("main", {}, context))


def _alone(source: str) -> Callable[[], str]:
    return lambda: _ending(source)


def _beside(source: str) -> Callable[[], str]:
    """Run a program with a deadline on an event loop, beside a task that measures how long it waits for its turn."""

    def run() -> str:
        return asyncio.run(_timed(source))

    return run


async def _timed(source: str) -> str:
    context = bamlvm.CallContext(memory=_MEMORY * 5, timeout=_DEADLINE)
    with bamlvm.Runtime.from_files({"main.baml": source}) as runtime:
        turns = [time.thread_time()]

        async def beat() -> None:
            while True:
                await asyncio.sleep(0.001)
                turns.append(time.thread_time())

        beating = asyncio.create_task(beat())
        started = time.thread_time()
        try:
            await runtime.call_function("main", {}, context)
            came = "a value"
        except bamlvm.BamlError as error:
            came = type(error).__name__
        taken = time.thread_time() - started
        beating.cancel()
    blocked = max(later - earlier for earlier, later in pairwise(turns))
    assert taken <= _DEADLINE + _LATE, f"the deadline was missed by {taken - _DEADLINE:.2f} s"
    assert blocked <= _BLOCKED, f"the event loop was blocked for {blocked:.2f} s"
    return came


_RECURSION: Final = "function main() -> int { main() + 1 }"

_GROWING: Final[Mapping[str, str]] = {
    "a string that doubles": 'let s = "ab"; while (true) { s = s + s; }',
    "a long string copied again and again": 'let s = "ab".repeat(9000000); '
    'let xs = [s]; while (true) { xs.push(s + "x"); }',
    "a list that is concatenated with itself": "let xs = [1, 2]; while (true) { xs = xs.concat(xs); }",
    "a list that is spread into itself": "let xs = [1, 2]; while (true) { xs = [...xs, ...xs]; }",
    "pad_start to 10^12 characters": 'let s = "x".pad_start(1000000000000);',
    "repeat 10^12 times": 'let s = "x".repeat(1000000000000);',
    "a range of 10^12 integers": "let xs = baml.range(0, 1000000000000);",
    "lists in a list without end": "let xs = [[1]]; while (true) { xs.push(baml.range(0, 100000)); }",
    "a map without end": 'let m = { "a": "b" }; let i = 0; '
    'while (true) { m[i.to_string()] = "x".repeat(500); i += 1; }',
    "texts in a list, and the panic caught": 'let xs = ["a"]; while (true) { { while (true) { '
    'xs.push("x".repeat(999) + "y"); '
    "} 1 }"
    " catch (e) { baml.panics.MemoryLimit => 1 }; }",
}

_LONG: Final[Mapping[str, str]] = {
    "compare texts of megabytes": 'let a = "x".repeat(30000000); let b = "x".repeat(29999999) + "y"; let n = 0; '
    "while (true) { if (a == b || a < b || a >= b) { n += 1; } }",
    "look up keys of megabytes": 'let m: map<string, int> = { "a": 0 }; m["x".repeat(30000000)] = 1; '
    'let k = "x".repeat(30000000); let n = 0; while (true) { if (m.has(k)) { n += m[k] + (m.get(k) ?? 0); } }',
    "1,200 statements in a turn": "let n = 1; while (true) { " + "n = (n + 7) % 1000; " * 1200 + "}",
    "split a megabyte": 'let s = "ab,".repeat(400000); while (true) { let p = s.split(","); }',
    "search a megabyte": 'let s = "abc".repeat(400000); while (true) { s.includes("abd"); }',
    "replace in a megabyte": 'let s = "abc".repeat(400000); while (true) { let t = s.replace_all("b", "xy"); }',
    "compare long lists": "let a = baml.range(0, 300000); let b = baml.range(0, 300000); "
    "while (true) { let c = a == b; }",
    "compare, copy and write what doubles": "let v = [1]; let w = [1]; let x = [v]; let y = [w]; let i = 0; "
    "while (i < 30) { x = [x[0], x[0]].map((z: int[]) -> int[] { z }); i += 1; } while (true) { let c = x == y; "
    "let d = baml.deep_copy(x); }",
    "write a long list as JSON": "let a = baml.range(0, 300000); while (true) { let t = baml.json.stringify(a); }",
    "parse long JSON": "let t = baml.json.stringify(baml.range(0, 200000)); "
    "while (true) { let v = baml.json.parse(t); }",
    "sort a long list": "let a = baml.range(0, 300000); while (true) { let b = a.reverse(); b.sort(); }",
    "compare long texts in lists": "let a: string[] = []; let b: string[] = []; for (let i = 0; i < 300; i += 1) "
    '{ a.push("x".repeat(300000)); b.push("x".repeat(300000)); } let n = 0; while (true) { if (a == b) { n += 1; } }',
    "join texts of megabytes": 'let a = "x".repeat(20000000); while (true) { let b = `${a}y`; let c = b + "z"; }',
    "300 joins in a row": 'let a = "x".repeat(5000000); let b = a; while (true) { ' + 'b = a + "y"; ' * 300 + "}",
    "spread a long map": "let m: map<string, int> = {}; for (let i = 0; i < 300000; i += 1) { m[`k${i}`] = i; } "
    'while (true) { let c = { ...m, "q": 1 }; }',
    "spread a long list": "let a = baml.range(0, 2000000); while (true) { let b = [0, ...a]; }",
    "test the type of a long list": "let xs: unknown[] = []; for (let i = 0; i < 400000; i += 1) { xs.push(i); } "
    "let u: unknown = xs; let n = 0; while (true) { if (u is int[]) { n += 1; } }",
    "move the items of a long list": "let a = baml.range(0, 4000000); while (true) { a.splice(0, 1, []); "
    "a.splice(0, 0, [1]); }",
    "compare the ends of texts": 'let a = "x".repeat(30000000); let b = "x".repeat(29000000); let n = 0; '
    "while (true) { if (a.starts_with(b) && a.ends_with(b)) { n += a.byte_length(); } }",
    "read long JSON as a type": 'let t = "[" + "[1,2],".repeat(200000) + "[1]]"; '
    "while (true) { let v: int[][] = baml.json.parse(t); }",
    "pad and cut texts of megabytes": 'let n = 0; while (true) { let a = "x".pad_start(30000000, "ab"); '
    "n += a.substring(1, 29999999).length(); }",
    "join a long list": 'let a = baml.range(0, 300000); while (true) { let t = a.join(", "); }',
}

_DOUBLED: Final = "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}"
_TEMPLATES: Final = (
    "{{ 7 ** (9 ** 9) }}",
    "{{ 'x' * 10**9 }}{{ '{:>1000000000}'.format('x') }}",
    "{{ ('a' * 50 ~ '!')|regex_match('(a+)+$') }}",
    "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "{{ [1]|slice(10**9) }}{{ ('http://a.b ' * 1000000)|urlize }}",
    _DOUBLED + "{{ n.a }}",
    _DOUBLED + "{{ n.a == [n.a] }}",
    "{{ ''.__class__.__mro__ }}{{ '{0.__class__}'.format(1) }}",
    "{% set n = namespace(a=[]) %}{% for i in range(9999) %}{% set n.a = [n.a, 'x' * 9999999 ~ i] %}{% endfor %}",
)


def _templates() -> str:
    found = set()
    for template in _TEMPLATES:
        source = f"""
            client C {{ provider openai  options {{ model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" }} }}
            function main() -> string {{ client C  prompt ##"{template}"## }}
        """
        found.add(_ending(source))
    return " or ".join(sorted(found))


ATTACKS: Final[Sequence[Attack]] = (
    Attack("templates that would take hours or gigabytes", "AllAttemptsFailed", _templates, 90, short=False),
    Attack("a function that calls itself without end", "StackOverflow", _alone(_RECURSION)),
    *(
        Attack(name, "MemoryLimit", _alone(_main(body)), short=index < 3)
        for index, (name, body) in enumerate(_GROWING.items())
    ),
    *(
        Attack(f"{name}, with a deadline", "DeadlineExceeded", _beside(_main(body)), short=index < 3)
        for index, (name, body) in enumerate(_LONG.items())
    ),
)
