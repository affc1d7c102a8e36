"""The delay that a server asks for."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from bamlvm.sysops.web.retry_after import retry_after_ms

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": " 3 "}, 3000),
        ({"retry-after": "0.5"}, 500),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "1e300"}, 10**15),
        ({"retry-after": "9", "retry-after-ms": "20"}, 20),
        ({"retry-after": "9", "retry-after-ms": "soon"}, 9000),
        ({"retry-after": formatdate(NOW + 60, usegmt=True)}, 60_000),
        ({"retry-after": formatdate(NOW - 60, usegmt=True)}, 0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:21 -0000"}, 1000),
        ({"retry-after": "Tue, 99 Nov 2023 22:13:21 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected: int | None) -> None:
    assert retry_after_ms(headers, NOW) == expected
