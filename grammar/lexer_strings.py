"""The rare tokens: raw and backquoted strings, attributes, what is never closed, and invalid characters.

Rule: each function is called where such a thing begins, adds its tokens, trivia and diagnostics to the state, and
returns where to continue.  No end is looked for twice: what never ends is reported once and takes the rest of the item
with it.
"""

from __future__ import annotations

import re

from bamlvm.grammar.diagnostics import error, replace
from bamlvm.grammar.lexer_state import LexerState
from bamlvm.grammar.source import Span
from bamlvm.grammar.tokens import CODE, TEMPLATE_PATTERN, Token

_UPPER_PREFIX = re.compile("0(?:X_*[0-9a-fA-F][0-9a-fA-F_]*|O_*[0-7][0-7_]*|B_*[01][01_]*)")
_SINGLE_QUOTED = re.compile(r"'([^'\"\n]*)'")


def old_comment_end(text: str, start: int) -> int:
    """Return where the old-style comment ``{// … //}`` that begins at ``start`` ends, or -1 if none begins there.

    Over several lines it is one only if ``{//`` begins its line: ``f() {// note`` opens a block.
    """
    line_end = text.find("\n", start)
    end = text.find("//}", start + 3, line_end if line_end >= 0 else len(text))
    if end < 0:
        if text[text.rfind("\n", 0, start) + 1 : start].strip():
            return -1
        end = text.find("//}", start + 3)
    return end + 3 if end >= 0 else -1


def rare_token(c: LexerState, kind: str, start: int, end: int) -> int:
    """Read what the pattern of the mode found as ``kind`` at ``[start, end)``; return where to continue."""
    text = c.text
    if kind == "ATTRIBUTE":
        kind = "BLOCK_ATTRIBUTE" if text.startswith("@@", start) else kind
        c.tokens.append(Token(kind, text[start:end], start, end))
        return end
    if kind == "RAW":
        return _raw_string(c, start, end)
    if kind == "BACKQUOTE":
        c.tokens.append(Token("TEMPLATE_START", "`", start, end))
        return template_text(c, end) if c.push("TEMPLATE_END", start, CODE) else len(text)
    if kind == "OPEN_STRING":
        # The second quote without an end is probably the closing one of the first: nothing after it can be trusted.
        if c.swallowed:
            return c.give_up(start)
        c.swallowed = True
        stop = start + len(text[start:end].rstrip())
        c.tokens.append(Token("STRING", text[start:stop], start, stop))
        c.report("E0009", "this string is never closed", start, start + 1, hint='add the missing `"`')
        return stop
    if kind == "OPEN_JINJA":
        c.report("E0009", "this `{{` is never closed", start, end, hint="add the missing `}}`")
        return c.give_up(start)
    if text[start] == "'" and (quoted := _SINGLE_QUOTED.match(text, start)):
        end = quoted.end()
        written = f'"{quoted[1]}"'
        c.tokens.append(Token("STRING", written, start, end))
        fix = replace(start, end, written)
        c.diagnostics.append(
            error("E0010", "a string is in double quotes", Span("", start, end), (), f"write `{written}`", fix)
        )
        return end
    if text[start] == "`" and (closing := text.find("`", end)) >= 0:
        return _backquoted(c, start, closing + 1)
    if text[start] == "#" and not text[text.rfind("\n", 0, start) + 1 : start].strip():
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        c.trivia.append(Token("ERROR", text[start:end], start, end))
        fix = replace(start, start + 1, "//")
        message = "`#` begins nothing here"
        span = Span("", start, start + 1)
        c.diagnostics.append(error("E0010", message, span, (), "a comment begins with `//`", fix))
        return end
    if text[start] == "0" and (number := _UPPER_PREFIX.fullmatch(text, start, end)):
        c.tokens.append(Token("INT", number.group(), start, end))
        written = number.group().lower()
        fix = replace(start, end, written)
        message = f"the prefix of a number is in lower case: `{written[:2]}`"
        c.diagnostics.append(error("E0010", message, Span("", start, end), (), f"write `{written}`", fix))
        return end
    c.trivia.append(Token("ERROR", text[start:end], start, end))
    if kind == "OPEN_COMMENT":
        c.swallowed = True
        c.report("E0009", "this comment is never closed", start, start + 2, hint="add the missing `*/`")
    else:
        _report_invalid(c, text[start:end], start, end)
    return end


def _backquoted(c: LexerState, start: int, end: int) -> int:
    """Report a template string where none may stand, and read it as the raw string that was probably meant."""
    content = c.text[start + 1 : end - 1]
    hashes = "#"
    while f'"{hashes}' in content:
        hashes += "#"
    written = f'{hashes}"{content}"{hashes}'
    c.tokens.append(Token("RAW_STRING", c.text[start:end], start, end))
    fix = replace(start, end, written) if "${" not in content and "\\" not in content else ()
    hint = 'a prompt is a raw string, `#"…"#`; a template string in backticks is part of the code of a function'
    span = Span("", start, start + 1)
    c.diagnostics.append(error("E0010", "a text is in double quotes or a raw string here", span, (), hint, fix))
    return end


def _report_invalid(c: LexerState, text: str, start: int, end: int) -> None:
    """Report characters that begin no token."""
    if text[0].isdigit() and text.endswith("n") and text[:-1].isdigit():
        c.report("E0010", f"`{text}` is a bigint, which this dialect does not have", start, end)
    elif text[0].isdigit() and text[0].isascii():
        c.report("E0010", f"`{text}` is neither a number nor a name", start, end)
    elif text == "'":
        c.report("E0010", "a single quote begins nothing", start, end, hint='strings are written `"…"`')
    elif text == "`":
        hint = 'a prompt is a raw string, `#"…"#`; a template string in backticks is part of the code of a function'
        c.report("E0010", "a backtick begins nothing here", start, end, hint=hint)
    else:
        c.report("E0010", f"unexpected character {text!r}", start, end)


def _raw_string(c: LexerState, start: int, end: int) -> int:
    """Read ``#"…"#``, whose opening is at ``[start, end)``: as many hashes close it as open it."""
    hashes = end - start - 1
    close = c.text.find('"' + "#" * hashes, end)
    if close >= 0:
        close += 1 + hashes
        c.tokens.append(Token("RAW_STRING", c.text[start:close], start, close))
        return close
    closer = c.text[start:end][::-1]
    c.report("E0009", "this raw string is never closed", start, end, hint=f"add the missing `{closer}`")
    c.tokens.append(Token("RAW_STRING", c.text[start:], start, len(c.text)))
    return c.stop()


def template_text(c: LexerState, position: int) -> int:
    """Read the text of a backquoted string from ``position`` up to its end or the next ``${``."""
    found = TEMPLATE_PATTERN.match(c.text, position)
    assert found is not None, "the pattern matches the empty string"
    if found.lastgroup == "TEMPLATE_TEXT":
        position = found.end()
        c.tokens.append(Token("TEMPLATE_TEXT", found.group(), found.start(), position))
        found = TEMPLATE_PATTERN.match(c.text, position)
        assert found is not None, "the pattern matches the empty string"
    if found.lastgroup == "BACKQUOTE":
        c.tokens.append(Token("TEMPLATE_END", "`", position, position + 1))
        c.pop()
        return position + 1
    if found.lastgroup == "OPEN":
        c.tokens.append(Token("INTERPOLATION", "${", position, position + 2))
        return position + 2 if c.push("INTERPOLATION_END", position, CODE) else len(c.text)
    start = c.open[-1].start
    c.report("E0009", "this template string is never closed", start, start + 1, hint="add the missing `` ` ``")
    return c.stop()
