"""A head for each log stream, for log groups too busy to read an overlap of all of them.

Events are out of order mostly between streams, each API server's shipper having its
own lag, and hardly within one. So a stream is read on from its own newest event, and
each event is read once. Streams that appear are found by a scout: now and then one
second of the whole log group, in turns just before the overlap and long ago, for
streams that lag more than those known; it also tells when the busy time is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil
from typing import Any

SCOUT_EVERY_MS = 20_000
SCOUT_MS = 1_000
# How long ago every second scout looks.
SCOUT_FAR_MS = 60_000
# How far before its newest event a stream is read again: as far as events of a stream
# are seen out of order (disorder.py), within these; at most a polling interval where
# that is longer.
_OVERLAP_MIN_MS = 100
_OVERLAP_MAX_MS = 5_000
# A page costs a call, full or not: where up to half a polling interval more lets the
# fullest stream fill this much of its last page, the next poll waits for it.
_FULL_SHARE = 0.9
_LONGER_SHARE = 0.5
# A stream found by a settling read has its newest known event a late_window and some
# slices ago; what is silent for longer was rotated away.
_SILENT_MS = 120_000
# One scout may meet a quiet second; this many say that the log group is quiet.
_SCOUTS = 2


class StreamHeads:
    """Which streams there are, how far each was read, and whose turn it is.

    Pure logic: times are milliseconds since the epoch by AWS's clock.
    """

    def __init__(self, *, late_window_ms: int, polling_interval_ms: int) -> None:
        self._silent_ms = late_window_ms + _SILENT_MS
        self._overlap_max_ms = max(polling_interval_ms, _OVERLAP_MAX_MS)
        self._newest_ms: dict[str, int] = {}
        self._polling_interval_ms = polling_interval_ms
        self._round: deque[str] = deque()
        self._round_began_ms = 0
        self._period_ms = 0
        # Of this round: events of the stream that brought most of them.
        self._fullest = 0
        self._page_events = 0
        self._scouted_at_ms = 0
        self._scouted: deque[int] = deque(maxlen=_SCOUTS)
        self._far = False
        self.busy = False

    def observe(
        self, events: Sequence[dict[str, Any]], now_ms: int, *, head: bool, back_ms: int = 0
    ) -> None:
        """Take a page into account.

        Args:
            head: whether a head read it: only that moves the heads of known streams.
            back_ms: how far before its first event here an unknown stream may begin.
        """
        newest_ms = self._newest_ms
        for event in events:
            name = event.get("logStreamName")
            timestamp_ms = event["timestamp"]
            known_ms = newest_ms.get(name) if isinstance(name, str) else timestamp_ms
            if known_ms is None:
                newest_ms[str(name)] = min(timestamp_ms, now_ms) - back_ms
            # An event of the future must not hide what its stream writes until then.
            elif head and known_ms < timestamp_ms <= now_ms:
                newest_ms[str(name)] = timestamp_ms

    def begin(self, page_events: int, now_ms: int) -> None:
        """From now on every stream has its own head; a page holds so many events."""
        self._forget_silent(now_ms)
        self.busy = bool(self._newest_ms)
        self._page_events = page_events
        self._scouted.clear()
        # The read of the whole log group that said so has met every stream.
        self._scouted_at_ms = now_ms

    def scouted(self, events: int, overlap_ms: int) -> None:
        """A scout has met so many events: does an overlap fit half a page again?"""
        self._scouted.append(events)
        if len(self._scouted) == _SCOUTS:
            overlap_events = max(self._scouted) * overlap_ms / SCOUT_MS
            self.busy = overlap_events > self._page_events / 2

    def scout_range_ms(self, overlap_ms: int, now_ms: int) -> tuple[int, int] | None:
        """The second to scout now, inclusive; None when it is not yet time."""
        if 0 <= now_ms - self._scouted_at_ms < SCOUT_EVERY_MS:
            return None
        self._scouted_at_ms = now_ms
        self._far = not self._far
        # Before the overlap, nearly all that there is can be seen.
        end_ms = now_ms - max(overlap_ms, SCOUT_FAR_MS if self._far else 0)
        return end_ms - SCOUT_MS, end_ms - 1

    def next_stream(self, disorder_ms: int, now_ms: int) -> tuple[str, int] | None:
        """The next stream of the round and where to read it from; None without streams.

        Args:
            disorder_ms: how far before a stream's newest event others still appear.
        """
        if not self._round:
            self._forget_silent(now_ms)
            self._round.extend(self._newest_ms)
            self._period_ms = now_ms - self._round_began_ms
            self._round_began_ms = now_ms
            self._fullest = 0
        overlap_ms = min(max(_OVERLAP_MIN_MS, disorder_ms), self._overlap_max_ms)
        while self._round:
            name = self._round.popleft()
            if name in self._newest_ms:
                return name, self._newest_ms[name] - overlap_ms
        self.busy = False
        return None

    def stream_read(self, events: int) -> None:
        """A stream of this round has brought so many events."""
        self._fullest = max(self._fullest, events)

    def pause_ms(self, now_ms: int) -> int:
        """How long to wait after this round, until the next poll."""
        interval_ms = self._polling_interval_ms
        events_per_ms = self._fullest / max(1, self._period_ms)
        period_ms = now_ms - self._round_began_ms + interval_ms
        pages = ceil(events_per_ms * period_ms / (self._page_events * _FULL_SHARE))
        if pages == 0:
            return interval_ms
        full_ms = pages * self._page_events * _FULL_SHARE / events_per_ms
        longer_ms = round(full_ms - period_ms)
        return interval_ms + (longer_ms if longer_ms <= interval_ms * _LONGER_SHARE else 0)

    @property
    def round_done(self) -> bool:
        """Whether every stream had its turn in this poll."""
        return not self._round

    def leave(self, since_ms: int) -> int:
        """How far the slowest stream was read that was read beyond `since_ms`; forget the round."""
        self._round.clear()
        return min((at for at in self._newest_ms.values() if at > since_ms), default=since_ms)

    def drop(self, name: str) -> None:
        """The stream is gone."""
        self._newest_ms.pop(name, None)

    def _forget_silent(self, now_ms: int) -> None:
        first_ms = now_ms - self._silent_ms
        self._newest_ms = {n: at for n, at in self._newest_ms.items() if at >= first_ms}
