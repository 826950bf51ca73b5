"""How late and how far out of order events become visible, as the log itself shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

_DELAYS_KEPT = 2_000
_DELAYS_OF_A_PAGE = 200
# Percentiles of the latest pages, one a stream and page.
_PAGES_KEPT = 32
_PERCENTILE = 99


class Delays:
    """How long events take from their timestamp to their ingestion."""

    def __init__(self) -> None:
        self._delays_ms: deque[int] = deque(maxlen=_DELAYS_KEPT)

    def observe(self, fresh: Sequence[dict[str, Any]]) -> None:
        """Take events into account that were not known before."""
        for event in fresh[:: len(fresh) // _DELAYS_OF_A_PAGE + 1]:
            ingestion_ms = event.get("ingestionTime")
            if isinstance(ingestion_ms, int):
                self._delays_ms.append(ingestion_ms - event["timestamp"])

    def high_ms(self) -> int | None:
        """The 99th percentile of the recent past; None before the first."""
        return _high(self._delays_ms) if self._delays_ms else None


class Disorder:
    """How far before its stream's newest event another may still appear."""

    def __init__(self) -> None:
        self._high_ms: deque[int] = deque(maxlen=_PAGES_KEPT)

    def observe(self, page: Sequence[dict[str, Any]]) -> None:
        """Take a page of all streams into account, in which nothing was left out."""
        streams: dict[object, list[tuple[int, int]]] = {}
        for event in page:
            ingestion_ms = event.get("ingestionTime")
            if isinstance(ingestion_ms, int):
                times_ms = (ingestion_ms, event["timestamp"])
                streams.setdefault(event.get("logStreamName"), []).append(times_ms)
        for stream in streams.values():
            self._high_ms.append(_high(_steps_back_ms(stream)))

    @property
    def high_ms(self) -> int:
        """What 99 of 100 events of recent pages kept to; 0 where all came in order."""
        return max(self._high_ms, default=0)


def _steps_back_ms(times_ms: list[tuple[int, int]]) -> list[int]:
    """By how much each event is older than the newest one ingested before it, at least 0."""
    times_ms.sort()
    newest_ms = times_ms[0][1]
    steps_ms = []
    for _, timestamp_ms in times_ms:
        steps_ms.append(max(0, newest_ms - timestamp_ms))
        newest_ms = max(newest_ms, timestamp_ms)
    return steps_ms


def _high(values: Iterable[int]) -> int:
    ordered = sorted(values)
    return ordered[len(ordered) * _PERCENTILE // 100]
