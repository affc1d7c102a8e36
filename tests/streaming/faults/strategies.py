"""Random trees of clients, and a slow, obvious account of what a call of one does.

A tree is a program: :func:`source` writes it as BAML.  :class:`Account` follows streaming.md's rules on retry,
fallback and round-robin word by word, knowing nothing of machines, sys-ops or connections; what it says is what
``on_attempt``, collectors and errors must say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import strategies as st

from tests.streaming.faults.outcomes import LAST, STREAM_HEAD, chunks, streamed
from tests.streaming.faults.server import CLOSE, RESET, Answer
from tests.streaming.faults.wires import WIRES, StreamEvent, before_content, encoded, without

WIRE = WIRES["openai"]
PIECES = ("one ", "two ", "three")


@dataclass(frozen=True)
class Happening:
    """What a server may do with one request, and what the attempt is then."""

    name: str
    answer: Answer
    error: str | None
    retried: bool = False
    text: str = ""


def _events(finish: str = "stop") -> list[StreamEvent]:
    return [StreamEvent(f.role, f.data.replace('"stop"', f'"{finish}"'), f.name) for f in WIRE.events(PIECES)]


_HALF = before_content(_events(), 2)
HAPPENINGS = (
    Happening("ok", streamed(_events(), LAST, CLOSE), None, text="one two three"),
    Happening("ok, slowly", [STREAM_HEAD, *[step for each in chunks(encoded(_events())) for step in (0.002, each)],
                             LAST, CLOSE], None, text="one two three"),
    Happening("busy", [b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", CLOSE], "HttpStatus", True),
    Happening("refused", [b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", CLOSE], "HttpStatus"),
    Happening("cut", streamed(_HALF, CLOSE), "StreamTruncated", True, "one two "),
    Happening("cut, later", streamed(_HALF, 0.005, CLOSE), "StreamTruncated", True, "one two "),
    Happening("reset", [STREAM_HEAD, 0.002, RESET], "Network", True),
    Happening("overloaded", streamed([*_HALF, WIRE.failing(True)], CLOSE), "LlmClient", True, "one two "),
    Happening("wrong", streamed([*_HALF, WIRE.failing(False)], CLOSE), "LlmClient", False, "one two "),
    Happening("nothing", streamed(without(_events(), "content", "finish", "done"), CLOSE), "StreamTruncated", True),
    Happening("too long", streamed(_events("length"), CLOSE), "FinishReason", False, "one two three"),
)  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A client that calls a provider; its requests meet these happenings, the last one again and again."""

    name: str
    retries: int
    happenings: tuple[Happening, ...]


@dataclass(frozen=True)
class Branch:
    """A strategy."""

    name: str
    retries: int
    kind: str
    start: int
    children: tuple[Tree, ...]


Tree: TypeAlias = Leaf | Branch

_RETRIES = st.sampled_from((0, 1, 2))


def _named(tree: Any, names: Iterator[str]) -> Tree:
    if isinstance(tree[0], str):
        kind, retries, start, children = tree
        return Branch(next(names), retries, kind, start, tuple(_named(child, names) for child in children))
    return Leaf(next(names), tree[0], tuple(tree[1]))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree of at most a dozen clients."""
    leaves = st.tuples(_RETRIES, st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=4))
    shape = draw(
        st.recursive(
            leaves,
            lambda inner: st.tuples(
                st.sampled_from(("fallback", "round-robin")),
                _RETRIES,
                st.integers(0, 5),
                st.lists(inner, min_size=1, max_size=3),
            ),
            max_leaves=5,
        )
    )
    return _named(shape, (f"C{number}" for number in range(1000)))


def leaves(tree: Tree) -> list[Leaf]:
    """The clients that call a provider."""
    return [tree] if isinstance(tree, Leaf) else [leaf for child in tree.children for leaf in leaves(child)]


def source(tree: Tree) -> str:
    """The program whose function ``F`` calls the tree."""
    policies = "".join(
        f"retry_policy R{count} {{ max_retries {count}  strategy {{ type constant_delay  delay_ms 0 }} }}\n"
        for count in (1, 2)
    )
    function = f'function F(input: string) -> string {{ client {tree.name}  prompt #"{{{{ input }}}}"# }}\n'
    return policies + "".join(_declarations(tree)) + function


def _declarations(tree: Tree) -> Iterator[str]:
    policy = f"retry_policy R{tree.retries} " if tree.retries else ""
    if isinstance(tree, Leaf):
        options = f'model "m"  api_key "k"  base_url env.{tree.name}  finish_reason_deny_list ["length"]'
        yield f"client<llm> {tree.name} {{ provider openai  {policy} options {{ {options} }} }}\n"
        return
    for child in tree.children:
        yield from _declarations(child)
    start = f"start {tree.start}" if tree.kind == "round-robin" else ""
    names = ", ".join(child.name for child in tree.children)
    yield f"client<llm> {tree.name} {{ provider {tree.kind}  {policy} options {{ strategy [{names}]  {start} }} }}\n"


class FailedError(Exception):
    """An attempt failed, or all that a strategy made."""

    def __init__(self, happening: Happening) -> None:
        self.happening = happening


@dataclass
class Account:
    """What calls of a tree do, one after the other: the counters of a runtime and of its servers."""

    turns: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    attempts: list[tuple[str, Happening]] = field(default_factory=list)

    def call(self, tree: Tree) -> Happening:
        """One call: how it ends; its attempts are in ``attempts``."""
        self.attempts = []
        try:
            return self._with_retries(tree)
        except FailedError as error:
            return error.happening

    def _with_retries(self, tree: Tree) -> Happening:
        for tries in range(tree.retries + 1):
            try:
                return self._once(tree)
            except FailedError as error:
                if tries == tree.retries or not error.happening.retried:
                    raise
        raise AssertionError

    def _once(self, tree: Tree) -> Happening:
        if isinstance(tree, Leaf):
            return self._attempt(tree)
        if tree.kind == "round-robin":
            turn = self.turns.get(tree.name, tree.start)
            self.turns[tree.name] = turn + 1
            return self._with_retries(tree.children[turn % len(tree.children)])
        failures: list[Happening] = []
        for child in tree.children:
            try:
                return self._with_retries(child)
            except FailedError as error:
                if error.happening.error == "FinishReason":
                    raise
                failures.append(error.happening)
        worth_a_retry = [failure for failure in failures if failure.retried]
        raise FailedError(worth_a_retry[-1] if worth_a_retry else failures[0])

    def _attempt(self, leaf: Leaf) -> Happening:
        count = self.requests.get(leaf.name, 0)
        self.requests[leaf.name] = count + 1
        happening = leaf.happenings[min(count, len(leaf.happenings) - 1)]
        self.attempts.append((leaf.name, happening))
        if happening.error is not None:
            raise FailedError(happening)
        return happening


def numbered(attempts: Sequence[tuple[str, Happening]]) -> list[tuple[str, int, Happening]]:
    """Attempts with the number each has among those of its client."""
    seen: dict[str, int] = {}
    found = []
    for name, happening in attempts:
        seen[name] = seen.get(name, 0) + 1
        found.append((name, seen[name], happening))
    return found
