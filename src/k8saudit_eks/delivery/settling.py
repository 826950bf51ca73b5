"""The settled mark, and the slices that are read once more in full to move it.

An interval that is older than late_window is complete. Its slice is read in one
chain of pages; after a downtime there are many, and several chains go on side by
side. The mark passes a slice only when the slice and all before it are read.
"""

from __future__ import annotations

from k8saudit_eks.delivery.read import Purpose, Read

SLICE_MS = 30_000
SLICE_MAX_MS = 3_600_000
# A slice that takes more pages than this is split: the ids of an unsettled slice are
# kept, so it must not be long where the log is busy.
SLICE_PAGES_MAX = 8
# The pages of a slice are spread over half the time until the next one: a burst of
# calls would leave the head none.
_GAP_MAX_MS = 250
# A shorter slice is not split any more.
_HALF_MIN_MS = 1_000


class Settling:
    """Pure logic: times are milliseconds since the epoch by AWS's clock.

    Attributes:
        settled_ms: every event before it has been read for the last time.
    """

    def __init__(self, settled_ms: int, late_window_ms: int) -> None:
        self.settled_ms = settled_ms
        self._late_window_ms = late_window_ms
        self._slice_ms = SLICE_MS
        # Adjacent, oldest first, from the settled mark on; those that are done wait
        # for one before them.
        self._slices: list[Read] = []
        # Of the last slice that was read.
        self._pages = 1
        self._gap_ms = _GAP_MAX_MS
        self._page_at_ms = 0

    @property
    def due_ms(self) -> int:
        """When the interval behind the settled mark is old enough."""
        return self._due_ms(self.settled_ms)

    def due_until_ms(self, now_ms: int) -> int:
        """From when on an interval is not old enough yet."""
        return now_ms - SLICE_MS - self._late_window_ms

    def is_due(self, now_ms: int) -> bool:
        """Whether there is anything to read."""
        return bool(self._slices) or now_ms >= self.due_ms

    def pause_ms(self, now_ms: int) -> int:
        """How long to leave calls to the head; 0 when the next page may be read."""
        if not self.is_due(now_ms):
            return max(1, self.due_ms - now_ms)
        # A clock that was corrected backwards must not prolong it.
        return min(max(0, self._page_at_ms + self._gap_ms - now_ms), self._gap_ms)

    def reads(self, now_ms: int, most: int) -> list[Read]:
        """The oldest chains under way and due, at most so many; at least one if is_due.

        No more than a slice has pages: where one page holds a slice, a longer slice
        costs fewer calls than several side by side.
        """
        reads = [read for read in self._slices if not read.done]
        wide = max([self._pages, *(read.pages + 1 for read in reads if read.token is not None)])
        reads = reads[:most]
        while len(reads) < min(most, wide):
            start_ms = _end_ms(self._slices[-1]) + 1 if self._slices else self.settled_ms
            if now_ms < self._due_ms(start_ms):
                break
            ready_ms = now_ms - self._late_window_ms - start_ms
            length_ms = max(SLICE_MS, min(self._slice_ms, ready_ms))
            read = Read(Purpose.SETTLE, start_ms, start_ms + length_ms - 1)
            self._slices.append(read)
            reads.append(read)
        return reads

    def took_page(self, read: Read, now_ms: int) -> int | None:
        """A page of `read` came in; the settled mark, if that moved it."""
        self._page_at_ms = now_ms
        if read not in self._slices:
            # Given up for shorter ones while its page was under way.
            return None
        if read.done:
            # A backlog without many events is settled in ever longer slices.
            longer_ms = min(_length_ms(read) * 2, SLICE_MAX_MS)
            self._slice_ms = longer_ms if read.pages == 1 else SLICE_MS
            self._pages = read.pages
            self._gap_ms = min(_GAP_MAX_MS, SLICE_MS // 2 // read.pages)
            return self._advance()
        if read.pages >= SLICE_PAGES_MAX:
            if _length_ms(read) > SLICE_MS:
                del self._slices[self._slices.index(read) :]
            self._slice_ms = SLICE_MS
        return None

    def split(self, read: Read) -> None:
        """Begin a chain again that broke off: as two of half its length.

        Where page tokens are refused by chance, a long chain hardly ever ends.
        """
        half_ms = _length_ms(read) // 2
        if read.pages < 2 or half_ms < _HALF_MIN_MS or read not in self._slices:
            read.restart()
            return
        middle_ms = read.start_ms + half_ms
        first = Read(read.purpose, read.start_ms, middle_ms - 1)
        second = Read(read.purpose, middle_ms, read.end_ms)
        at = self._slices.index(read)
        self._slices[at : at + 1] = [first, second]

    def _advance(self) -> int | None:
        before_ms = self.settled_ms
        while self._slices and self._slices[0].done:
            self.settled_ms = _end_ms(self._slices.pop(0)) + 1
        return self.settled_ms if self.settled_ms > before_ms else None

    def _due_ms(self, start_ms: int) -> int:
        return start_ms + SLICE_MS + self._late_window_ms


def _end_ms(read: Read) -> int:
    assert read.end_ms is not None  # noqa: S101 (slices have an end)
    return read.end_ms


def _length_ms(read: Read) -> int:
    return _end_ms(read) - read.start_ms + 1
