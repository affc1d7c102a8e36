"""What is known of a syntax error from the tokens around it: a hint, and a fix where there is one obvious mend.

Rule: a hint is about what was meant, so each looks at what another language would have there; where nothing is known
there is none.  Ours are the words of :mod:`bamlvm.grammar.syntax_errors`, which asks here.
"""

from __future__ import annotations

import re
from typing import Final

from bamlvm.grammar.borrowed_words import BORROWED
from bamlvm.grammar.diagnostics import Edit, replace
from bamlvm.grammar.item_hints import TYPES, Hint, item_hint
from bamlvm.grammar.lalr import END
from bamlvm.grammar.tokens import Token

_NOTHING: Final = Token(END, "", 0, 0)
_FOR_HEAD: Final = re.compile(r"(?:(?:let|const|var)\s+)?(\w+)\s+(?:of|in)\b")
_LAMBDA: Final = "a lambda is written `(x: int) -> int { x + 1 }`"
_ENDED: Final = "a statement that begins with a block ends with its `}`: to go on with its value, put it in parentheses"
_TUPLE: Final = "there are no tuples: use a class with a field for each part, or a list"
_FUNCTIONS: Final = ("fn", "func", "fun", "function", "def")
_INFIX: Final = frozenset(
    {"OR", "AND", "COALESCE", "PIPE", "CARET", "AMPERSAND", "EQUALITY", "LESS", "GREATER", "IS"}
) | {*("COMPARISON", "SHIFT_LEFT", "GREATER_JOINED", "PLUS", "MULTIPLY", "INSTANCEOF")}
"""Operators that begin nothing."""
_TYPES: Final = frozenset({"MAP", "NAME", "LPAREN", "STRING"})
"""What a type begins with."""
_CLOSING: Final = ("SEMICOLON", "RPAREN", "RBRACE", END)


