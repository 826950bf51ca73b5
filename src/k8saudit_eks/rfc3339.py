"""Times as people, CloudWatch's exports and Kubernetes write them: RFC 3339."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

MAX_TIME_NS: Final = 2**63 - 1

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_time_ns(text: str) -> int | None:
    """RFC 3339 to nanoseconds since the epoch, exactly; None if it is no such time.

    Kubernetes writes microseconds and Z (metav1.MicroTime); offsets and any
    number of digits are understood, digits beyond nanoseconds are dropped.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    seconds = _epoch_seconds(f"{day}T{clock}", "+00:00" if zone in "Zz" else zone)
    if seconds is None:
        return None
    time_ns = seconds * 10**9 + int((fraction or "0")[:9].ljust(9, "0"))
    return time_ns if 0 <= time_ns <= MAX_TIME_NS else None


@lru_cache(maxsize=1024)
def _epoch_seconds(clock: str, zone: str) -> int | None:
    try:
        return int(datetime.fromisoformat(clock + zone).timestamp())
    except (ValueError, OverflowError):
        return None
