"""From syntax tree to program, in stages; each is a pure function with frozen types of its own.

===========  ==========================================================================================
``tokens``   kind, text, span (:mod:`bamlvm.grammar.lexer`)
``ast``      the syntax tree (:mod:`bamlvm.grammar.syntax`)
``hir``      names resolved to locals, items and natives; sugar removed (:mod:`bamlvm.compiler.resolve`)
``tir``      every expression typed, throws sets explicit (:mod:`bamlvm.compiler.check`)
``mir``      labelled blocks of stack instructions (:mod:`bamlvm.compiler.lower`), optimised
``bytecode`` laid out (:mod:`bamlvm.compiler.emit`) and verified
===========  ==========================================================================================
"""

from __future__ import annotations

from typing import Final

STAGES: Final = ("tokens", "ast", "hir", "tir", "mir", "bytecode")
"""The stages in the order in which they are made."""
