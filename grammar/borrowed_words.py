"""Words that begin something in other languages, and what is written here."""

from __future__ import annotations

from typing import Final

BORROWED: Final[dict[str, str]] = {
    **dict.fromkeys(("var", "const", "val", "auto", "final"), "variables are declared with `let`"),
    "def": "functions are declared with `function`",
    **dict.fromkeys(("fn", "func", "fun"), "functions are declared with `function`"),
    "elif": "write `else if`",
    "try": "there is no `try`: write `e catch (error) { … }` after the expression that may throw",
    **dict.fromkeys(("switch", "when"), "write `match (value) { pattern => result }`"),
    "unless": "write `if (!condition) { … }`",
    "until": "write `while (!condition) { … }`",
    "go": "a thread is started by `spawn { f(x) }`",
    "yield": "there are no generators: build a list and return it",
    **dict.fromkeys(("defer", "with", "using"), "what a call opens is closed when the call ends: leave it out"),
    **dict.fromkeys(("global", "nonlocal"), "a block sees the variables around it, a function only constants"),
    **dict.fromkeys(("delete", "del"), "an entry is removed by `m.remove(key)`"),
    **dict.fromkeys(("println", "printf", "eprintln"), "there are no macros: write `print(value)`"),
    "vec": "a list is written `[1, 2]`",
    "format": "a template string is written `` `Hello ${name}` ``",
    "panic": "write `baml.panic(message)`, or `throw` a value",
    "case": "an arm is written `pattern => result`",
    "struct": "write `class`",
    "interface": "write `class`",
    "import": "every file of a project sees every other: nothing is imported",
    "fallback": "write `client<llm> Name { provider fallback  options { strategy [A, B] } }`",
    "alias": "write `type Name = …`",
    "policy": "write `retry_policy`",
    "and": "the logical and is written `&&`",
    "or": "the logical or is written `||`",
    "not": "the logical not is written `!`",
    "raise": "write `throw`",
    "async": "every function may wait: leave `async` out",
    **dict.fromkeys(("export", "public", "pub"), "every item can be used everywhere: leave it out"),
    **dict.fromkeys(
        ("private", "protected", "static", "readonly", "override", "abstract"), "leave it out: all is public"
    ),
    "loop": "write `while (true) { … }`",
    "do": "write `while (true) { …; if (done) { break; } }`",
    "from": "every file of a project sees every other: nothing is imported",
    "new": 'an instance is written without `new`: `Person { name: "Ada" }`',
}
SAME_WORDS: Final[dict[str, str]] = {
    **dict.fromkeys(("var", "const", "val", "auto", "final"), "let"),
    **dict.fromkeys(("def", "fn", "func", "fun"), "function"),
    **dict.fromkeys(("struct", "interface"), "class"),
    "elif": "else if",
    "alias": "type",
    "policy": "retry_policy",
    "raise": "throw",
    "and": "&&",
    "or": "||",
    "not": "!",
    **dict.fromkeys(("new", "async", "export", "public", "pub"), ""),
}
"""Those that are to be replaced by one of ours, and nothing more."""