def syntax_hint(tokens: list[Token], index: int, token: Token, expected: set[str], text: str) -> Hint:
    """Return the hint for the token where the parser is stuck, ``tokens[index]`` or the end, and what mends it."""
    before = tokens[index - 1] if index else _NOTHING
    earlier = tokens[index - 2] if index > 1 else _NOTHING
    following = tokens[index + 1] if index + 1 < len(tokens) else _NOTHING
    for known in (
        item_hint(tokens, index, token, expected),
        _step(tokens, index),
        _catch(tokens, index, token, expected),
        _block_argument(tokens, index, expected),
        _for(tokens, index, text),
    ):
        if known is not None:
            return known
    here = (token.start, token.end)
    adjoins = before.end == token.start
    match token.kind:
        case "ASSIGN" if before.kind == "EQUALITY" and adjoins:
            return f"there is no `{before.text}=`: write `{before.text}`", replace(*here, "")
        case "ASSIGN" if "EQUALITY" in expected:
            return "equality is written `==`", replace(*here, "==")
        case "ASSIGN" if "COLON" in expected:
            return "write `:` between a name and its value", replace(*here, ":")
        case "AMPERSAND" if before.kind == "AMPERSAND":
            return "the logical and is written `&&`", ()
        case "MULTIPLY" if before.kind == "MULTIPLY" and adjoins:
            return "there is no `**`: multiply, as in `x * x`", ()
        case "PLUS" if following.kind == "PLUS" and following.start == token.end:
            return "there is no `++`: write `x += 1`", ()
        case "QUESTION" if text[token.end : token.end + 1] == "[" and "OR" in expected:
            return "an element of what may be null is written `xs?.[0]`", replace(*here, "?.")
        case "QUESTION" if following.kind == "COLON" and following.start == token.end and before.kind != "NAME":
            return "write `x ?? default`", replace(token.start, following.end, "??")
        case "QUESTION" if following.kind == "COLON" and following.start == token.end and "OR" in expected:
            return "write `x ?? default`", replace(token.start, following.end, "??")
        case "QUESTION" if following.kind in _CLOSING and "OR" in expected:
            return "an error goes to the caller by itself: leave `?` out", replace(*here, "")
        case "QUESTION" if following.kind == "COLON" and adjoins:
            return f"what may be missing has an optional type: `{before.text} T?`", ()
        case "QUESTION":
            return "there is no `a ? b : c`: write `if (a) { b } else { c }`", ()
        case "NOT" if before.text in BORROWED and adjoins:
            return BORROWED[before.text], ()
        case "NOT" if token.text == "~":
            return "not equal is written `!=`", ()
        case "NOT":
            return "what may be null is checked first: `if (x != null) { … }`, or `x ?? default`", ()
        case "ARROW" if "FAT_ARROW" in expected:
            return "an arm is written `pattern => result`", replace(*here, "=>")
        case "ARROW" if "OR" in expected:
            return _LAMBDA, ()
        case _ if before.kind == "RBRACE" and "WHILE" in expected and token.kind in _INFIX:
            return _ENDED, ()
        case "FAT_ARROW" if "ARROW" in expected and not _is_head(tokens, index):
            return _LAMBDA, ()
        case "FAT_ARROW" if "ARROW" in expected:
            return "a result type is written `-> T`", replace(*here, "->")
        case "FAT_ARROW" if "FAT_ARROW" not in expected:
            return _LAMBDA, ()
        case "PIPE" if "NAME" in expected and before.kind in ("LPAREN", "COMMA", "ASSIGN"):
            return _LAMBDA, ()
        case "RBRACE" | "COMMA" if "FAT_ARROW" in expected:
            return "an arm is written `pattern => result`, such as `_ => 0`", ()
        case "COLON" if "ARROW" in expected:
            return "a result type is written `-> T`", replace(*here, " ->")
        case "COLON" if "FAT_ARROW" in expected:
            return "an arm is written `pattern => result`", replace(*here, " =>")
        case "COLON" if following.kind == "ASSIGN" and before.kind == "NAME" and _begins(earlier):
            fix = replace(before.start, following.end, f"let {before.text} =")
            return f"a variable is declared by `let {before.text} = …`", fix
        case "COLON" if before.text == "try" and before.kind == "NAME":
            return BORROWED["try"], ()
        case "COLON" if "RBRACKET" in expected:
            return "there are no slices: write `xs.slice(a, b)`, or `text.substring(a, b)`", ()
        case "COLON" if following.kind == "COLON" and following.start == token.end:
            return "a variant is written `Color.Red`", replace(token.start, following.end, ".")
        case "COLON" if before.text in ("client", "prompt"):
            return f"write `{before.text}` and its value without `:`", replace(*here, "")
        case "COLON" if earlier.kind == "LPAREN" and index > 2 and tokens[index - 3].text in _FUNCTIONS:
            return _LAMBDA, ()
        case "COLON" if before.kind == "NAME" and earlier.kind in ("LPAREN", "COMMA") and "RPAREN" in expected:
            return f"a named argument is written `{before.text} = …`", replace(*here, " =")
        case "SEMICOLON" if "ASSIGN" in expected and any(
            each.kind == "LET" for each in tokens[max(index - 8, 0) : index]
        ):
            return "a variable has a value from the start: `let x: int = 0;`", ()
        case "GREATER" if before.kind == "LESS" and adjoins:
            return "not equal is written `!=`", replace(before.start, token.end, "!=")
        case "GREATER" if before.text == "<=" and adjoins:
            return "there is no `<=>`: compare with `<`, `==` and `>`", ()
        case "AMPERSAND" | "MULTIPLY" if before.kind in ("ASSIGN", "LPAREN", "COMMA") and "LPAREN" in expected:
            return f"there are no references: leave `{token.text}` out", replace(*here, "")
        case "ELLIPSIS" if "DOT_DOT" in expected:
            return "the rest of a list is `..`, or `..let rest` with a name", replace(*here, "..")
        case "ELLIPSIS" if before.kind in ("ASSIGN", "LPAREN", "COMMA"):
            return "`...` spreads inside `[…]` and `P { … }` only", ()
        case "DOT" if following.kind == "INT" and following.start == token.end and "FLOAT" in expected:
            return f"a float has digits before its point: `0.{following.text}`", replace(*here, "0.")
        case "COMMA" if before.kind == "COMMA":
            return "remove this `,`", replace(*here, "")
        case "LPAREN" | "LBRACE" if before.kind == "LET":
            return "there are no patterns in `let`: declare each variable by a `let` of its own", ()
        case "COMMA" | "LBRACKET" if "LET" in (before.kind, earlier.kind):
            return "one `let` declares one variable", ()
        case "COMMA" if any(each.kind == "ASSERT" for each in tokens[max(index - 40, 0) : index]):
            return "an assert has a condition only: what it compares is shown when it fails", ()
        case "COMMA" if "RPAREN" in expected or "SEMICOLON" in expected:
            return _TUPLE, ()
        case "IF" if "OR" in expected:
            return "there is no `a if b else c`: write `if (b) { a } else { c }`", ()
        case "WHILE":
            return BORROWED["do"], ()
        case "NULL" if before.text == "not" and earlier.kind == "IS":
            return "write `x != null`", replace(earlier.start, token.end, "!= null")
        case "FOR" if "RBRACKET" in expected:
            return "there are no comprehensions: write `xs.map((x: int) -> int { x + 1 })`, or `xs.filter(…)`", ()
        case "IN":
            return "write `xs.includes(x)`, or `m.has(key)` for a map", ()
        case "STRING" if expected == {"NAME", "ELLIPSIS", "RBRACE"} or (
            "ELLIPSIS" in expected and "NAME" in expected and "RBRACE" in expected and following.kind == "COLON"
        ):
            return "the fields of an object are written without quotes", replace(*here, token.text[1:-1])
        case "STRING" if before.kind == "STRING" and "OR" in expected:
            return "texts are joined by `+`", replace(*here, f"+ {token.text}")
        case "STRING" if before.kind == "NAME" and {"COLON", "COMMA", "RBRACE"} <= expected:
            return "write `:` between a name and its value", replace(before.end, before.end, ":")
        case "STRING":
            return _before_string(before, token)
        case "LBRACE" if expected >= _TYPES and "FLOAT" not in expected:
            return _braced_type(tokens, index, text)
        case "LBRACKET" if "MAP" in expected and following.kind == "NAME":
            return f"a list is written `{following.text}[]`", ()
        case "LBRACE" if "ARROW" in expected and before.kind == "RPAREN":
            return _parenthesised(tokens, index), ()
        case "LBRACE" if before.kind == "RPAREN" and "OR" in expected and _called(tokens, index) in _FUNCTIONS:
            return _LAMBDA, ()
        case "SEMICOLON" if expected == {"NAME"} and before.kind == "DOT" and earlier.kind == "INT":
            return f"a float has digits behind its point: `{earlier.text}.0`", replace(before.end, before.end, "0")
        case "SEMICOLON" | "RBRACE" if "ARROW" in expected and before.kind == "RPAREN":
            return _type_arguments(tokens, index)
        case "LPAREN" if before.text in ("Some", "Ok", "Err") and "FAT_ARROW" in expected:
            return "a pattern tests for a type, as in `v: int => v`, or for `null`", ()
        case "LPAREN" if before.text == "env":
            return "a variable of the environment is written `env.NAME`", ()
        case "NAME":
            return _before_name(before, token, expected)
    if expected == {"COLON"}:
        return "write `:` between a name and its value", ()
    if before.kind == "LBRACKET" and earlier.kind == "NAME" and expected == {"RBRACKET"}:
        return "a map is written `map<string, int>`, a list `int[]`", ()
    return None, ()


