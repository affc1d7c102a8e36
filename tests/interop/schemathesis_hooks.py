"""Schemathesis sends for an int what programs write for one: JSON Schema calls 3.0 an integer, and BAML a float."""

from __future__ import annotations

from typing import Any

import schemathesis  # type: ignore[import-not-found, unused-ignore]  # in its own environment


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


@schemathesis.hook  # type: ignore[untyped-decorator, unused-ignore]
def map_body(context: Any, body: Any) -> Any:
    return _written(body)
