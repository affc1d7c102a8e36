"""Wrappers and media as Pydantic has them."""

from __future__ import annotations

from typing import Literal

import pydantic
import pytest

from bamlvm.compat.media import Image
from bamlvm.compat.models import MODELS, Check, Checked, Media, StreamState, all_succeeded, get_checks
from bamlvm.values.checked import CHECKED, WRAPPERS


class Model(pydantic.BaseModel):
    picture: Media
    price: Checked[int, Literal["small"]]
    note: StreamState[str | None]


def test_models_hold_wrappers_and_media() -> None:
    check = MODELS.check("small", "this < 9", "succeeded")
    made = Model(
        picture=Image.from_url("https://example.org/a.png"),
        price=MODELS.checked(3, {"small": check}),
        note=MODELS.state("x", "Incomplete"),
    )
    assert made.model_dump(mode="json") == {
        "picture": {"url": "https://example.org/a.png", "media_type": None},
        "price": {"value": 3, "checks": {"small": {"name": "small", "expression": "this < 9", "status": "succeeded"}}},
        "note": {"value": "x", "state": "Incomplete"},
    }
    assert Model.model_json_schema()["properties"]["picture"]["type"] == "object"
    with pytest.raises(pydantic.ValidationError, match="expected media"):
        Model(picture="x", price=made.price, note=made.note)  # type: ignore[arg-type]  # what is refused


def test_parametrised_wrappers_are_recognised() -> None:
    assert {Checked, Checked[int, Literal["a"]]} <= CHECKED
    assert {Checked[str, Literal["b"]], StreamState[int]} <= WRAPPERS


def test_outcomes() -> None:
    checks = {
        name: Check(name=name, expression="", status=status) for name, status in (("a", "succeeded"), ("b", "failed"))
    }
    assert [each.name for each in get_checks(checks)] == ["a", "b"]
    assert not all_succeeded(checks)
    assert all_succeeded({"a": checks["a"]})
