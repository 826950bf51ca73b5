"""One log stream, as its events show it: how far it was read, how late and how many they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

# What was written lately is still there to be read again.
_PEAK_KEPT_MS = 200_000
_DELAYS_KEPT = 1_000
# Late ones are the ladder's to find: if the head looked back for the last of them, it
# would read all the others again with every poll.
_HIGH_PERCENTILE = 90
_LOW_PERCENTILE = 5


class Cursor:
    """One stream, or all of them together. Times are milliseconds since the epoch, AWS's clock.

    Attributes:
        newest_ms: the timestamp of the newest event, None before the first.
        due_ms: when it is to be read again.
        events_per_ms: how many events are new from poll to poll; None before the second.
        peak_events_per_ms: the highest of that in the last minutes.
        refusals: how often, without a break, AWS has refused to read it.
        polled_at_ms: when the last poll began; None before the first.
    """

    def __init__(self, newest_ms: int | None = None) -> None:
        self.newest_ms = newest_ms
        self.due_ms = 0
        self.events_per_ms: float | None = None
        self.peak_events_per_ms = 0.0
        self.refusals = 0
        self.polled_at_ms: int | None = None
        self._delays_ms: deque[int] = deque(maxlen=_DELAYS_KEPT)
        self._ordered_ms: list[int] = []

    def polled(self, began_ms: int, new_events: int) -> None:
        """A poll that began then has brought so many events."""
        if self.polled_at_ms is not None:
            passed_ms = max(1, began_ms - self.polled_at_ms)
            self.events_per_ms = new_events / passed_ms
            kept = self.peak_events_per_ms * max(0.0, 1 - passed_ms / _PEAK_KEPT_MS)
            self.peak_events_per_ms = max(self.events_per_ms, kept)
        self.polled_at_ms = began_ms
        self.refusals = 0

    def reached(self, timestamp_ms: int) -> None:
        """An event with this timestamp has come."""
        if (self.newest_ms or 0) < timestamp_ms:
            self.newest_ms = timestamp_ms

    def observe_delays(self, delays_ms: Iterable[int]) -> None:
        """Events have come so long after their timestamps."""
        self._delays_ms.extend(delays_ms)
        self._ordered_ms = []

    @property
    def delay_ms(self) -> int | None:
        """How late most events are, with a margin; None before the first."""
        high_ms = self._delay_ms(_HIGH_PERCENTILE)
        return None if high_ms is None else high_ms + self.spread_ms // 2

    @property
    def spread_ms(self) -> int:
        """How far before the newest event most others still appear; 0 if all are equally late."""
        high_ms, low_ms = self._delay_ms(_HIGH_PERCENTILE), self._delay_ms(_LOW_PERCENTILE)
        return 0 if high_ms is None or low_ms is None else high_ms - low_ms

    def _delay_ms(self, percentile: int) -> int | None:
        if not self._delays_ms:
            return None
        if not self._ordered_ms:
            self._ordered_ms = sorted(self._delays_ms)
        return self._ordered_ms[len(self._ordered_ms) * percentile // 100]