def _braced_type(tokens: list[Token], index: int, text: str) -> Hint:
    """Return the hint for a type in braces: `{string: int}` is a map, `{a: int}` a class."""
    inner = tokens[index + 1 : index + 5]
    kinds = [each.kind for each in inner]
    if kinds[:1] == ["NAME"] and inner[0].text != "string":
        return "an object has a class: `class Name { field type }`", ()
    if kinds == ["NAME", "COLON", "NAME", "RBRACE"]:
        written = f"map<string, {inner[2].text}>"
        return f"write `{written}`", replace(tokens[index].start, inner[3].end, written)
    return "a map is written `map<string, int>`, an object has a class", ()


def _block_argument(tokens: list[Token], index: int, expected: set[str]) -> Hint | None:
    """Return the hint for `xs.map { it * 2 }` and `xs.map { |x| x * 2 }`, which are read as an object of a class."""
    if not {"COLON", "RBRACE"} & expected or "FAT_ARROW" in expected:
        return None
    brace = next((at for at in range(index - 1, max(index - 4, 0), -1) if tokens[at].kind == "LBRACE"), 0)
    if brace < 2 or tokens[brace - 1].kind != "NAME" or tokens[brace - 2].kind != "DOT":
        return None
    name = tokens[brace - 1].text
    if not name[:1].islower():
        return None
    return f"a function is passed in parentheses: `xs.{name}((x: int) -> int {{ x + 1 }})`", ()


