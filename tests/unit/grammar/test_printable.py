"""Control characters become visible."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bamlvm.grammar.printable import printable, printable_json, printable_line

_HARMFUL = "".join(map(chr, (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x202E, 0x2066)))


def test_texts() -> None:
    assert printable("a\tb\r\nc\x1b[2J\x9b\u202e") == "a\tb\nc\u241b[2J\ufffd\ufffd"
    assert printable_line("a\nb") == "a\u2424b"
    assert printable("caf\udce9 \ud83d!") == printable_line("caf\udce9 \ud83d!") == "caf\ufffd \ufffd!"
    assert printable("h\u00e4user \U0001f642") == "h\u00e4user \U0001f642"


@given(st.text())
def test_what_is_left_can_be_printed(text: str) -> None:
    printable(text).encode()
    printable_line(text).encode()


@given(st.text(st.characters(codec="utf-8")))
def test_nothing_harmful_is_left(text: str) -> None:
    assert not set(printable(text)) & set(_HARMFUL)
    assert not set(printable_line(text)) & set(_HARMFUL + "\n\t")
    encoded = printable_json(json.dumps(text, ensure_ascii=False))
    assert not set(encoded) & set(_HARMFUL)
    assert json.loads(encoded) == text
