"""What is known of a syntax error from the item that it is in: see :mod:`bamlvm.grammar.syntax_hints`, which asks here
first.

An item begins with its keyword, so the hints are found by that: the fields of a class, the variants of an enum, the
parameters of a function, the keys of a block.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from bamlvm.grammar.diagnostics import Edit, replace
from bamlvm.grammar.lalr import END
from bamlvm.grammar.tokens import Token

Hint: TypeAlias = tuple[str | None, tuple[Edit, ...]]
"""A hint, and what mends the mistake."""

TYPES: Final = {
    **{name: name for name in ("int", "float", "bool", "string")},
    **dict.fromkeys(("str", "String"), "string"),
    **dict.fromkeys(("double", "f64"), "float"),
    **dict.fromkeys(("long", "i32", "i64", "u32", "u64"), "int"),
    "boolean": "bool",
}
"""Types by which other languages declare variables, and what they are called here."""

_MEDIA: Final = ("image", "audio", "pdf", "video")
_NOTHING: Final = Token(END, "", 0, 0)
_SIDE_BY_SIDE: Final = "a key and its value stand side by side: `provider openai`"
_NO_INHERITANCE: Final = "classes do not inherit: repeat the fields, or have one of the other class"


def item_hint(tokens: list[Token], index: int, token: Token, expected: set[str]) -> Hint | None:
    """Return the hint for the token where the parser is stuck, if its item tells one."""
    before = tokens[index - 1] if index else _NOTHING
    earlier = tokens[index - 2] if index > 1 else _NOTHING
    if before.kind in ("ATTRIBUTE", "BLOCK_ATTRIBUTE") and token.kind == "STRING":
        return f"write `{before.text}({token.text})`", replace(before.end, token.end, f"({token.text})")
    match tokens[0].kind, token.kind:
        case "CLASS" | "ENUM", "COLON" if index == 2:
            return "what it holds stands in braces: `{ … }`", ()
        case "CLASS", _:
            return _in_class(index, before, token, expected)
        case "ENUM", "ASSIGN":
            return 'a variant has no value: its name in an answer is set by `@alias("…")`', ()
        case "ENUM", "LPAREN":
            return "a variant holds no value: write a class for each, and `type Name = A | B`", ()
        case "ENUM", "STRING":
            return 'a variant is a name; its text is set by `@alias("…")`', ()
        case "TYPE", "BLOCK_ATTRIBUTE" if token.text == "@@dynamic" and before.kind == "ASSIGN":
            written = f"class {tokens[1].text} {{ @@dynamic }}"
            hint = f"what gets its fields at run time is a class: `{written}`"
            return hint, replace(tokens[0].start, token.end, written)
        case "TYPE", _ if index == 2 and expected == {"ASSIGN"}:
            return "write `=` before the type", replace(token.start, token.start, "= ")
        case "TEST", "STRING" if index == 1:
            return "a test has a name without quotes: `test Name { … }`", ()
        case "TEST", "ATTRIBUTE":
            return f"an attribute of the whole test is written `@{token.text}`", replace(token.start, token.start, "@")
        case "TEMPLATE_STRING", "LBRACE":
            return 'the text of a template string is a raw string: `#"…"#`', ()
        case "FUNCTION", "STRING" | "RAW_STRING" if before.text == "model":
            hint = 'a model is named by its client: `client "openai/gpt-4o"`'
            return hint, replace(before.start, before.end, "client")
        case "FUNCTION", "LBRACE" if "LESS" in expected and "LPAREN" in expected and earlier.kind == "FUNCTION":
            return f"a function has its parameters before its block: `function {before.text}(x: T) -> R {{ … }}`", ()
        case "FUNCTION", "LBRACE" if before.text == "throws":
            return "name what is thrown: `throws ErrorClass`", ()
        case "FUNCTION", _ if "RPAREN" in expected and "MINUS" not in expected:
            if found := _in_parameters(before, earlier, token, expected):
                return found
        case "CLIENT" | "TEST" | "RETRY_POLICY" | "GENERATOR", "LBRACE":
            if any(each.text == "=" for each in tokens[max(index - 8, 0) : index]):
                return _SIDE_BY_SIDE, ()
    if token.text in ("extends", "implements"):
        return _NO_INHERITANCE, ()
    return None


def _in_class(index: int, before: Token, token: Token, expected: set[str]) -> Hint | None:
    in_fields = "BLOCK_ATTRIBUTE" in expected and "FUNCTION" in expected
    match token.kind:
        case "ASSIGN" if in_fields:
            return "a field has no default: make it optional, as in `name string?`", ()
        case "STRING" if in_fields:
            return f"write `@description({token.text})`", replace(token.start, token.end, f"@description({token.text})")
        case "QUESTION" if before.kind in ("NAME", "WORD") and before.end == token.start:
            return f"what may be missing has an optional type: `{before.text} T?`", ()
        case "LPAREN" if index == 2:
            return _NO_INHERITANCE, ()
    return (_NO_INHERITANCE, ()) if token.text in ("extends", "implements") else None


def _in_parameters(before: Token, earlier: Token, token: Token, expected: set[str]) -> Hint | None:
    """Return the hint for a mistake in the parameters of a function."""
    match token.kind:
        case "ASSIGN" if "COLON" in expected and earlier.kind in ("LPAREN", "COMMA"):
            return f"a parameter has a type: `{before.text}: int = …`", ()
        case "ELLIPSIS":
            return "a function takes a fixed number of arguments: take a list, `xs: T[]`", ()
        case "NAME" if "COLON" in expected and before.kind == "NAME":
            if token.text in TYPES or token.text in _MEDIA or token.text[:1].isupper():
                return f"a parameter is written `{before.text}: {token.text}`", replace(before.end, before.end, ":")
            written = f"{token.text}: {before.text}"
            return f"a parameter is written `{written}`", replace(before.start, token.end, written)
    return None
