"""A misspelt name is answered with the one that was probably meant, whatever it names."""

from __future__ import annotations

import pytest

import bamlvm

AROUND = """
class Person { name string  age int  function greet(self) -> string { self.name } }
enum Color { Red Green Blue }
client<llm> Fast { provider openai }
retry_policy Slow { max_retries 3 }
template_string Line(text: string) #"{{ text }}"#
function Ask(text: string) -> Color { client Fast prompt #"{{ text }}"# }
function helper(count: int) -> int { count }
function person() -> Person { Person { name: "a", age: 1 } }
"""


def in_function(statement: str) -> str:
    return f"function test_function(color: Color) -> int {{ let person = person(); {statement} 1 }}"


def in_prompt(text: str) -> str:
    return f'function Prompted(text: string, who: Person) -> string {{ client Fast prompt #"{{{{ text }}}} {text}"# }}'


@pytest.mark.parametrize(
    ("source", "code", "meant"),
    [
        # types
        (in_function("let x: Persn? = null;"), "E0002", "Person"),
        (in_function("let x: strng? = null;"), "E0002", "string"),
        (in_function("let x: person? = null;"), "E0002", "Person"),
        (in_function("let x: baml.errors.Timeuot? = null;"), "E0002", "baml.errors.Timeout"),
        (in_function("let x = Persn { name: 1 };"), "E0002", "Person"),
        (in_function("let x = match (color) { Colr.Red => 1, _ => 2 };"), "E0002", "Color"),
        ("class Other { person Prson }", "E0002", "Person"),
        # names, functions, arguments
        (in_function("let count = 1; let x = cuont;"), "E0003", "count"),
        (in_function("let x = helpr(1);"), "E0003", "helper"),
        (in_function("let x = baml.json.prase;"), "E0003", "parse"),
        (in_function("let x = baml.jsn.parse;"), "E0003", "json"),
        (in_function("let x = helper(cuont = 1);"), "E0005", "count"),
        (in_function('let x = env.gett("A");'), "E0006", "env.get"),
        # fields, methods, variants
        (in_function("let x = person.nmae;"), "E0007", "name"),
        (in_function("let x = person.gret();"), "E0007", "greet"),
        (in_function('let x = "a".lenght();'), "E0007", "length"),
        (in_function("let x = [1].pussh(2);"), "E0007", "push"),
        (in_function('let x = { "a": 1 }.kyes();'), "E0007", "keys"),
        (in_function("let x = 1.5.asb();"), "E0007", "abs"),
        (in_function('let x = Person { name: "a", agee: 1, age: 2 };'), "E0007", "age"),
        (in_function("let x = Color.Gren;"), "E0064", "Green"),
        (in_function("let x = match (color) { Color.Rad => 1, _ => 2 };"), "E0064", "Red"),
        # configuration
        ("client<llm> Other { provider openai  retry_polcy Slow }", "E0027", "retry_policy"),
        ("client<llm> Other { provider openai  retry_policy Slwo }", "E0091", "Slow"),
        ("client<llm> Other { provider fallback  options { strategy [Fsat] } }", "E0092", "Fast"),
        ("retry_policy Other { max_retries 1  strateyg { type constant_delay } }", "E0027", "strategy"),
        ("retry_policy Other { max_retries 1  strategy { type constant_dely } }", "E0092", "constant_delay"),
        ('function Other() -> string { client Fats prompt #""# }', "E0003", "Fast"),
        ("generator g { output_tpye python }", "E0027", "output_type"),
        ('class Other { a int @alais("b") }', "E0015", "alias"),
        ("enum Other { A @skp }", "E0015", "skip"),
        ("class Other { a int @@dynamci }", "E0015", "dynamic"),
        ('test T { functions [Aks]  args { text "a" } }', "E0088", "Ask"),
        ('test T { functions [Ask]  agrs { text "a" } }', "E0034", "args"),
        # templates
        (in_prompt("{{ txet }}"), "E0070", "text"),
        (in_prompt("{{ who.nmae }}"), "E0070", "name"),
        (in_prompt("{{ ctx.output_fromat }}"), "E0070", "output_format"),
        (in_prompt("{{ Lien(text) }}"), "E0070", "Line"),
        (in_prompt("{{ text|uper }}"), "E0071", "upper"),
        (in_prompt("{% if text is definde %}{% endif %}"), "E0071", "defined"),
        (in_prompt("{% for a in [1] %}{{ loop.indx }}{% endfor %}"), "E0070", "index"),
    ],
)
def test_the_hint_names_it(source: str, code: str, meant: str) -> None:
    found = [(each.code, each.hint) for each in bamlvm.check(AROUND + source).errors]
    assert (code, f"did you mean `{meant}`?") in found, found
