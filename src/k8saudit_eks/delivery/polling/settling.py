"""The settled mark, and the slices that are read once more in full to move it.

An interval that is older than late_window is complete. Its slice is read in one
chain of pages; after a downtime there are many, and several chains go on side by
side. The mark passes a slice only when the slice and all before it are read, or have
become gaps (gaps.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import PARTS_MAX, Pass
from k8saudit_eks.delivery.polling.read import Purpose, Read

SLICE_MS = 30_000
SLICE_MAX_MS = 3_600_000
# A slice that takes more pages than this is split: the ids of an unsettled slice are
# kept, so it must not be long where the log is busy.
SLICE_PAGES_MAX = 8
# The pages of a slice are spread over half the time until the next one: a burst of
# calls would leave the head none.
_GAP_MAX_MS = 250


class Settling:
    """Pure logic: times are milliseconds since the epoch by AWS's clock."""

    def __init__(self, settled_ms: int, late_window_ms: int) -> None:
        self._late_window_ms = late_window_ms
        self._slice_ms = SLICE_MS
        self._slices = Pass()
        # Where the next slice begins.
        self._planned_ms = settled_ms
        # Of the last slice that was read.
        self._pages = 1
        self._pause_ms = _GAP_MAX_MS
        self._page_at_ms = 0

    @property
    def settled_ms(self) -> int:
        """Every event before it has been read for the last time, but for gaps."""
        return self._slices.reads[0].start_ms if self._slices.reads else self._planned_ms

    @property
    def due_ms(self) -> int:
        """When the interval behind the settled mark is old enough."""
        return self._due_ms(self.settled_ms)

    def due_until_ms(self, now_ms: int) -> int:
        """From when on an interval is not old enough yet."""
        return now_ms - SLICE_MS - self._late_window_ms

    def is_behind(self, now_ms: int) -> bool:
        """Whether there is more than one slice to read: a backlog."""
        return now_ms - self.due_ms >= SLICE_MS

    def pause_ms(self, now_ms: int) -> int:
        """How long to leave the calls to others; 0 when a page may be read."""
        pause_ms = self._slices.pause_ms(now_ms)
        if pause_ms is None or (pause_ms > 0 and self._may_begin):
            next_ms = max(0, self._due_ms(self._planned_ms) - now_ms)
            pause_ms = next_ms if pause_ms is None else min(pause_ms, next_ms)
        if pause_ms > 0 or self.is_behind(now_ms):
            return pause_ms
        # A clock that was corrected backwards must not prolong it.
        return min(max(0, self._page_at_ms + self._pause_ms - now_ms), self._pause_ms)

    def reads(self, now_ms: int, most: int, gaps: Sequence[Gap]) -> list[Read]:
        """The oldest chains under way and due, at most so many.

        No more than a slice has pages: where one page holds a slice, a longer slice
        costs fewer calls than several side by side.
        """
        reads = self._slices.ready(now_ms)
        wide = max([self._pages, *(read.pages + 1 for read in reads if read.token is not None)])
        reads = reads[:most]
        while len(reads) < min(most, wide):
            start_ms = self._planned_ms
            if now_ms < self._due_ms(start_ms) or not self._may_begin:
                break
            ready_ms = now_ms - self._late_window_ms - start_ms
            length_ms = max(SLICE_MS, min(self._slice_ms, ready_ms))
            self._planned_ms = start_ms + length_ms
            parts = Read(Purpose.SETTLE, start_ms, self._planned_ms - 1).around(gaps)
            self._slices.reads += parts
            reads += parts
        return reads[:most]

    def took_page(self, read: Read, now_ms: int) -> None:
        """A page of `read` came in."""
        self._page_at_ms = now_ms
        if read not in self._slices.reads:
            # Given up for shorter ones while its page was under way.
            return
        if read.done:
            # A backlog without many events is settled in ever longer slices.
            longer_ms = min(read.length_ms(now_ms) * 2, SLICE_MAX_MS)
            self._slice_ms = longer_ms if read.pages == 1 else SLICE_MS
            self._pages = read.pages
            self._pause_ms = min(_GAP_MAX_MS, SLICE_MS // 2 // read.pages)
            self._slices.took_page(read, now_ms)
        elif read.pages >= SLICE_PAGES_MAX:
            if read.length_ms(now_ms) > SLICE_MS:
                self._drop_from(read)
            self._slice_ms = SLICE_MS

    def has_planned(self, at_ms: int) -> bool:
        """Whether a slice with this moment, or around it, has begun or is read."""
        return at_ms < self._planned_ms

    def refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """As Pass.refused()."""
        return self._slices.refused(read, now_ms, health)

    def token_is_refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """As Pass.token_is_refused()."""
        return self._slices.token_is_refused(read, now_ms, health)

    def leave_out(self, gaps: Sequence[Gap]) -> None:
        """As Pass.leave_out()."""
        self._slices.leave_out(gaps)

    def begin_again(self) -> None:
        """The clock was ahead: what is under way may have been read too early."""
        self._planned_ms = self.settled_ms
        self._slices = Pass()

    @property
    def _may_begin(self) -> bool:
        """While much is refused, no more slices are asked for."""
        return sum(read.refusals > 0 for read in self._slices.reads) <= PARTS_MAX

    def _drop_from(self, read: Read) -> None:
        self._planned_ms = read.start_ms
        self._slices = Pass(r for r in self._slices.reads if r.start_ms < read.start_ms)

    def _due_ms(self, start_ms: int) -> int:
        return start_ms + SLICE_MS + self._late_window_ms
