"""What may be said of the partial values of a stream, however the machine is loaded."""

from __future__ import annotations

from collections.abc import Sequence


def grows(seen: Sequence[object], expected: Sequence[object]) -> bool:
    """Whether these are the partial values expected.

    Pieces may arrive together, whatever pauses the server makes: then a value is left out, but never the last one.
    """
    return bool(seen) and seen[-1] == expected[-1] and list(seen) == [each for each in expected if each in seen]
