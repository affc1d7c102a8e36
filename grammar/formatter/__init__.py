"""The formatter: a file's text → the same program in the one style.

    items, lexer ─ tokens, comments ─→ comments.py ─→ the parser's table with other actions ─→ documents.py ─→ text
                                       (each comment    (layout_*.py: a rule → a document,     (line breaks)
                                        to its token)    not a node)

The grammar's rules run over the same tokens as in the parser, so whatever the language can say is laid out by the same
rules that read it, and every token that was written is still there: parentheses, escapes, the spelling of a number.
"""

from bamlvm.grammar.formatter.files import ChangedMeaningError, format_text

__all__ = ["ChangedMeaningError", "format_text"]
