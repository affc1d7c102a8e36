"""The standard library: BAML sources, and the namespace that each declares.

A file's names live in its namespace; the built-in types' methods are declared as the classes ``baml.String``,
``baml.Array`` and so on.  Whatever says ``native`` or ``sysop`` instead of a body is written in Python under that path.
"""

from __future__ import annotations

from pathlib import Path

NAMESPACES = {
    "core.baml": "baml",
    "string.baml": "baml",
    "array.baml": "baml",
    "map.baml": "baml",
    "number.baml": "baml",
    "media.baml": "baml",
    "errors.baml": "baml.errors",
    "panics.baml": "baml.panics",
    "http.baml": "baml.http",
    "llm.baml": "baml.llm",
    "stream.baml": "baml.stream",
    "future.baml": "baml.future",
    "sys.baml": "baml.sys",
    "fs.baml": "baml.fs",
    "net.baml": "baml.net",
    "json.baml": "baml.json",
    "math.baml": "baml.math",
    "base64.baml": "baml.base64",
    "time.baml": "baml.time",
    "random.baml": "baml.random",
    "io.baml": "baml.io",
    "log.baml": "baml.log",
    "unstable.baml": "baml.unstable",
    "env.baml": "env",
}
"""Namespace by file; the order is the order of the stages' dumps and of the documentation."""

FOLDER = Path(__file__).parent


def sources() -> dict[str, str]:
    """Every source of the standard library by file name."""
    return {name: (FOLDER / name).read_text(encoding="utf-8") for name in NAMESPACES if (FOLDER / name).exists()}
