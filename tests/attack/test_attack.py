"""The short attacks; ``make attack`` runs all of them."""

from __future__ import annotations

import pytest

from tests.attack.case import Attack
from tests.attack.run import KINDS, attack

SHORT = [
    pytest.param(kind, each, id=f"{kind}-{each.slug}")
    for kind, attacks in KINDS.items()
    for each in attacks
    if each.short
]


def test_every_attack_has_a_name_of_its_own() -> None:
    for kind, attacks in KINDS.items():
        slugs = [each.slug for each in attacks]
        assert len(set(slugs)) == len(slugs), kind


@pytest.mark.parametrize(("kind", "each"), SHORT)
def test_a_promise_holds(kind: str, each: Attack) -> None:
    assert attack(kind, each).problem is None
