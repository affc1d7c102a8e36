"""What generators ask for; what cannot be written is refused by name, with a reason and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

import bamlvm
from bamlvm.tools.generate.targets import Asked, Target, targets


def asked(properties: str) -> Asked:
    with bamlvm.Runtime.from_files({"src/main.baml": f"generator g {{ {properties} }}"}) as runtime:
        return targets(runtime, Path("/project"))


@pytest.mark.parametrize(
    ("properties", "target"),
    [
        ("", Target(Path("/project/baml_client"))),
        ('output_type "python/pydantic"', Target(Path("/project/baml_client"), "python/pydantic", is_async=True)),
        ('output_type "typescript" output_dir "../web"', Target(Path("/project/web/baml_client"), "typescript")),
        (
            'output_type "typescript" output_dir "baml_client" module_format esm',
            Target(Path("/project/src/baml_client"), "typescript", has_extensions=True),
        ),
        ('output_type "rest/openapi"', Target(Path("/project/baml_client"), "rest/openapi")),
    ],
)
def test_targets(properties: str, target: Target) -> None:
    found, refused = asked(properties)
    assert ([each._replace(sources=None) for each in found], refused) == ([target], [])
    assert (target.folder / str(found[0].sources)).resolve() == Path("/project"), "where the sources are"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("typescript/react", "call its client in your own hooks"),
        ("ruby/sorbet", "make a client of that with openapi-generator"),
        ("go", "no Go can be written"),
        ("python/pydantic/v1", "use `python/pydantic`"),
        ("opnapi", "there is no such output type (did you mean `openapi`?)"),
    ],
)
def test_refused(output: str, message: str) -> None:
    found, refused = asked(f'output_type "{output}"')
    assert found == []
    assert refused[0].startswith(f"generator g ({output}): ")
    assert message in refused[0]


def test_values_that_do_not_exist_are_errors() -> None:
    with pytest.raises(bamlvm.HostError, match="default_client_mode is async or sync, not 'both'"):
        asked("default_client_mode both")
    with pytest.raises(bamlvm.HostError, match="module_format is cjs or esm"):
        asked("module_format umd")