def follows_an_operand(tokens: list[Token], index: int, text: str) -> bool:
    """Whether the keyword at ``index`` is not the beginning of a statement: `a if b else c`, `do { … } while (x)`."""
    token, before = tokens[index], tokens[index - 1]
    if "\n" in text[before.end : token.start]:
        return False
    if token.kind == "IF":
        return before.kind not in ("RBRACE", "SEMICOLON")
    if token.kind == "WHILE" and before.kind == "RBRACE":
        opening = _opening(tokens, index - 1)
        return opening > 0 and tokens[opening - 1].text == "do"
    return False


def _opening(tokens: list[Token], closing: int) -> int:
    """Return the index of the delimiter that ``tokens[closing]`` closes, or 0."""
    level = 0
    for at in range(closing, 0, -1):
        kind = tokens[at].kind
        level += (kind in ("RBRACE", "RPAREN", "RBRACKET")) - (kind in ("LBRACE", "LPAREN", "LBRACKET"))
        if not level:
            return at
    return 0


def _called(tokens: list[Token], index: int) -> str:
    """Return the name before the parentheses that end before ``index``."""
    opening = _opening(tokens, index - 1)
    return tokens[opening - 1].text if opening else ""


def _type_arguments(tokens: list[Token], index: int) -> Hint:
    """Return the hint for `f<int>(x)`, which is read as the beginning of a lambda."""
    opening = _opening(tokens, index - 1)
    if not opening or tokens[opening - 1].kind not in ("GREATER", "GREATER_JOINED"):
        return None, ()
    at = opening - 1
    while at > 0 and tokens[at].kind != "LESS":
        at -= 1
    name = tokens[at - 1].text
    if name in ("channel", "Channel"):
        return "channels are not part of this dialect: threads share variables and futures", ()
    return "a call has no type arguments: they follow from its arguments", replace(
        tokens[at].start, tokens[opening - 1].end, ""
    )


def _is_head(tokens: list[Token], index: int) -> bool:
    """Whether the parentheses that end before ``index`` are those of a function's parameters."""
    opening = _opening(tokens, index - 1)
    return opening > 1 and tokens[opening - 1].kind == "NAME" and tokens[opening - 2].kind == "FUNCTION"


def _begins(before: Token) -> bool:
    """Whether what follows ``before`` begins a statement."""
    return before.kind in ("SEMICOLON", "LBRACE", "RBRACE", END)


def _parenthesised(tokens: list[Token], index: int) -> str:
    """Return the hint for parentheses before the brace at ``index`` where a function type was expected."""
    opening = next((at for at in range(index - 1, -1, -1) if tokens[at].kind == "LPAREN"), 0)
    if opening and tokens[opening - 1].kind == "NAME":
        return "a method is written `function name(self, x: int) -> T { … }`"
    return "a tuple is a class here, with a field for each part; a function type has `-> T`"


def _before_string(before: Token, token: Token) -> Hint:
    if before.text == "f" and before.end == token.start:
        fix = replace(before.start, token.end, _template(token.text)) if "`" not in token.text else ()
        return "a template string is written `` `Hello ${name}` ``", fix
    if before.text == '""' and before.end == token.start:
        return 'a text over several lines is written `#"…"#`', ()
    return None, ()


