"""Composes the Python lines of one handler from the semantics of the plain instructions that it stands for.

Between instructions the stack's last entry lives in ``top``: with ``n`` entries on the stack, ``stack`` holds ``n``
values too, the first of them meaningless (it was ``top`` when the stack was empty).

Rule: inside one handler the operand stack is not touched.  What a part pushes is kept as a *symbol*, the text of an
expression, and put in where a later part takes it; only what is left at the end is really pushed.  So a fused
instruction costs one dispatch and none of the pushes and pops between its parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bamlvm.vm.opcodes import CODES, KEYS, TABLE
from bamlvm.vm.semantics import (
    COMPOUND,
    ENDS,
    LINKED_OPERANDS,
    REST,
    SEMANTICS,
    Checked,
    Expression,
    Guarded,
    Many,
    Raw,
    Semantics,
    Statement,
)


class Handler:
    """The lines of one handler, composed from its parts.

    ``_symbols`` are the results of earlier parts that are not on the stack yet, in order.  ``_top_is_free`` says that
    ``top`` was taken as an input, so that the stack's last entry is in ``stack`` until something is put into ``top``.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._lines: list[str] = []
        self._symbols: list[str] = []
        self._top_is_free = False
        self._temporaries = 0
        self._popped = False
        counts = [linked_operands(name) for name in names]
        total = sum(counts)
        self._operands = ["arg"] if total == 1 else [f"x{index}" for index in range(total)]
        if total > 1:
            self._lines.append(f"{', '.join(self._operands)} = arg")
        place = offset = 0
        while place < len(names):
            run = next((run for run in COMPOUND if tuple(names[place : place + len(run)]) == run), (names[place],))
            semantics: Semantics = COMPOUND[run] if run in COMPOUND else SEMANTICS[names[place]]
            width = sum(counts[place : place + len(run)])
            place += len(run)
            self._part(semantics, self._operands[offset : offset + width], place == len(names), run)
            offset += width

    def lines(self) -> list[str]:
        """Return the lines, at least one."""
        return self._lines or ["pass"]

    def _part(self, semantics: Semantics, operands: list[str], last: bool, run: tuple[str, ...]) -> None:
        if isinstance(semantics, Raw):  # it expects, and leaves, the state between instructions
            self._finish()
            self._emit(_with_operands(semantics.text, operands))
            return
        if isinstance(semantics, Many):
            self._finish()
            self._many(semantics, operands)
            return
        if isinstance(semantics, Checked | Guarded):
            semantics = semantics.statement()
        if run[-1] in KEYS:
            self._weigh_key(KEYS[run[-1]])
        text = semantics.text if isinstance(semantics, Expression) else "\n".join(semantics.lines())
        text = _with_operands(text, operands)
        taken = self._with_inputs(text, semantics.inputs, getattr(semantics, "result", ""))
        text = self._resting(taken, popped=self._popped)
        if isinstance(semantics, Expression):
            self._symbols.append(text)
        else:
            self._statement(semantics, text, last)
        if last and run[-1] not in ENDS:
            self._finish()

    def _statement(self, semantics: Statement, text: str, last: bool) -> None:
        result = semantics.result
        if result and not last:  # a later part takes it: kept under a name of its own, so that parts cannot clash
            self._temporaries += 1
            name = f"{result}{self._temporaries}"
            text = _renamed(text, result, name)
            self._symbols.append(name)
        elif result and result not in semantics.inputs:
            # What is below goes onto the stack first, and then the result can come into being in `top`.
            self._push_symbols()
            if not self._top_is_free:
                self._lines.append("stack.append(top)")
            text = _renamed(text, result, "top")
            self._top_is_free = False
        elif result:  # an input is the result (a list that has grown): pushed again as it is
            self._symbols.append(result)
        self._emit(text)

    def _many(self, semantics: Many, operands: list[str]) -> None:
        """Emit what takes as many entries as an operand says; a few are taken without a list of their own."""
        count = operands[semantics.counted_by]
        if semantics.of_pairs:
            few = ["stack.pop(): top"]
            taken = ["stack.append(top)", f"values = stack[-2 * {count} :]", f"del stack[-2 * {count} :]"]
            several = "**dict(zip(values[::2], values[1::2], strict=True))"
        else:
            few = ["top", "stack.pop(), top"]
            taken = [f"values = stack[1 - {count} :]", f"del stack[1 - {count} :]"]
            several = "*values, top"
        cases = [["stack.append(top)", ""], *(["", items] for items in few), ["\n".join(taken), several]]
        for number, (before, items) in enumerate(cases):
            word = "else" if number == len(cases) - 1 else f"{'elif' if number else 'if'} {count} == {number}"
            self._lines.append(f"{word}:")
            for line in [*filter(None, before.split("\n")), f"top = {semantics.displayed(items)}"]:
                self._lines.append(f"    {_with_operands(line, operands)}")

    def _with_inputs(self, text: str, inputs: tuple[str, ...], result: str) -> str:
        """Return ``text`` with its inputs put in, taken from the symbols first, then from ``top`` and ``stack``."""
        taken: list[tuple[str, str]] = []
        self._popped = not self._symbols
        for name in reversed(inputs):
            if self._symbols:
                taken.append((name, self._symbols.pop()))
            elif not self._top_is_free:
                self._top_is_free = True
                taken.append((name, "top"))
            else:
                taken.append((name, "stack.pop()"))
        # An input is put in by its text if that is a name or is used once.  A pop is an effect, so it needs a line of
        # its own if the input is not used exactly once, or if another pop could come in the wrong order.
        several = sum(source == "stack.pop()" for _, source in taken) > 1
        for name, source in taken:
            uses = len(re.findall(rf"\b{name}\b", text))
            simple = re.fullmatch(r"\w+", source) is not None
            pops = source == "stack.pop()"
            if name == result or (not simple and uses != 1) or (pops and several):
                if uses or pops:
                    self._lines.append(f"{name} = {source}")
            else:
                text = _renamed(text, name, source)
        return text

    def _push_symbols(self) -> None:
        for place, symbol in enumerate(self._symbols):
            if place == 0 and not self._top_is_free:
                self._lines.append("stack.append(top)")
            if place == len(self._symbols) - 1:
                self._lines.append(f"top = {symbol}")
            else:
                self._lines.append(f"stack.append({symbol})")
        if self._symbols:
            self._top_is_free = False
        self._symbols = []

    def _finish(self) -> None:
        """Bring ``stack`` and ``top`` into the state that holds between instructions."""
        self._push_symbols()
        if self._top_is_free:
            self._lines.append("top = stack.pop()")
            self._top_is_free = False

    def _weigh_key(self, above: int) -> None:
        """Let the machine pause before an instruction that looks up a key with so many entries above it."""
        # Nothing is taken yet: the entries are the symbols, and below them `top` and the last of `stack`.
        entries = ["stack[-1]", "top", *self._symbols]
        key = entries[-1 - above]
        self._lines += [
            f"if seen and machine.weighs({key}):",
            "    return machine.pause_before(step, slots, stack, function, top, fuel)",
        ]

    def _resting(self, text: str, popped: bool) -> str:
        """Return a text whose line ``rest`` leaves the machine as it was before the instruction; ``popped`` says that
        its first name came from ``stack``."""

        def lines(match: re.Match[str]) -> str:
            indent, one, other = match.groups()
            made = [f"if machine.tires({one}, {other}):"]
            made += [f"    stack.append({one})"] * popped
            made.append("    return machine.pause_before(step, slots, stack, function, top, fuel)")
            return "\n".join(indent + line for line in made)

        return REST.sub(lines, text)

    def _emit(self, text: str) -> None:
        # At `release` the inputs are not needed any more: if `top` was one, it takes the stack's next entry already.
        before, release, after = text.partition("release\n")
        self._lines.extend(line for line in before.split("\n") if line and line != "top = top")
        if release:
            if self._top_is_free and not re.search(r"\btop\b", after):
                self._finish()
            self._emit(after)


def linked_operands(name: str) -> int:
    """Return the number of operands of a plain instruction once linked."""
    return LINKED_OPERANDS[name] if name in LINKED_OPERANDS else len(TABLE[CODES[name]].operands)


def _with_operands(text: str, operands: list[str]) -> str:
    return re.sub(r"\$(\d)", lambda match: operands[int(match[1])], text)


def _renamed(text: str, name: str, replacement: str) -> str:
    return re.sub(rf"\b{name}\b", lambda _: replacement, text)
