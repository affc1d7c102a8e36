"""Programs that reach for what their host denies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.attack.case import Attack

ATTACKS: Final[Sequence[Attack]] = ()
