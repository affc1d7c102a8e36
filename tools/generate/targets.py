"""What a program's ``generator`` blocks ask for: which kind of client, and in which folder.

    python, python/msgspec, python/pydantic     a Python package
    typescript                                  types, and a client of ``bamlvm serve``
    openapi, rest/openapi                       an OpenAPI document of what ``bamlvm serve`` offers

Other kinds exist in the official tools; they are refused by name, each with what to do instead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from bamlvm.errors import HostError
from bamlvm.vm.program.declarations import GeneratorInfo
from bamlvm.vm.program.spelling import suggestion

if TYPE_CHECKING:
    from bamlvm.runtime import Runtime

PACKAGE: Final = "baml_client"
PYTHON_OUTPUTS: Final = ("python", "python/msgspec", "python/pydantic")
OUTPUTS: Final = (*PYTHON_OUTPUTS, "typescript", "openapi", "rest/openapi")
"""The values of ``output_type`` that can be written."""

_SERVED: Final = "generate `rest/openapi`, make a client of that with openapi-generator, and call `bamlvm serve`"
_REFUSED: Final = {
    "python/pydantic/v1": "its classes are models of Pydantic 1, which is no longer maintained: use `python/pydantic`",
    "typescript/react": "it writes hooks for React: generate `typescript` and call its client in your own hooks",
    "ruby/sorbet": f"no Ruby can be written: {_SERVED}",
    "go": f"no Go can be written: {_SERVED}",
    "rust": f"no Rust can be written: {_SERVED}",
}
"""Output types of the official tools that cannot be written, and why."""


class Target(NamedTuple):
    """The folder that a generator writes to, what it writes, whether ``b`` of a Python package is the asynchronous
    client, whether TypeScript modules are imported with their extension, and where the sources are, as seen from the
    folder."""

    folder: Path
    output: str = PYTHON_OUTPUTS[0]
    is_async: bool = False
    has_extensions: bool = False
    sources: str | None = None


class Asked(NamedTuple):
    """The targets of a program's generators, and a line about each generator that asks for something else."""

    targets: list[Target]
    refused: list[str]


def targets(runtime: Runtime, root: Path) -> Asked:
    """Return what the program's generators ask for; their paths are relative to ``root``.

    Raises :class:`HostError` for an unknown ``default_client_mode`` or ``module_format``.
    """
    found: list[Target] = []
    refused: list[str] = []
    for generator in runtime.generators:
        output = str(generator.properties.get("output_type", PYTHON_OUTPUTS[0]))
        if output not in OUTPUTS:
            refused.append(f"generator {generator.name} ({output}): {_reason(output)}")
            continue
        folder = root / Path(generator.file).parent / str(generator.properties.get("output_dir", ".."))
        mode = _one_of(
            generator, "default_client_mode", ("async", "sync") if "pydantic" in output else ("sync", "async")
        )
        form = _one_of(generator, "module_format", ("cjs", "esm"))
        place = package_folder(folder)
        beside = Path(os.path.relpath(os.path.realpath(root), os.path.realpath(place))).as_posix()
        found.append(Target(place, output, mode == "async", form == "esm", beside))
    return Asked(found, refused)


def package_folder(folder: Path) -> Path:
    """Return the package's folder in ``folder``, which may be that folder itself."""
    folder = Path(os.path.normpath(folder))
    return folder if folder.name == PACKAGE else folder / PACKAGE


def _reason(output: str) -> str:
    return _REFUSED.get(output) or f"there is no such output type ({suggestion(output, OUTPUTS)})"


def _one_of(generator: GeneratorInfo, key: str, values: tuple[str, str]) -> str:
    """Return one of two values of a property, the first if it is not given."""
    value = generator.properties.get(key, values[0])
    if value not in values:
        known = " or ".join(sorted(values))
        raise HostError(f"generator {generator.name}: {key} is {known}, not {value!r}")
    return str(value)
