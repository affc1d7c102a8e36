"""Where the seeds are."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SEEDS: Final = Path(__file__).parent / "seeds"


def seeds(target: str) -> list[Path]:
    """A target's seeds."""
    return sorted((SEEDS / target).iterdir())
