"""Python types as JSON Schema: Pydantic models, dataclasses, TypedDicts, named tuples, msgspec Structs, and types
made of such (``list[Model]``, ``A | B``, ``Annotated[…]``).

Pydantic describes what is Pydantic's, msgspec everything else.  Properties have the names that the type's own JSON has:
aliases, if it has some.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from bamlvm.dynamic.state import TypeBuilderError


def schema_of(source: Any) -> Any:
    """Return the JSON Schema of a Python type; one that is a schema already is returned as it is.

    Raises :class:`TypeBuilderError` for what neither library describes.
    """
    if isinstance(source, Mapping | bool):
        return source
    if callable(getattr(source, "model_json_schema", None)):
        return _of_pydantic(source)
    if hasattr(source, "__pydantic_core_schema__"):  # a dataclass of Pydantic's
        return _of_pydantic(source)
    try:
        return msgspec.json.schema(source)
    except (TypeError, NotImplementedError) as error:
        if "pydantic" in sys.modules:  # it holds a model, or something that Pydantic alone knows
            return _of_pydantic(source)
        raise TypeBuilderError(f"{_name(source)} has no JSON Schema: {error}") from None


def _of_pydantic(source: Any) -> Any:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        return TypeAdapter(source).json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        raise TypeBuilderError(f"{_name(source)} has no JSON Schema: {str(error).splitlines()[0]}") from None


def _name(source: Any) -> str:
    return getattr(source, "__name__", None) or repr(source)
