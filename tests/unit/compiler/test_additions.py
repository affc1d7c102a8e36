"""Types that are added: by the ``type_builder`` of a test, or as text; what is made of them, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

import bamlvm
from bamlvm.testing import run_case

SOURCE = """
client<llm> C { provider openai  options { model "m"  api_key "k"  base_url "http://127.0.0.1:9/v1" } }
class Resume { name string  @@dynamic }
enum Kind { A  @@dynamic }
function echo(resume: Resume, kind: Kind) -> Resume { resume }
"""


def with_types(block: str, source: str = SOURCE) -> str:
    return source + "test T { functions [echo]  type_builder { " + block + ' } args { resume { name "n" } kind A } }'


def types_of(block: str) -> Any:
    with bamlvm.Runtime.from_files({"main.baml": with_types(block)}) as runtime:
        (case,) = runtime.cases
        return case.info.types


def codes(text: str) -> list[str]:
    return [each.code for each in bamlvm.check(text).diagnostics if each.severity == "error"]


def test_the_types_of_a_test_are_data() -> None:
    types = types_of(
        'class Job { title string @alias("t") @description("d") }\n'
        "dynamic class Resume { jobs Job[] links Link[] kind Kind.B }\n"
        "dynamic enum Kind { B @skip }\ntype Link = string | Job"
    )
    job, resume = types.classes
    assert (job.name, [field.name for field in job.fields]) == ("Job", ["title"])
    assert [each.name for each in job.fields[0].attributes] == ["alias", "description"]
    assert [f"{field.name} {field.type}" for field in resume.fields] == [
        "jobs Job[]",
        "links (string | Job)[]",
        "kind Kind.B",
    ]
    (kind,) = types.enums
    assert (kind.name, kind.variants[0].name, kind.variants[0].attributes[0].name) == ("Kind", "B", "skip")
    assert [name for name, _ in types.annotated_aliases] == ["Link"]


def test_a_new_class_may_be_dynamic_itself() -> None:
    (made,) = types_of("class Job { title string  @@dynamic }").classes
    assert made.name == "Job" and made.attributes[0].name == "dynamic"


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("class Job { next Jbo? }", "E0002"),
        ("dynamic class Nobody { x int }", "E0002"),
        ("dynamic enum Resume { X }", "E0002"),
        ("class Resume { x int }", "E0011"),
        ("type Resume = int", "E0011"),
        ("class string { x int }", "E0011"),
        ("class Job { x int } class Job { y int }", "E0011"),
        ("class Job { x int  x int }", "E0012"),
        ("dynamic class Resume { name int }", "E0012"),
        ("dynamic enum Kind { A }", "E0013"),
        ("class Job { x int @wrong }", "E0015"),
        ("class Job { x int  function f(self) -> int { 1 } }", "E0016"),
        ("type Loop = Loop", "E0068"),
        ("class Job { next Job }", "E0069"),
        ("class Job { x int @assert(a, {{ this > }}) }", "E0073"),
    ],
)
def test_what_is_wrong(block: str, code: str) -> None:
    found = codes(with_types(block))
    assert found == [code]


def test_a_class_that_is_not_dynamic() -> None:
    source = SOURCE.replace("name string  @@dynamic", "name string")
    report = bamlvm.check(with_types("dynamic class Resume { x int }", source))
    (error,) = (each for each in report.diagnostics if each.severity == "error")
    assert (error.code, error.hint) == ("E0016", "add `@@dynamic` to `Resume`")


def test_an_addition_outside_of_a_test() -> None:
    (error,) = bamlvm.check("class A { x int }\ndynamic class B { y int }").diagnostics
    assert error.code == "E0016" and error.hint == "to let `B` be added to, write `class B { …  @@dynamic }`"


def test_a_case_runs_with_its_types() -> None:
    text = (
        SOURCE
        + """
    test With {
      functions [echo]
      type_builder {
        class Job { title string  level Level }
        enum Level { Low  High }
        dynamic class Resume { job Job  rank int?  kind Kind? }
        dynamic enum Kind { B }
      }
      args { resume { name "n"  job { title "t"  level High } kind B } kind B }
      @@assert({{ this.job.title == "t" and this.job.level == Level.High and this.kind == Kind.B != Kind.A }})
    }
    test Wrong {
      functions [echo]
      type_builder { dynamic class Resume { job int } }
      args { resume { name "n"  job "x" } kind A }
    }
    test Without { functions [echo]  args { resume { name "n" } kind B } }
    test Cycle {
      functions [echo]
      type_builder { class Job { resume Resume }  dynamic class Resume { job Job } }
      args { resume { name "n" } kind A }
    }
    """
    )
    with bamlvm.Runtime.from_files({"main.baml": text}) as runtime:
        assert not runtime.diagnostics
        outcomes = {case.info.name: run_case(runtime, case) for case in runtime.cases}
        more = bamlvm.CallContext(types="dynamic enum Kind { B }")
        with_context = run_case(runtime, runtime.cases[2], more)
    assert {name: each.status for name, each in outcomes.items()} == {
        "With": "passed",
        "Wrong": "error",
        "Without": "error",
        "Cycle": "error",
    }
    assert with_context.status == "passed"
    assert str(outcomes["Wrong"].error) == "args.resume.job: expected int, got str 'x'"
    assert "expected Kind (A), got str 'B'" in str(outcomes["Without"].error)
    assert "no value of Job can be made: Job → Resume → Job" in str(outcomes["Cycle"].error)