def _before_name(before: Token, token: Token, expected: set[str]) -> Hint:
    """Return the hint for a name behind another, which the parser took for something else."""
    if before.text == "mut":
        return "every variable can be assigned to: leave `mut` out", replace(before.start, token.start, "")
    if before.text in ("typeof", "type"):
        return "write `x is string`", ()
    if before.text == "lambda":
        return _LAMBDA, ()
    if expected == {"LBRACE"}:
        return "what is run stands in braces: `if (x) { … }`", ()
    if before.kind == "NAME" and before.text in TYPES and "OR" in expected:
        fix = replace(before.start, token.end, f"let {token.text}: {TYPES[before.text]}")
        return f"a variable is declared by `let {token.text}: {TYPES[before.text]} = …`", fix
    if "COLON" in expected and "ASSIGN" in expected and before.kind == "NAME":
        return f"a type stands behind `:`: `let {before.text}: {token.text} = …`", replace(before.end, before.end, ":")
    if token.text == "as":
        return "there are no casts: check with `if (x is T) { … }` or `match`", ()
    if token.text == "or" and "OR" not in expected:
        return "a type that is one of several is written `A | B`", replace(token.start, token.end, "|")
    if before.kind == "LBRACKET" and expected == {"RBRACKET"}:
        return "a map is written `map<string, int>`, a list `int[]`", ()
    return None, ()


def _catch(tokens: list[Token], index: int, token: Token, expected: set[str]) -> Hint | None:
    """Return the hint and the fix for `catch (e) { "x" }`, or None: a `catch` has arms like a `match`."""
    if "FAT_ARROW" not in expected and "RBRACE" not in expected:
        return None
    level = 0
    for at in range(index - 1, max(index - 200, 0), -1):
        kind = tokens[at].kind
        if kind in ("RBRACE", "RPAREN", "RBRACKET"):
            level += 1
        elif kind in ("LPAREN", "LBRACKET") or (kind == "LBRACE" and level):
            level -= 1
            if level < 0:
                return None
        elif kind == "FAT_ARROW" and not level:
            return None
        elif kind == "LBRACE":
            head = [each.kind for each in tokens[max(at - 4, 0) : at]]
            if head[-1:] not in (["CATCH"], ["CATCH_ALL"]) and head[1:] != ["LPAREN", "NAME", "RPAREN"]:
                return None
            if not {"CATCH", "CATCH_ALL"} & set(head):
                return None
            brace = tokens[at].end
            fix = replace(brace, brace, " _ =>") if token.kind == "RBRACE" else ()
            return "a `catch` has arms, as a `match` has: `catch (e) { _ => … }`", fix
    return None


def _for(tokens: list[Token], index: int, text: str) -> Hint | None:
    """Return the hint and the fix for `for (x of xs)`, or None."""
    for at in range(index, max(index - 4, 0), -1):
        if at < len(tokens) and tokens[at].kind == "LPAREN" and tokens[at - 1].kind == "FOR":
            head = _FOR_HEAD.match(text, tokens[at].end)
            if head is None:
                return None
            fix = replace(head.start(), head.end(), f"let {head[1]} in")
            return f"write `for (let {head[1]} in …)`", fix
    return None


def _step(tokens: list[Token], index: int) -> tuple[str, tuple[Edit, ...]] | None:
    """Return the hint and the fix for `x++` or `x--`, or None.

    The parser is stuck at the second `+`, but behind both `-`, of which the second may be a sign.
    """
    for sign, word, last in (("PLUS", "+", index), ("MINUS", "-", index - 1)):
        if not 1 <= last < len(tokens):
            continue
        first, second = tokens[last - 1], tokens[last]
        if first.kind != sign or second.kind != sign or first.end != second.start:
            continue
        after_name = last > 1 and tokens[last - 2].kind in ("NAME", "RBRACKET")
        following = tokens[last + 1].kind if last + 1 < len(tokens) else END
        mends = after_name and following in ("SEMICOLON", "RPAREN", "RBRACE", END)
        fix = replace(first.start, second.end, f" {word}= 1") if mends else ()
        return f"there is no `{word * 2}`: write `x {word}= 1`", fix
    return None


def _template(text: str) -> str:
    """Return Python's `f"…"`, of which ``text`` is the string, as a template string."""
    inner = re.sub(r"(?<!\{)\{(?!\{)", "${", text[1:-1]).replace("{{", "{").replace("}}", "}")
    return f"`{inner}`"
