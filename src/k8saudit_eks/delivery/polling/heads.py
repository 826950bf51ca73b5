"""The head: what was written last, read again with every poll.

A poll reads all streams together, from a little before the newest event: as far back
as most events are seen to be late. Where that costs more than a page of what is known
already, streams are read apart, each from its own newest event: events are out of
order mostly between streams, each API server's shipper having its own lag, and hardly
within one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import NamedTuple

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.cursor import Cursor
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import Pass, back_off_ms
from k8saudit_eks.delivery.polling.read import BACK_OFF_MAX_MS, Purpose, Read
from k8saudit_eks.log_events import NO_STREAM, TIME_UNKNOWN, LogEvents

# How far a poll looks back: as far as most events are late, and a second.
_MARGIN_MS = 1_000
_LOOK_BACK_MIN_MS = 2_000
_LOOK_BACK_MAX_MS = 60_000
# As long as no delays are known.
_LOOK_BACK_FIRST_MS = 15_000
# The same within a stream that is read apart.
_STREAM_MARGIN_MS = 100
_STREAM_LOOK_BACK_MAX_MS = 5_000
# A page holds 1 MB: so many events of 2 KB, until a full one has shown how many.
_PAGE_EVENTS = 500
# What a poll may read further back to spare the ladder calls, and what all streams may
# hold to be read together again: shares of a page.
_REACH_SHARE = 0.25
_TOGETHER_SHARE = 0.5
# A page costs a call, full or not: where up to half a polling interval more lets a
# stream fill this much of its last page, its next poll waits for it.
_FULL_SHARE = 0.85
_LONGER_SHARE = 0.5
# A stream found by a settling read has its newest known event a late_window and some
# slices ago; what is silent for longer was rotated away.
_SILENT_MS = 120_000
# How far this clock may be ahead of AWS's, with room.
_CLOCK_AHEAD_MS = 10_000


class Polled(NamedTuple):
    """A poll of all streams that has ended: what it has read, and when it began."""

    start_ms: int
    began_ms: int


class Heads:
    """What a poll reads, and when. Pure logic: milliseconds since the epoch, AWS's clock."""

    def __init__(
        self, *, newest_ms: int | None, late_window_ms: int, polling_interval_ms: int
    ) -> None:
        """newest_ms: of what an earlier capture has delivered."""
        self._silent_ms = late_window_ms + _SILENT_MS
        self._polling_interval_ms = polling_interval_ms
        self._together = Cursor(newest_ms)
        self._streams: dict[str, Cursor] = {}
        self._page_events = _PAGE_EVENTS
        # The poll under way: of `_cursor`, from `_start_ms` on.
        self._poll = Pass()
        self._cursor = self._together
        self._start_ms = self._began_ms = self._new_events = 0
        self._polled: Polled | None = None
        self.apart = False

    def pause_ms(self, now_ms: int) -> int:
        """How long until there is something to read."""
        pause_ms = self._poll.pause_ms(now_ms)
        if pause_ms is not None:
            return pause_ms
        cursors = self._streams.values() if self.apart else (self._together,)
        due_ms = min((cursor.due_ms for cursor in cursors), default=now_ms)
        # A clock that went back must not delay the next poll.
        longest_ms = max(2 * self._polling_interval_ms, BACK_OFF_MAX_MS)
        return due_ms - now_ms if 0 < due_ms - now_ms <= longest_ms else 0

    def ready(
        self,
        now_ms: int,
        *,
        first_ms: int,
        gaps: Sequence[Gap],
        reach_ms: Callable[[int, float, float], int | None],
    ) -> Read | None:
        """What to ask for now, once pause_ms is 0; None while what was refused waits.

        Args:
            first_ms: nothing before it is the head's to read.
            gaps: apart from each other, oldest first.
            reach_ms: Ladder.reach_ms.
        """
        reads = self._poll.reads
        # After an outage: what is due by now is read in slices.
        if not reads or reads[0].start_ms < first_ms - _LOOK_BACK_MAX_MS:
            read = self._stream_read(now_ms) or self._read_together(now_ms, reach_ms)
            self._start_ms = read.start_ms = max(read.start_ms, first_ms)
            self._began_ms, self._new_events = now_ms, 0
            self._poll = Pass(read.around(gaps))
        ready = self._poll.ready(now_ms)
        return ready[0] if ready else None

    def took_page(self, read: Read, now_ms: int) -> None:
        """A page of a poll came in."""
        if read.token is not None and read.events:
            self._page_events = read.largest_page
        if read.done:
            self._new_events += read.events - read.duplicates
            self._poll.took_page(read, now_ms)
            # More than a page that was known already: what a poll looks back does not fit one.
            if not read.streams and read.pages > 1 and read.duplicates > read.largest_page:
                self._go_apart(now_ms)
            self._poll_ended(now_ms)

    @property
    def polled_at_ms(self) -> int | None:
        """When the last poll of the stream began that has waited longest; None before the first."""
        cursors = self._streams.values() if self.apart else (self._together,)
        polled_at_ms = [c.polled_at_ms for c in cursors if c.polled_at_ms is not None]
        return min(polled_at_ms, default=None)

    def take_polled(self) -> Polled | None:
        """What the last poll of all streams has read; once, when it has ended."""
        polled, self._polled = self._polled, None
        return polled

    def refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """AWS has not answered `read`; the gap that it leaves (passes.py).

        A stream that is refused waits, and holds up no other. At the second time its
        range is asked for once of all streams: the fault may be the moment's.
        """
        if not read.streams:
            gap = self._poll.refused(read, now_ms, health)
            self._poll_ended(now_ms)
            return gap
        cursor, self._cursor, self._poll = self._cursor, Cursor(), Pass()
        cursor.refusals += 1
        read.refusals = cursor.refusals
        cursor.due_ms = now_ms + back_off_ms(read)
        if cursor.refusals > 1:
            cursor.newest_ms = cursor.polled_at_ms = now_ms
            self._poll = Pass([Read(Purpose.HEAD, self._start_ms, now_ms)])
        return None

    def token_is_refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """As Pass.token_is_refused(); a stream is left alone, as when it is refused."""
        if read.streams:
            return self.refused(read, now_ms, health)
        gap = self._poll.token_is_refused(read, now_ms, health)
        self._poll_ended(now_ms)
        return gap

    def stream_is_gone(self, read: Read) -> None:
        """The log stream that `read` asked for does not exist any more."""
        for name in read.streams:
            self._streams.pop(name, None)
        self._poll = Pass()

    def leave_out(self, gaps: Sequence[Gap]) -> None:
        """As Pass.leave_out()."""
        self._poll.leave_out(gaps)

    def observe(
        self,
        events: LogEvents,
        places: Sequence[int],
        now_ms: int,
        *,
        is_head: bool,
        back_ms: int,
    ) -> None:
        """Learn from new events which streams there are, and how late their events come.

        Args:
            places: of the new ones among the events.
            is_head: whether a poll has brought them: only that moves a known stream on.
            back_ms: how far before its first event here an unknown stream may begin.
        """
        timestamps_ms, ingestion_ms = events.timestamps_ms, events.ingestion_times_ms
        stream_names = events.stream_names
        for stream, of_stream in _by_stream(events.streams, places).items():
            times_ms = [timestamps_ms[place] for place in of_stream]
            if stream == NO_STREAM:
                cursor = self._together
            else:
                name = stream_names[stream]
                if name not in self._streams:
                    self._streams[name] = Cursor(min(times_ms[0], now_ms) - back_ms)
                cursor = self._streams[name]
            newest_ms = max(times_ms)
            self._together.reached(newest_ms)
            if is_head:
                if newest_ms > now_ms:
                    # An event of the future must not hide what its stream writes until then.
                    newest_ms = max((at_ms for at_ms in times_ms if at_ms <= now_ms), default=0)
                cursor.reached(newest_ms)
            delays_ms = [
                ingestion_ms[place] - timestamps_ms[place]
                for place in of_stream
                if ingestion_ms[place] != TIME_UNKNOWN
            ]
            cursor.observe_delays(delays_ms)

    def _read_together(
        self, now_ms: int, reach_ms: Callable[[int, float, float], int | None]
    ) -> Read:
        cursor = self._cursor = self._together
        self.apart = False
        self._forget_silent(now_ms)
        if cursor.newest_ms is None:
            return Read(Purpose.HEAD, 0, None)
        # A stream whose clock is ahead must not hide what the others write now; and where
        # nothing is written, the last events need not be read for ever.
        seen_until_ms = min(cursor.newest_ms, now_ms)
        if cursor.polled_at_ms is not None:
            seen_until_ms = max(seen_until_ms, cursor.polled_at_ms - _CLOCK_AHEAD_MS)
        start_ms = seen_until_ms - self._look_back_ms
        further_ms = None
        if cursor.events_per_ms is not None:
            further_ms = reach_ms(
                now_ms, cursor.peak_events_per_ms, self._page_events * _REACH_SHARE
            )
        # Open-ended: an API server's clock may be ahead.
        return Read(
            Purpose.HEAD, start_ms if further_ms is None else min(start_ms, further_ms), None
        )

    @property
    def _look_back_ms(self) -> int:
        delays_ms = [cursor.delay_ms for cursor in (self._together, *self._streams.values())]
        high_ms = max((delay_ms for delay_ms in delays_ms if delay_ms is not None), default=None)
        if high_ms is None:
            return _LOOK_BACK_FIRST_MS
        return min(max(high_ms + _MARGIN_MS, _LOOK_BACK_MIN_MS), _LOOK_BACK_MAX_MS)

    def _stream_read(self, now_ms: int) -> Read | None:
        """The stream that is due for longest; None where streams are read together."""
        if not self.apart:
            return None
        self._forget_silent(now_ms)
        name = min(self._streams, key=lambda name: self._streams[name].due_ms, default=None)
        if name is None:
            return None
        cursor = self._cursor = self._streams[name]
        back_ms = min(cursor.spread_ms * 3 // 2 + _STREAM_MARGIN_MS, self._stream_back_max_ms)
        start_ms = (cursor.newest_ms or 0) - back_ms
        return Read(Purpose.HEAD, start_ms, None, streams=(name,), refusals=cursor.refusals)

    @property
    def _stream_back_max_ms(self) -> int:
        return max(self._polling_interval_ms, _STREAM_LOOK_BACK_MAX_MS)

    def _poll_ended(self, now_ms: int) -> None:
        if self._poll.reads:
            return
        cursor = self._cursor
        cursor.polled(self._began_ms, self._new_events)
        cursor.due_ms = now_ms + self._pause_after_ms(cursor, now_ms)
        if cursor is self._together:
            self._polled = Polled(self._start_ms, self._began_ms)
        elif self.apart and self._fits_together():
            self.apart = False

    def _go_apart(self, now_ms: int) -> None:
        self._forget_silent(now_ms)
        self.apart = bool(self._streams)
        for cursor in self._streams.values():
            cursor.due_ms = now_ms + self._polling_interval_ms
            cursor.events_per_ms = cursor.polled_at_ms = None

    def _fits_together(self) -> bool:
        rates = [cursor.events_per_ms for cursor in self._streams.values()]
        known = [rate for rate in rates if rate is not None]
        span_ms = self._look_back_ms + self._polling_interval_ms
        most = self._page_events * _TOGETHER_SHARE
        return len(known) == len(rates) and sum(known) * span_ms < most

    def _pause_after_ms(self, cursor: Cursor, now_ms: int) -> int:
        """How long to wait after this poll."""
        interval_ms = self._polling_interval_ms
        if cursor is self._together or not cursor.events_per_ms:
            return interval_ms
        spent_ms = now_ms - self._began_ms
        page_ms = self._page_events * _FULL_SHARE / cursor.events_per_ms
        pages = ceil((spent_ms + interval_ms) / page_ms)
        longer_ms = round(pages * page_ms) - spent_ms - interval_ms
        return interval_ms + (longer_ms if longer_ms <= interval_ms * _LONGER_SHARE else 0)

    def _forget_silent(self, now_ms: int) -> None:
        first_ms = now_ms - self._silent_ms
        self._streams = {n: c for n, c in self._streams.items() if (c.newest_ms or 0) >= first_ms}


def _by_stream(streams: Sequence[int], places: Iterable[int]) -> dict[int, list[int]]:
    """The places of each stream, in their order; streams in the order of their first."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for place in places:
        found[streams[place]].append(place)
    return found
