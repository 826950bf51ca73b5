"""Times as people, CloudWatch's exports and Kubernetes write them: RFC 3339."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Final

MAX_TIME_NS: Final = 2**63 - 1

# The same set of texts as csrc/json/time.cpp takes. The year bounds what 64 bits can hold.
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d{1,9}))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
_LAST_YEAR: Final = "2261"


def parse_time_ns(text: str) -> int | None:
    """RFC 3339 to nanoseconds since the epoch, exactly; None if it is no such time.

    Kubernetes writes microseconds and Z (metav1.MicroTime), CloudWatch's tools offsets as
    well. At most nine digits of a second are understood; no leap second; nothing before
    1970 or after 2261.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    if day[:4] > _LAST_YEAR:
        return None
    seconds = _epoch_seconds(f"{day}T{clock}", "+00:00" if zone in "Zz" else zone)
    if seconds is None:
        return None
    time_ns = seconds * 10**9 + int((fraction or "0").ljust(9, "0"))
    return time_ns if time_ns >= 0 else None


@lru_cache(maxsize=1024)
def _epoch_seconds(clock: str, zone: str) -> int | None:
    try:
        return int(datetime.fromisoformat(clock + zone).timestamp())
    except (ValueError, OverflowError):
        return None
