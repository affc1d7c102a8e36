"""The LALR tables, made by Lark from ``baml.lark``, and the driver that parses with them.

Rule: reading source needs no Lark.  Lark reads the grammar, refuses any conflict (strict) and computes the tables,
which takes about a second; so they are kept in ``baml.table`` beside the grammar, together with the grammar's text.  A
wheel and an editable install bring the file along.  Where it is missing, or the grammar has changed since, :func:`load`
makes the tables and writes the file anew, if the folder is writable.

The driver is the textbook one with a shortcut: a chain of rules that only pass one child on (an operand climbs a dozen
levels of precedence) is followed once and remembered.  So it takes a third of the time of Lark's own loop over the same
tables.

A table's shape: ``states[state][symbol]`` is where a terminal or nonterminal leads, a state to go to or ``~rule`` to
reduce by; ``rules[rule]`` is the number of children, the nonterminal, and the action's name ("" passes the child on).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

import msgspec

from bamlvm.grammar.tokens import Token

END: Final = "$END"
STARTS: Final = (
    "class_item",
    "enum_item",
    "alias_item",
    "constant_item",
    "function_item",
    "template_item",
    "client_item",
    "generator_item",
    "retry_policy_item",
    "test_item",
)
_GRAMMAR: Final = Path(__file__).with_name("baml.lark")
_KEPT: Final = Path(__file__).with_name("baml.table")


class Table(msgspec.Struct):
    """The tables as plain data; see the head of this module for their shape."""

    grammar: str
    """The text that they were made from."""
    starts: dict[str, int]
    """The first state, by start rule."""
    ends: dict[str, int]
    """The state that accepts, by start rule."""
    rules: list[tuple[int, str, str]]
    states: list[dict[str, int]]


class UnexpectedTokenError(Exception):
    """No rule continues with ``token``, the one at ``index``; ``state`` can be resumed once its stacks are cut back."""

    def __init__(self, state: ParserState, token: Token, index: int) -> None:
        super().__init__(token)
        self.state = state
        self.token = token
        self.index = index


class ParserState(msgspec.Struct):
    """The stacks of one run; ``states`` has one entry more than ``values``."""

    start: str
    states: list[int]
    values: list[Any]


def declared_lexer() -> type:
    """Return a lexer class for Lark that makes no tokens: they come from ``lexer.py``."""
    from lark.lexer import Lexer

    class Declared(Lexer):
        def __init__(self, conf: object) -> None:
            pass

        def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Any]:
            raise NotImplementedError

    return Declared


def build() -> Table:
    """Make the tables with Lark.  Raise ``lark.exceptions.GrammarError`` for a grammar with a conflict."""
    from lark import Lark
    from lark.grammar import Rule
    from lark.lexer import TerminalDef
    from lark.utils import SerializeMemoizer

    grammar = _grammar()
    made = Lark(grammar, parser="lalr", lexer=declared_lexer(), strict=True, start=list(STARTS))
    memo = SerializeMemoizer([Rule, TerminalDef])
    data = made.parser.parser.serialize(memo)
    numbers: dict[int, int] = {}
    rules: list[tuple[int, str, str]] = []
    for key, rule in memo.serialize().items():
        size, origin, action = len(rule["expansion"]), rule["origin"]["name"], rule["alias"] or ""
        if not action and size != 1:
            raise ValueError(f"a rule of {origin} has {size} children and no action")
        numbers[key] = len(rules)
        rules.append((size, origin, action))
    symbols = data["tokens"]
    states: list[dict[str, int]] = [{} for _ in data["states"]]
    for state, actions in data["states"].items():
        for symbol, (reduces, argument) in actions.items():
            states[state][symbols[symbol]] = ~numbers[argument["@"]] if reduces else argument
    return Table(grammar, dict(data["start_states"]), dict(data["end_states"]), rules, states)


@cache
def load() -> Table:
    """Return the tables of the grammar as it is now: those kept beside it, or new ones."""
    table = read(_KEPT)
    if table is None:
        table = build()
        with contextlib.suppress(OSError):  # a folder that cannot be written to: the next process makes them again
            write(table, _KEPT)
    return table


def read(path: Path) -> Table | None:
    """Return the tables kept in ``path``, or None if there are none or the grammar is not what they were made from."""
    try:
        table = msgspec.msgpack.decode(path.read_bytes(), type=Table)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    current = table.grammar == _grammar() and table.starts.keys() == set(STARTS)
    return table if current else None


def write(table: Table, path: Path) -> None:
    """Keep the tables in ``path``.  The file appears whole or not at all, even if several processes write it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        beside.write_bytes(msgspec.msgpack.encode(table))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _grammar() -> str:
    return _GRAMMAR.read_text(encoding="utf-8")


