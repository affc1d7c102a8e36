"""The delay that a server asks for before the next request.

Rules: RFC 9110, section 10.2.3 (``Retry-After``: seconds or an HTTP date); ``retry-after-ms`` is sent by OpenAI and
Azure beside it, in milliseconds, and takes precedence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_LONGEST_MS: Final = 10**15


def retry_after_ms(headers: Mapping[str, str], now: float) -> int | None:
    """Return the milliseconds to wait, at least 0, that a response's headers ask for, or None if they do not.

    ``now`` is the wall clock in seconds since 1970, for dates.
    """
    precise = _number(headers.get("retry-after-ms", ""))
    if precise is not None:
        return _milliseconds(precise)
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None:
        return _milliseconds(seconds * 1000)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _milliseconds((moment.timestamp() - now) * 1000)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _milliseconds(amount: float) -> int:
    return min(max(0, math.ceil(amount)), _LONGEST_MS)
