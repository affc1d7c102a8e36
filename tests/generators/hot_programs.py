"""Generated programs that compute much with little code: what the second tier of the machine translates.

Small functions, methods and closures that change what they capture, loops of every form, recursion, throws from one
function into another, and integers near the borders at which a fact, a guess or the language ends.  ``main(n)`` returns
data or throws, and always ends.
"""

from __future__ import annotations

from tests.generators.choices import Choices

BORDERS = (
    0,
    1,
    2,
    3,
    7,
    -1,
    -5,
    40,
    1000,
    (1 << 31) - 3,
    1 << 31,
    -(1 << 31),
    (1 << 62) - 1,
    (1 << 63) - 2,
    -(1 << 63) + 1,
)
_CAUGHT = (
    "baml.panics.IntegerOverflow => -1, baml.panics.DivisionByZero => -2, baml.panics.IndexOutOfBounds => -3, "
    "baml.panics.MapKeyNotFound => -4, baml.panics.StackOverflow => -5, let s: string => s.length(), let k: int => k"
)
KEYS = ("k", "k1", "k7")
_INTS = ("a", "b", "c", "d")


def program(data: bytes) -> str:
    """The program that ``data`` decides on."""
    return _Programs(Choices(data)).program()


class _Programs:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.names = 0
        self.functions: list[tuple[str, int]] = []

    def program(self) -> str:
        items = [
            "class P { a int  f float  s string  next P?"
            "  function sum(self, k: int) -> int { self.a + k }"
            "  function put(self, k: int) -> int { self.a = k; k }"
            "  function with(self, k: int) -> P { P { a: k, f: self.f + 0.5, s: self.s, next: self } } }",
            "enum E { One Two Three }",
        ]
        items += [self.small() for _ in range(1 + self.choices.below(4))]
        items += [self.recursive() for _ in range(self.choices.below(3))]
        items += [self.looping() for _ in range(1 + self.choices.below(2))]
        items.append(self.main())
        return "\n".join(items) + "\n"

    def name(self, start: str) -> str:
        self.names += 1
        return f"{start}{self.names}"

    # --- functions ----------------------------------------------------------------------------------------------------

    def small(self) -> str:
        name = self.name("f")
        forms = [
            lambda: self.int(2, "xy"),
            lambda: f"if ({self.condition('xy')}) {{ return {self.int(1, 'xy')}; }} {self.int(2, 'xy')}",
            lambda: f"if ({self.condition('xy')}) {{ throw {self.thrown('xy')}; }} {self.int(1, 'xy')}",
            lambda: f"match (x) {{ 0 => {self.int(1, 'y')}, 1 => 5, 2 => y, 9 => 7, _ => {self.int(1, 'xy')} }}",
            lambda: f"let z = {self.int(1, 'xy')}; if ({self.condition('xyz')}) {{ z = {self.int(1, 'xyz')}; }} z",
        ]
        body = self.choices.pick(forms)()
        self.functions.append((name, 2))
        return f"function {name}(x: int, y: int) -> int throws int | string {{ {body} }}"

    def recursive(self) -> str:
        name = self.name("r")
        end = self.choices.pick(["0", "k", self.int(1, "k"), f"{{ throw {self.thrown('k')}; }}"])
        again = self.choices.pick(
            [f"{name}(n - 1, k + 1)", f"k + {name}(n - 1, k)", f"{name}(n / 2, k) + {name}(n / 3, k)"]
        )
        text = (
            f"function {name}(n: int, k: int) -> int throws int | string {{ if (n <= 0) {{ return {end}; }} {again} }}"
        )
        self.functions.append((name, 2))
        return text

    def looping(self) -> str:
        name = self.name("g")
        body = self.statements(2, _INTS, 2)
        text = (
            f"function {name}(a: int, b: int) -> int throws int | string {{ let c = 0; let d = 1; "
            f"let xs: int[] = [1, 2, 3]; "
            f'let m: map<string, int> = {{ "k": 1 }}; let t = ""; let p = P {{ a: 1, f: 0.25, s: "é", next: null }}; '
            f"let e = E.One; {body} a + c - d + t.length() + p.a + xs.length() }}"
        )
        self.functions.append((name, 2))
        return text

    def main(self) -> str:
        declared = (
            "let a = n; let b = 2; let c = 3; let d = 4; "
            'let xs: int[] = [1, 2, 3]; let m: map<string, int> = { "k": 1 }; '
            'let t = "😀"; let f = 1.5; let p = P { a: 1, f: 0.5, s: "é", next: null }; let e: E = E.Two; '
            "let out: unknown[] = []; "
            "let bump = (q: int) -> int { b = (b + q) % 1000; b }; "
            "let own = (q: int) -> int { q * 2 % 1001 + c % 7 };"
        )
        lines = [declared]
        for _ in range(2 + self.choices.below(6)):
            start = self.choices.pick(BORDERS)
            lines.append(f"{self.choices.pick(_INTS)} = {start};")
            body = self.statements(2, _INTS, 3, closures=True)
            lines.append(f"out.push({{ {body} a }} catch_all (e) {{ {_CAUGHT} }});")
            lines.append("out.push([a, b, c, d, t, p.a, p.s, xs.length(), m]);")
        lines.append(f"out.push({self.int(2, _INTS)});")
        return "function main(n: int) -> unknown[] throws unknown {\n" + "\n".join([*lines, "out"]) + "\n}"

    # --- statements ---------------------------------------------------------------------------------------------------

    def statements(self, depth: int, names: tuple[str, ...], most: int, *, closures: bool = False) -> str:
        return " ".join(self.statement(depth, names, closures) for _ in range(1 + self.choices.below(most)))

    def statement(self, depth: int, names: tuple[str, ...], closures: bool) -> str:
        choices = self.choices
        target = choices.pick(names)
        assignments = [
            lambda: f"{target} = {self.int(2, names)};",
            lambda: f"{target} {choices.pick(['+=', '-=', '*='])} {self.int(1, names)};",
            lambda: f"{target} = {target} {choices.pick('+-')} {choices.pick([1, 2, 5])};",
            lambda: f"{target} = {self.call(names)};",
            lambda: f"xs.push({self.int(1, names)});",
            lambda: f"xs[{self.int(0, names)} % 4] = {self.int(1, names)};",
            lambda: f'm["k{choices.below(3)}"] = {self.int(1, names)};',
            lambda: f'{target} = m["{choices.pick(KEYS)}"];',
            lambda: f'{target} = (m.get("k1") ?? {self.int(0, names)});',
            lambda: f"{target} = xs[{self.int(1, names)}];",
            lambda: f't = t + {self.text(target)}; if (t.length() > 90) {{ t = ""; }}',
            lambda: f"p.a = {self.int(1, names)};",
            lambda: f"{target} = {choices.pick(['p.sum', 'p.put'])}({self.int(1, names)});",
            lambda: f"p = p.with({self.int(1, names)}); if (p.f > 40.0) {{ p.next = null; p.f = 0.0; }}",
            lambda: f"p.f = p.f * 0.5 + {self.int(0, names)} * 1.0;",
            lambda: f"if ({self.condition(names)}) {{ throw {self.thrown(names)}; }}",
            lambda: f"{target} = {self.call(names)} catch_all (e) {{ {_CAUGHT} }};",
            lambda: "e = if (e == E.One) { E.Two } else { E.Three };",
            lambda: (
                f"{target} = xs.map((q: int) -> int {{ (q % 100) * {choices.below(5)} }})"
                ".reduce((u: int, v: int) -> int { (u + v) % 997 }, 0);"
            ),
        ]
        if closures:
            assignments.append(lambda: f"{target} = {choices.pick(['bump', 'own'])}({self.int(0, names)} % 1000);")
        if depth <= 0 or choices.chance(55):
            return choices.pick(assignments)()
        inner = lambda: self.statements(depth - 1, names, 2, closures=closures)  # noqa: E731 (used in the next lines alone)
        leave = choices.pick(
            ["", "", f"if ({self.condition(names)}) {{ break; }}", f"if ({self.condition(names)}) {{ continue; }}"]
        )
        turn, most = self.name("i"), choices.pick([1, 3, 9, 30])
        forms = [
            lambda: f"if ({self.condition(names)}) {{ {inner()} }} else {{ {inner()} }}",
            lambda: (
                f"for (let {turn} = 0; {turn} < {most}; {turn} += {choices.pick([1, 1, 2])}) "
                f"{{ {leave} {inner()} {target} = {target} + {turn} % 3; }}"
            ),
            lambda: f"let {turn} = {most}; while ({turn} > 0) {{ {turn} -= 1; {leave} {inner()} }}",
            lambda: f"let {turn} = 0; while ({turn} * {turn} < {most}) {{ {turn} += 1; {leave} {inner()} }}",
            lambda: f"for (let {turn} in [3, 5, {self.int(0, names)}]) {{ {leave} {target} = {turn}; {inner()} }}",
            lambda: (
                f"match ({self.int(0, names)} % 5) {{ 0 => {{ {inner()} }} 1 => {{ {inner()} }} _ => {{ {inner()} }} }}"
            ),
        ]
        return choices.pick(forms)()

    # --- expressions --------------------------------------------------------------------------------------------------

    def call(self, names: tuple[str, ...] | str) -> str:
        if not self.functions:
            return self.int(1, names)
        name, _ = self.choices.pick(self.functions)
        first = self.int(1, names)
        if name.startswith(("r", "g")):
            first = f"({first}) % {self.choices.pick([3, 9, 40])}"
        return f"{name}({first}, {self.int(1, names)})"

    def int(self, depth: int, names: tuple[str, ...] | str) -> str:
        choices = self.choices
        if depth <= 0 or choices.chance(25):
            return choices.pick([*names, *names, str(choices.below(12)), f"({choices.pick(BORDERS)})"])
        one, other = self.int(depth - 1, names), self.int(depth - 1, names)
        operator = choices.pick(["+", "-", "*", "%", "/", "&", "|", "^", ">>", "+", "-"])
        if operator == ">>":
            return f"({one} >> {choices.below(70)})"
        if choices.chance(8):
            return f"(if ({self.condition(names)}) {{ {one} }} else {{ {other} }})"
        return f"({one} {operator} {other})"

    def condition(self, names: tuple[str, ...] | str) -> str:
        test = f"{self.int(1, names)} {self.choices.pick(['<', '<=', '>', '>=', '==', '!='])} {self.int(1, names)}"
        return f"{test} {self.choices.pick(['&&', '||'])} {self.int(0, names)} > 2" if self.choices.chance(15) else test

    def text(self, name: str) -> str:
        return self.choices.pick(['"a"', '"😀é"', "t", "`${" + name + "}`"])

    def thrown(self, names: tuple[str, ...] | str) -> str:
        return self.choices.pick(['"short"', '"longer"', self.int(0, names)])