def actions_of(*modules: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the public functions that modules define, by name.  What they import from each other does not count."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    }


class Driver:
    """Runs the tables over tokens.  Safe to share: a run keeps its state to itself (the shortcuts only ever grow).

    The actions are the public functions that ``modules`` define, called with a context and the rule's children.
    """

    def __init__(self, table: Table, *modules: ModuleType) -> None:
        self.table = table
        actions = actions_of(*modules)
        self._callbacks = [actions[action] if action else None for _, _, action in table.rules]
        self._shortcuts: dict[tuple[int, int, str], int] = {}

    def begin(self, start: str) -> ParserState:
        """Return the state in which a run for the rule ``start`` begins."""
        return ParserState(start, [self.table.starts[start]], [])

    def resume(
        self,
        state: ParserState,
        tokens: list[Token],
        index: int,
        context: object,
        repair: Callable[[UnexpectedTokenError], Token | None] = lambda _: None,
        call: Callable[..., Any] | None = None,
    ) -> Any:
        """Continue with the token at ``index`` (0 at first) and return what the start rule's action returns.

        ``context`` is the actions' first argument.  Where a token is unexpected, ``repair`` may return one to insert
        before it; raises :class:`UnexpectedTokenError` if it does not, and whatever an action raises.  ``call``, if it
        is not None, calls the actions: it gets the action and its arguments.
        """
        table = self.table
        states, rules, shortcuts, callbacks = table.states, table.rules, self._shortcuts, self._callbacks
        if call is not None:
            callbacks = [callback and partial(call, callback) for callback in callbacks]
        accepting = table.ends[state.start]
        stack, values = state.states, state.values
        end_offset = tokens[-1].end if tokens else 0
        rest = [*tokens[index:], Token(END, "", end_offset, end_offset)]
        for at, token in enumerate(rest, index):
            kind = token.kind
            # While an inserted token is shifted, the one that it was inserted before waits here.
            waiting: Token | None = None
            repaired = False
            while True:
                top = stack[-1]
                action = states[top].get(kind)
                if action is None:
                    # One insertion a token: if the token is still unexpected after it, or the inserted one is itself,
                    # the error is about the token that was written.
                    failure = UnexpectedTokenError(state, waiting or token, at)
                    inserted = None if repaired else repair(failure)
                    if inserted is None:
                        raise failure
                    repaired = True
                    waiting, token, kind = token, inserted, inserted.kind
                    continue
                if action >= 0:
                    stack.append(action)
                    values.append(token)
                    if waiting is None:
                        break
                    token, kind, waiting = waiting, waiting.kind, None
                    continue
                size, origin, _ = rules[~action]
                callback = callbacks[~action]
                if callback is None:
                    # A rule that passes its only child on changes the state above `below` and no value.  Where a
                    # chain of them ends depends on these three only, so it is followed once.
                    below = stack[-2]
                    key = (below, top, kind)
                    top = shortcuts.get(key, -1)
                    if top < 0:
                        top = self._climb(below, action, kind)
                        shortcuts[key] = top
                    stack[-1] = top
                elif size:
                    arguments = values[-size:]
                    del values[-size:], stack[-size:]
                    values.append(callback(context, *arguments))
                    stack.append(states[stack[-1]][origin])
                else:
                    values.append(callback(context))
                    stack.append(states[top][origin])
                if kind == END and len(stack) == 2 and stack[-1] == accepting:
                    return values[0]
        raise AssertionError("the end of input is either accepted or an error")

    def _climb(self, below: int, action: int, kind: str) -> int:
        """Return the state above ``below`` after all reductions, from ``action`` on, that only pass a child on."""
        states, rules = self.table.states, self.table.rules
        while True:
            state = states[below][rules[~action][1]]
            following = states[state].get(kind)
            if following is None or following >= 0 or rules[~following][2]:
                return state
            action = following

    def accepts(self, stack: list[int], *kinds: str) -> bool:
        """Whether tokens of these kinds could come next, in this order."""
        states, rules = self.table.states, self.table.rules
        stack = list(stack)
        for kind in kinds:
            while True:
                action = states[stack[-1]].get(kind)
                if action is None:
                    return False
                if action >= 0:
                    stack.append(action)
                    break
                size, origin, _ = rules[~action]
                if size:
                    del stack[-size:]
                stack.append(states[stack[-1]][origin])
                if kind == END and len(stack) == 2:
                    return True
        return True

    def expected(self, stack: list[int]) -> set[str]:
        """Return the kinds of token that could come next."""
        terminals = (symbol for symbol in self.table.states[stack[-1]] if symbol == END or symbol.isupper())
        return {kind for kind in terminals if self.accepts(stack, kind)}
