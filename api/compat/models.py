"""Pydantic models of values with checks and of fields with a state, for clients whose classes are Pydantic models.

Importing this module imports Pydantic (the extra ``bamlvm[pydantic]``).
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, PlainSerializer, PlainValidator, WithJsonSchema

from bamlvm.values.checked import CHECKED, WRAPPERS, Wrappers
from bamlvm.values.media import canonical
from bamlvm.values.results import to_builtins
from bamlvm.vm.values import Media as _Media

T = TypeVar("T")
N = TypeVar("N", bound=str)


class Check(BaseModel):
    """The outcome of one ``@check``."""

    name: str
    expression: str
    status: str


class Checked(BaseModel, Generic[T, N]):
    """A value whose type has checks, and their outcomes by name."""

    value: T
    checks: dict[N, Check]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        CHECKED.add(cls)
        WRAPPERS.add(cls)


class StreamState(BaseModel, Generic[T]):
    """A field of a partial value, and how much of it has arrived."""

    value: T
    state: Literal["Pending", "Incomplete", "Complete"]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        WRAPPERS.add(cls)


CHECKED.add(Checked)
WRAPPERS.update((Checked, StreamState))


def _media(value: Any) -> _Media:
    """Return the media in a field.  Raises :class:`ValueError` for what is none, as Pydantic wants it."""
    if isinstance(value, _Media):
        return canonical(value)
    raise ValueError("expected media: Image.from_url(…), Image.from_base64(…), or those of Audio, Pdf and Video")


Media = Annotated[
    _Media,
    PlainValidator(_media),
    PlainSerializer(to_builtins),
    WithJsonSchema({"type": "object", "properties": {"url": {"type": "string"}, "base64": {"type": "string"}}}),
]
"""An image, audio, PDF or video as a field of a model."""


def get_checks(checks: dict[N, Check]) -> list[Check]:
    """Return the outcomes of a :class:`Checked`, in written order."""
    return list(checks.values())


def all_succeeded(checks: dict[N, Check]) -> bool:
    """Whether every check of a :class:`Checked` holds."""
    return all(check.status == "succeeded" for check in checks.values())


MODELS = Wrappers(
    checked=lambda value, checks: Checked.model_construct(value=value, checks=checks),
    check=lambda name, expression, status: Check.model_construct(name=name, expression=expression, status=status),
    state=lambda value, state: StreamState.model_construct(value=value, state=state),
    plain_additions=True,
)
"""These models as the wrappers of a program's values."""
