"""Generated programs that are all control flow over variables and fields of type ``int | string | null``.

Everywhere all of them are read (``[a, b, c, p.x];``), which is always well typed: what the checker believes of them
there is written on the read, and :mod:`tests.support.static_types` holds it against their values.

Nothing assigns to the field ``y``; ``x`` and the field ``p`` are assigned to here, in ``touch``, in lambdas, and under
other names (``q.p`` may be ``p``).
"""

from __future__ import annotations

from tests.generators.choices import Choices

NAMES = ("a", "b", "c")
PLACES = (*NAMES, "a", "b", "c", "p.x", "p.y", "q.p.x", "q.p.y")
TARGETS = ("a", "b", "a", "b", "p.x", "q.p.x")
VALUES = ("1", '"s"', "null", "2", '"t"')
READ = "[a, b, c, p.x, p.y, q.p.x, q.p.y];"


def flow_program(data: bytes) -> str:
    """A function ``f`` that ``data`` decides on, and a ``main`` that calls it with values of every kind."""
    return around(_Flow(Choices(data)).body())


def around(body: str) -> str:
    """A program that runs ``body`` with values of every kind in ``a``, ``b`` and ``c``, and in the fields of ``p`` and
    ``q.p``."""
    calls = "\n".join(
        f"  f({first}, {second}, {third}) catch_all (e) {{ _ => null }};"
        for first in VALUES[:3]
        for second in VALUES[:3]
        for third in VALUES[:3]
    )
    return (
        f"function f(x: int | string | null, y: int | string | null, c: int | string | null) -> null {{\n"
        f"  let a: int | string | null = x;\n  let b: int | string | null = y;\n"
        f"  let p = P {{ x: x, y: y }};\n  let q = Q {{ p: P {{ x: y, y: c }} }};\n{body}\n  null\n}}\n"
        f"class P {{ x int | string | null  y int | string | null }}\nclass Q {{ p P }}\n"
        f"function touch(p: P) -> int {{ p.x = if (p.x == null) {{ 1 }} else {{ null }}; 2 }}\n"
        f"function g(n: int) -> int {{ if (n > 0) {{ throw 7 }} n }}\n"
        f"function main() -> null {{\n{calls}\n  null\n}}\n"
    )


