"""Symbolic operands, and the lines of Python that a block becomes.

An operand is an expression that has not been evaluated yet.  It is evaluated into a temporary before anything that
could change it: a store into a local that it reads, an effect on the heap if it reads the heap.

Every line that can raise, call or be left has a :class:`Site`: which instruction it is part of and what lay on the
operand stack.  From the site and the Python locals :mod:`bamlvm.vm.spill` makes the interpreter's frame.  So a line has
one effect, and that effect comes after everything in the line that can raise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from bamlvm.vm.facts import Fact
from bamlvm.vm.inlining import Body
from bamlvm.vm.semantics import Failure


class Site(NamedTuple):
    """What a line does: the instruction at ``place``, with ``arguments`` on top of ``below`` on the operand stack, each
    an expression over the Python locals.

    ``kind`` is ``plain`` (raises nothing), ``raises`` (a :class:`~bamlvm.vm.values.Thrown`), ``check`` (so does it, but
    the state before the instruction is gone: the line cannot be left otherwise), ``call`` (a compiled
    function), ``foreign`` (a native or sys-op, whose exceptions are not the machine's), ``header`` or ``entry`` (the
    state before a loop's first instruction, or the function's).  ``failure`` says what other exceptions mean that the
    line itself raises.  ``body`` is the one that the instruction is in, if it stands in place of a call.
    """

    place: int
    kind: str
    below: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    failure: Failure | None = None
    body: Body | None = None


class Line(NamedTuple):
    """A line of Python."""

    indent: int
    text: str
    site: Site | None = None


class Comparison(NamedTuple):
    """``one operator other``; the operator ``!`` negates the comparison ``one``."""

    operator: str
    one: Operand
    other: Operand | None


class Operand:
    """An expression that has not been evaluated: its text, what is known of it, the locals that it reads (``locals``),
    whether it reads the heap, the local that it is a copy of, if any, the comparison that it is, if any, and a cheaper
    text that is zero where it is (``zero``), if any."""

    __slots__ = ("comparison", "fact", "local", "locals", "reads_heap", "text", "zero")

    def __init__(
        self, text: str, fact: Fact, *, locals: frozenset[int] = frozenset(), reads_heap: bool = False
    ) -> None:
        self.text = text
        self.fact = fact
        self.locals = locals
        self.reads_heap = reads_heap
        self.local: int | None = None
        self.comparison: Comparison | None = None
        self.zero = ""

    @property
    def is_atom(self) -> bool:
        """Whether the text needs no parentheses, and is cheap enough to be evaluated twice."""
        return _ATOM.fullmatch(self.text) is not None

    @property
    def is_constant(self) -> bool:
        """Whether the text is that of a number or a string."""
        return self.is_atom and self.text[0] in "'0123456789"

    @property
    def inner(self) -> str:
        """The text as an operand of a larger expression."""
        return self.text if self.is_atom else f"({self.text})"

    def copy(self) -> Operand:
        """Return another entry with the same value."""
        copied = Operand(self.text, self.fact, locals=self.locals, reads_heap=self.reads_heap)
        copied.local = self.local
        return copied


_ATOM: Final = re.compile(r"[\w.]+(?:\[[\w.]*\]|\([\w., ]*\)|\.\w+)*|'[^'\\]*'")


class Temporaries:
    """Names of temporaries."""

    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"t{self.count}"


class Operands:
    """The operand stack within a block, whose entries at its start have the facts ``base`` and are ``copies`` of
    locals, and its ``lines``."""

    def __init__(self, base: Sequence[Fact], copies: Sequence[int | None], temporaries: Temporaries) -> None:
        self.stack = [Operand(f"s{depth}", fact) for depth, fact in enumerate(base)]
        for operand, local in zip(self.stack, copies, strict=False):
            operand.local = local
        self.lines: list[Line] = []
        self._temporaries = temporaries
        self._place = 0
        self._body: Body | None = None

    def _emit(self, text: str, site: Site | None = None) -> None:
        self.lines.append(Line(0, text, site or Site(self._place, "plain", body=self._body)))

    def _emit_lines(self, lines: Sequence[str], site: Site) -> None:
        """Emit lines of a text in which four spaces are one indent."""
        for line in lines:
            bare = line.lstrip(" ")
            self.lines.append(Line((len(line) - len(bare)) // 4, bare, site))

    def _site(self, kind: str, arguments: Sequence[Operand] = (), failure: Failure | None = None) -> Site:
        below, above = (tuple(each.text for each in entries) for entries in (self.stack, arguments))
        return Site(self._place, kind, below, above, failure, self._body)

    def _push(self, text: str, fact: Fact, parts: Sequence[Operand] = (), *, reads_heap: bool = False) -> Operand:
        """Push an expression over ``parts``."""
        pushed = Operand(text, fact, reads_heap=reads_heap)
        for part in parts:
            pushed.locals |= part.locals
            pushed.reads_heap |= part.reads_heap
        self.stack.append(pushed)
        return pushed

    def _pop(self, count: int) -> list[Operand]:
        if not count:
            return []
        popped = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return popped

    def _settle(self, operand: Operand) -> None:
        """Evaluate an operand now, into a temporary, unless it is one or a constant."""
        if operand.is_atom and not operand.locals and not operand.reads_heap:
            return
        name = self._temporaries.new()
        self._emit(f"{name} = {operand.text}")
        operand.text, operand.local, operand.comparison = name, None, None
        operand.locals, operand.reads_heap, operand.zero = frozenset(), False, ""

    def _settle_repeated(self, operand: Operand, uses: int) -> None:
        """Evaluate an operand now if its text would be evaluated several times."""
        if uses > 1 and not operand.is_atom:
            self._settle(operand)

    def _before_store(self, local: int) -> None:
        for operand in self.stack:
            if local in operand.locals:
                self._settle(operand)
            elif operand.local == local:
                operand.local = None

    def _before_effect(self) -> None:
        for operand in self.stack:
            if operand.reads_heap:
                self._settle(operand)

    def _settle_stack(self) -> None:
        """Bring the operands into ``s0 s1 …`` for the next block."""
        moves = [(f"s{d}", each.text) for d, each in enumerate(self.stack) if each.text != f"s{d}"]
        if moves:
            self._emit(f"{', '.join(to for to, _ in moves)} = {', '.join(text for _, text in moves)}")


class Form(NamedTuple):
    """A text of :mod:`bamlvm.vm.semantics` cut where operands are put in.

    The pieces are plain text, or a pair: ``slot`` and ``operand`` with the number of an operand, ``inner`` with a name
    that stands within a larger expression, ``bare`` with one that needs no parentheses.
    """

    pieces: tuple[str | tuple[str, str], ...]
    slots: tuple[int, ...]
    """The operands that number the locals which the text names."""
    uses: Mapping[str, int]
    """How often the text names each input."""

    def filled(
        self, inputs: Mapping[str, Operand], operands: Sequence[int] = (), linked: Callable[[int], str] = str
    ) -> str:
        """Return the text with inputs, locals and linked operands put in."""
        text = ""
        for each in self.pieces:
            if isinstance(each, str):
                text += each
                continue
            kind, name = each
            if kind == "inner":
                text += inputs[name].inner
            elif kind == "bare":
                text += inputs[name].text
            elif kind == "slot":
                text += f"v{operands[int(name)]}"
            else:
                text += linked(int(name))
        return text


@cache
def form(text: str, inputs: tuple[str, ...]) -> Form:
    """Return a text cut at ``slots[$0]``, ``$0`` and the inputs' names."""
    pieces: list[str | tuple[str, str]] = []
    end = 0
    words = "|".join(map(re.escape, inputs)) or "(?!)"
    for match in re.finditer(rf"slots\[\$(\d)\]|\$(\d)|\b({words})\b", text):
        pieces.append(text[end : match.start()])
        end = match.end()
        slot, operand, name = match.groups()
        if name is None:
            pieces.append(("slot", slot) if slot is not None else ("operand", operand))
        else:
            opens = match.start() == 0 or text[: match.start()].endswith(("(", ", ", "[", "{", " = "))
            closes = end == len(text) or text.startswith((")", ",", "]", "}"), end)
            pieces.append(("bare" if opens and closes else "inner", name))
    pieces.append(text[end:])
    kept = tuple(each for each in pieces if each)
    put_in = [each for each in kept if not isinstance(each, str)]
    slots = tuple(int(number) for kind, number in put_in if kind == "slot")
    uses = {name: sum(each in (("inner", name), ("bare", name)) for each in put_in) for name in inputs}
    return Form(kept, slots, uses)
