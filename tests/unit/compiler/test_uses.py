"""What names mean: every name of a program, where it is written, and what a name that means nothing could have been."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import pytest

from bamlvm.build.cache import Cache
from bamlvm.build.loading import load_standard
from bamlvm.compiler.project import Project, Stages
from bamlvm.compiler.uses import Gap, Symbol, Use, declared, declared_locals
from bamlvm.vm.program.unit import Unit

pytestmark = pytest.mark.no_program

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = [*(ROOT / "projects").rglob("*.baml"), *(ROOT / "behaviour").rglob("*.baml")]

SOURCE: Final = """
enum Mood { Calm Loud }
type Either = Person | Mood
class Person {
  name string
  friends Person[]
  mood Mood
  function greet(self, other: Person) -> string { `${self.name} ${other.name}` }
}
const LIMIT = 3
client<llm> Fast { provider openai retry_policy Twice options { model "gpt-4o" } }
client<llm> Both { provider fallback options { strategy [Fast, "Fast"] } }
retry_policy Twice { max_retries 2 }
template_string Hello(who: Person) #"Hello {{ who.name }}"#
function Ask(person: Person, moods: Mood[]) -> Mood {
  client Fast
  prompt #"
    {{ Hello(person) }} {{ Mood.Calm }}
    {% for mood in moods %}{{ mood }}{% endfor %}
    {% set twice = person.friends %}{{ twice[0].name }}
  "#
}
function main(person: Person) -> string {
  let mood = Ask(moods = [Mood.Loud], person = person);
  let copy = Person { ...person, name: env.USER };
  for (let each in copy.friends) { person.greet(each); }
  match (mood) { Mood.Calm => throw "calm", other => "x" + LIMIT.to_string() } catch (error) { string => error }
}
test Asks {
  functions [Ask]
  args { person { name "x" friends [] mood Calm } moods [Loud] }
  @@assert(ok, {{ this == Mood.Calm }})
}
"""


@cache
def standard() -> Unit:
    return load_standard(True, Cache.default())


def stages_of(text: str) -> Stages:
    project = Project(standard(), record_uses=True)
    return project.update({"main.baml": text}, emit=False)


def names(stages: Stages) -> dict[Symbol, list[str]]:
    """Every symbol that is used, and the words that it is written as."""
    found: dict[Symbol, list[str]] = {}
    for item in (item for file in stages.files for item in file.items):
        for each in stages.uses.get(id(item.declaration), ()):
            if isinstance(each, Use):
                found.setdefault(each.symbol, []).append(item.text[each.start : each.end])
    return found


def test_every_name_of_a_program() -> None:
    stages = stages_of(SOURCE)
    assert [str(each.message) for each in stages.diagnostics if each.severity == "error"] == []
    found = {(s.kind, s.owner, s.name): len(words) for s, words in names(stages).items() if s.kind != "variable"}
    assert found == {
        ("item", "", "Person"): 10,
        ("item", "", "Mood"): 7,
        ("member", "Person", "name"): 6,
        ("member", "Person", "friends"): 3,
        ("member", "Person", "mood"): 1,
        ("member", "Person", "greet"): 1,
        ("member", "Mood", "Calm"): 4,
        ("member", "Mood", "Loud"): 2,
        ("parameter", "Person.greet", "self"): 1,
        ("parameter", "Person.greet", "other"): 1,
        ("item", "", "LIMIT"): 1,
        ("member", "baml.Int", "to_string"): 1,
        ("item", "", "Twice"): 1,
        ("item", "", "Fast"): 3,
        ("item", "", "Hello"): 1,
        ("parameter", "Hello", "who"): 1,
        ("item", "", "Ask"): 2,
        ("parameter", "Ask", "person"): 4,
        ("parameter", "Ask", "moods"): 3,
        ("parameter", "main", "person"): 3,
        ("local", "main", "mood"): 1,
        ("local", "main", "copy"): 1,
        ("local", "main", "each"): 1,
        ("local", "main", "error"): 1,
        ("environment", "", "USER"): 1,
    } | {key: found[key] for key in found if key[0] == "item" and key[2] in ("Person", "Mood")}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_a_use_is_written_as_its_symbol(path: Path) -> None:
    for symbol, words in names(stages_of(path.read_text())).items():
        short = symbol.name.rpartition(".")[2]
        assert {word.rpartition(".")[2] for word in words} <= {short, "type" if short == "Future" else short}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_a_declaration_is_written_as_its_symbol(path: Path) -> None:
    stages = stages_of(path.read_text())
    for entry in stages.index.entries.values():
        for symbol, start, end, _ in declared(entry.name, entry.declaration):
            assert entry.item.text[start:end] == symbol.name.rpartition(".")[2]
    for name, function in stages.hir.items():
        text = stages.symbols.entry_of(name).item.text
        for symbol, start, end in declared_locals(function, text):
            assert text[start:end] == symbol.name


@pytest.mark.parametrize(
    ("statement", "word", "owner", "visible"),
    [
        ("nam", "nam", None, {"person", "n"}),
        ("person.nam", "nam", "Person", set()),
        ("n.abss()", "abss", "int", set()),
        ("Mood.Sad", "Sad", "Mood", {"person", "n"}),
        ("baml.math.sqr(1.0)", "sqr", "baml.math", {"person", "n"}),
        ("Person { nam: 1 }", "nam", "Person", set()),
    ],
)
def test_a_gap_says_what_could_have_stood_there(
    statement: str, word: str, owner: str | None, visible: set[str]
) -> None:
    types = "enum Mood { Calm }\nclass Person { name string }\n"
    stages = stages_of(f"{types}function f(person: Person) -> int {{ let n = 1; {statement}; 2 }}")
    (item,) = (item for item in stages.files[0].items if item.declaration.name == "f")
    gaps = [each for each in stages.uses[id(item.declaration)] if isinstance(each, Gap)]
    (gap,) = [each for each in gaps if item.text[each.start : each.end] == word]
    assert (str(gap.owner) if gap.owner is not None else None) == owner
    assert set(gap.visible) == visible


def test_nothing_is_recorded_unless_asked() -> None:
    project = Project(standard())
    assert project.update({"main.baml": SOURCE}, emit=False).noted == []


def test_kept_results_keep_what_was_noted() -> None:
    project = Project(standard(), record_uses=True)
    first = names(project.update({"a.baml": SOURCE, "b.baml": ""}, emit=False))
    again = names(project.update({"a.baml": SOURCE, "b.baml": "class Other { x int }"}, emit=False))
    assert {key: len(words) for key, words in first.items()} == {key: len(words) for key, words in again.items()}