class _Flow:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self._loops = 0
        self._lambdas: list[str] = []
        self._names = 0

    def body(self) -> str:
        return self._statements(4)

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def _variable(self) -> str:
        return self.choices.pick(PLACES)

    def _target(self) -> str:
        return self.choices.pick(TARGETS)

    def _instance(self) -> str:
        """Another instance where one was, or the same one under two names."""
        made = f"P {{ x: {self._value()}, y: {self._value()} }}"
        return self.choices.pick((f"p = {made};", f"q.p = {made};", "p = q.p;", "q.p = p;", "touch(p);", "touch(q.p);"))

    def _statements(self, depth: int) -> str:
        lambdas = len(self._lambdas)
        lines = [READ]
        for _ in range(1 + self.choices.below(3)):
            if self.choices.exhausted:
                break
            lines += [self._statement(depth), READ]
        del self._lambdas[lambdas:]
        return "\n".join(lines)

    def _block(self, depth: int) -> str:
        return f"{{ {self._statements(depth - 1)} }}"

    def _value(self) -> str:
        return self.choices.pick((*VALUES, *PLACES))

    def _diverge(self) -> str:
        options = ("break", "continue", "return", "throw 1") if self._loops else ("return", "throw 1")
        return self.choices.pick(options)

    def _statement(self, depth: int) -> str:
        kind = self.choices.below(20)
        if kind > 17:
            return self._instance()
        if kind > 13:
            return self._loop(depth) if kind < 16 else self._shared(depth)
        if kind < 3 or depth <= 0:
            return f"{self._target()} = {self._value()};"
        if kind < 5:
            otherwise = f" else {self._block(depth)}" if self.choices.chance(60) else ""
            return f"if ({self._condition(depth)}) {self._block(depth)}{otherwise}"
        if kind == 5:
            return f"if ({self._condition(depth)}) {{ {READ} {self._diverge()} }}"
        if kind == 6:
            return self._loop(depth)
        if kind == 7:
            return self._match(depth)
        if kind == 8:
            return self._catch(depth)
        if kind == 9:
            return self._lambda(depth)
        if kind == 10:
            return f"{self.choices.pick(self._lambdas)}();" if self._lambdas else self._block(depth)
        if kind == 11:
            return f"let {self._name('v')} = {self._variable()} ?? {self._diverge()};"
        if kind == 12:
            return f"{self._target()} = {self._variable()} ?? {self._value()};"
        return f"assert ({self._condition(depth)});"

    def _shared(self, depth: int) -> str:
        """A lambda that assigns, called where something is known of what it assigns to."""
        name, target = self._name("f"), self._target()
        self._lambdas.append(name)
        known = self.choices.pick((f"{target} != null", f"{target} is int", f"{target} == null"))
        inside = f"{{ {READ} {name}(); {self._statements(depth - 1)} }}"
        return f"let {name} = () -> null {{ {target} = {self._value()}; null }}; if ({known}) {inside}"

    def _loop(self, depth: int) -> str:
        name = self._name("i")
        self._loops += 1
        step = f"({{ {READ} {name} += 1; {READ} }})" if self.choices.chance(50) else f"{name} += 1"
        condition = f"{name} < 2"
        if self.choices.chance(30):
            condition += f" && {self._condition(depth)}"
        kind = self.choices.below(4)
        if kind == 3:
            leave = f"{name} += 1; if ({name} > 2) {{ {READ} break }}"
            text = f"let {name} = 0; while ({self._condition(depth)}) {{ {leave} {self._statements(depth - 1)} }}"
        elif kind == 0:
            text = f"for (let {name} = 0; {condition}; {step}) {self._block(depth)}"
        elif kind == 1:
            text = f"let {name} = 0; while ({condition}) {{ {name} += 1; {self._statements(depth - 1)} }}"
        else:
            text = f"for (let {name} in [1, 2]) {self._block(depth)}"
        self._loops -= 1
        return text

    def _condition(self, depth: int) -> str:
        kind = self.choices.below(9)
        name = self._variable()
        if kind < 2 or depth <= 0:
            return (
                f"{name} {self.choices.pick(('==', '!='))} {self.choices.pick(('null', '1', chr(34) + 's' + chr(34)))}"
            )
        if kind < 4:
            return f"{name} is {self.choices.pick(('int', 'string', 'null', 'int?', 'string?'))}"
        if kind == 4:
            return f"!({self._condition(depth - 1)})"
        if kind < 7:
            operator = self.choices.pick(("&&", "||"))
            return f"(({self._condition(depth - 1)}) {operator} {{ {READ} {self._condition(depth - 1)} }})"
        if kind == 7:
            lambdas = len(self._lambdas)
            text = f"{{ {self._statement(depth - 1)} {READ} {self._condition(depth - 1)} }}"
            del self._lambdas[lambdas:]
            return text
        return self.choices.pick(("true", "false", f"{self._variable()} == {self._variable()}"))

    def _arm(self, depth: int) -> str:
        return self._diverge() if self.choices.chance(25) else self._block(depth)

    def _match(self, depth: int) -> str:
        name = self._variable()
        arms = []
        for pattern in ("int", "string", "null", "1", '"s"', "int | null", "n: int", "let t: string"):
            if self.choices.chance(45):
                guard = f" if {self._condition(depth - 1)}" if self.choices.chance(40) else ""
                if self.choices.chance(25):
                    guard = (
                        f" if {{ {self.choices.pick((name, self._target(), 'a'))} = {self._value()}; {READ} false }}"
                    )
                arms.append(f"{pattern}{guard} => {self._arm(depth)}")
        arms.append(f"_ => {self._arm(depth)}")
        return f"match ({name}) {{ {', '.join(arms)} }}"

    def _catch(self, depth: int) -> str:
        arm = f"int => {self._arm(depth)}, _ => {self._arm(depth)}"
        inner = f"{self._statements(depth - 1)} {self._target()} = {self._value()}; g({self.choices.below(2)}); {READ}"
        known = f"{self._target()} {self.choices.pick(('== null', 'is int', '!= null'))}"
        return f"if ({known}) {{ {{ {inner} null }} catch_all (e) {{ {arm} }}; {READ} }}"

    def _lambda(self, depth: int) -> str:
        name = self._name("f")
        loops, self._loops = self._loops, 0
        text = f"let {name} = () -> null {{ {self._statements(depth - 2)} null }};"
        self._loops = loops
        self._lambdas.append(name)
        return text
