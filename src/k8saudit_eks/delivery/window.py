"""Which range of the log group to read next, and which events of a page are new.

Pure logic: pages and the time come from outside.

Two things are read in turns. The head, for promptness: from a little before the
newest event, again and again; of a busy log group, each stream by itself (heads.py).
And settling slices, for completeness: once an
interval is older than late_window it is read once more in full, and after that
never again. So nothing depends on what the head assumes about order and delay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from k8saudit_eks.delivery.heads import SCOUT_EVERY_MS, StreamHeads
from k8saudit_eks.delivery.seen import Key, SeenIds

SLICE_MS = 30_000
SLICE_MAX_MS = 3_600_000
# So much behind the usual is worth a word.
BACKLOG_MS = 60_000
# A slice that takes more pages than this is split: the ids of an unsettled slice are
# kept, so it must not be long where the log is busy.
SLICE_PAGES_MAX = 8
OVERLAP_MIN_MS = 2_000
OVERLAP_MAX_MS = 60_000
# At least, until the first settling read has shown what the head misses: a stream
# that lags more than the overlap has no delays to be observed.
OVERLAP_FIRST_MS = 30_000
# CloudWatch's page tokens expire after 24 hours, and some servers answer a bad
# token with an empty page, as if the chain had ended: never use an old one.
TOKEN_MAX_AGE_MS = 12 * 3600 * 1000

_DELAYS_KEPT = 2_000
_DELAYS_OF_A_PAGE = 200


class Purpose(Enum):
    """Why a range is read."""

    HEAD = "head"
    SETTLE = "settle"
    SCOUT = "scout"


@dataclass
class Read:
    """A chain of pages to be read: the next request is this, with this token.

    Attributes:
        start_ms, end_ms: inclusive; an end of None is open.
        streams: only these log streams; empty for all.
        token: of the next page; None for the first.
        limit: events on a page at most; None for as many as there are.
        token_at_ms: when the token was got.
        pages, events, duplicates, largest_page: what was read so far; the last in events.
    """

    purpose: Purpose
    start_ms: int
    end_ms: int | None
    streams: tuple[str, ...] = ()
    token: str | None = None
    limit: int | None = None
    token_at_ms: int = 0
    pages: int = 0
    events: int = 0
    duplicates: int = 0
    largest_page: int = 0


class News(NamedTuple):
    """What a page brought.

    Attributes:
        events: to be delivered, as CloudWatch gave them.
        keys: of the same events.
        duplicates: how many more had been delivered already.
        late: how many of `events` the head had missed.
        settled_ms: the settled mark, if this page moved it.
    """

    events: list[dict[str, Any]]
    keys: list[Key]
    duplicates: int
    late: int
    settled_ms: int | None


class Window:
    """One log group's reading: what is settled, what was seen, what comes next.

    Times are milliseconds since the epoch by AWS's clock.
    """

    def __init__(
        self,
        *,
        settled_ms: int,
        seen: SeenIds,
        late_window_ms: int,
        polling_interval_ms: int,
    ) -> None:
        """
        Args:
            settled_ms: nothing before it will be read.
            seen: what was delivered since then.
        """
        self.settled_ms = settled_ms
        self._seen = seen
        self._late_window_ms = late_window_ms
        self._polling_interval_ms = polling_interval_ms
        remembered_ms = seen.newest_ms()
        self._newest_ms: int | None = remembered_ms
        # What is older was never the head's to find.
        self._head_since_ms: int | None = None
        self._delays_ms: deque[int] = deque(maxlen=_DELAYS_KEPT)
        self._overlap_ms = OVERLAP_FIRST_MS
        self._head: Read | None = None
        self._settling: Read | None = None
        self._poll_at_ms = 0
        self._slice_ms = SLICE_MS
        self._turn = Purpose.SETTLE
        self._was_busy = False
        self._heads = StreamHeads(
            late_window_ms=late_window_ms, polling_interval_ms=polling_interval_ms
        )

    def next_read(self, now_ms: int) -> Read | int:
        """The request to make now, or how many milliseconds to wait before asking again.

        The same answer until page() or restart() was called for it.
        """
        due_ms = self._settle_due_ms()
        settling = self._settling is not None or now_ms >= due_ms
        # A clock that was corrected backwards must not delay the next poll.
        wait_ms = min(self._poll_at_ms - now_ms, self._polling_interval_ms)
        head = self._head is not None or wait_ms <= 0
        if settling and head:
            # Backlog first, oldest first; otherwise in turns.
            behind = now_ms - due_ms >= SLICE_MS
            purpose = Purpose.SETTLE if behind else self._turn
        elif settling:
            purpose = Purpose.SETTLE
        elif head:
            purpose = Purpose.HEAD
        else:
            return max(1, min(wait_ms, due_ms - now_ms))
        read = self._settle_read(now_ms) if purpose is Purpose.SETTLE else self._head_read(now_ms)
        if read.token is not None and now_ms - read.token_at_ms > TOKEN_MAX_AGE_MS:
            read.token = None
        return read

    def page(
        self, read: Read, events: Sequence[dict[str, Any]], next_token: str | None, now_ms: int
    ) -> News:
        """Take the answer to `read`; what is in it counts as seen from here on."""
        fresh: list[dict[str, Any]] = []
        keys: list[Key] = []
        duplicates = late = 0
        settled_ms = self.settled_ms
        head_since_ms = self._head_since_ms
        add = self._seen.add
        newest_ms = self._newest_ms
        for event in events:
            timestamp_ms = event["timestamp"]
            # Settled and forgotten while this chain was under way.
            if timestamp_ms < settled_ms:
                continue
            key = add(timestamp_ms, event["eventId"])
            if key is None:
                duplicates += 1
                continue
            fresh.append(event)
            keys.append(key)
            if newest_ms is None or timestamp_ms > newest_ms:
                newest_ms = timestamp_ms
            if (
                read.purpose is Purpose.SETTLE
                and head_since_ms is not None
                and timestamp_ms >= head_since_ms
            ):
                late += 1
        self._newest_ms = newest_ms
        if read.purpose is not Purpose.SETTLE or late:
            self._observe_delays(fresh)
        self._heads.observe(
            events,
            head=read.purpose is Purpose.HEAD,
            back_ms=SCOUT_EVERY_MS + self._overlap_ms if read.purpose is Purpose.SCOUT else 0,
        )
        read.pages += 1
        read.events += len(events)
        read.duplicates += duplicates
        read.largest_page = max(read.largest_page, len(events))
        moved_ms = self._advance(read, next_token, now_ms)
        return News(fresh, keys, duplicates, late, moved_ms)

    def behind_ms(self, now_ms: int) -> int:
        """How much more than usual is not settled; 0 up to BACKLOG_MS."""
        behind_ms = now_ms - self._settle_due_ms()
        return behind_ms if behind_ms > BACKLOG_MS else 0

    def restart(self, read: Read) -> None:
        """Read the same range again from its first page: the token was refused."""
        read.token = None
        read.pages = read.events = read.duplicates = read.largest_page = 0

    def stream_is_gone(self, read: Read, now_ms: int) -> None:
        """The log stream that `read` asked for does not exist any more."""
        for name in read.streams:
            self._heads.drop(name)
        self._head_done(read, now_ms)

    @property
    def busy(self) -> bool:
        """Whether each stream is read by itself."""
        return self._heads.busy

    @property
    def overlap_ms(self) -> int:
        """How far before the newest event the head reads again."""
        return self._overlap_ms

    def _settle_due_ms(self) -> int:
        return self.settled_ms + SLICE_MS + self._late_window_ms

    def _settle_read(self, now_ms: int) -> Read:
        if self._settling is None:
            start_ms = self.settled_ms
            due_ms = now_ms - self._late_window_ms - start_ms
            length_ms = max(SLICE_MS, min(self._slice_ms, due_ms))
            self._settling = Read(Purpose.SETTLE, start_ms, start_ms + length_ms - 1)
        return self._settling

    def _head_read(self, now_ms: int) -> Read:
        if self._head is None and self._heads.busy:
            self._head = self._stream_read(now_ms)
        if self._head is None:
            start_ms = self.settled_ms
            if self._newest_ms is not None:
                start_ms = max(start_ms, self._newest_ms - self._overlap_ms)
                if self._was_busy:
                    start_ms = min(start_ms, self._heads.leave(start_ms - OVERLAP_MAX_MS))
                    start_ms = max(start_ms, self.settled_ms)
            self._was_busy = False
            if self._head_since_ms is None:
                self._head_since_ms = start_ms
            # Open-ended: an API server's clock may be ahead.
            self._head = Read(Purpose.HEAD, start_ms, None)
        return self._head

    def _stream_read(self, now_ms: int) -> Read | None:
        """The scout when it is due, or the next stream; None when there are none."""
        scout_ms = self._heads.scout_range_ms(self._overlap_ms, now_ms)
        if scout_ms is not None and scout_ms[0] >= self.settled_ms:
            return Read(Purpose.SCOUT, *scout_ms)
        stream = self._heads.next_stream(now_ms)
        if stream is None:
            return None
        name, start_ms = stream
        return Read(Purpose.HEAD, max(start_ms, self.settled_ms), None, streams=(name,))

    def _advance(self, read: Read, next_token: str | None, now_ms: int) -> int | None:
        """Move on to the next page, or to what comes after the chain."""
        self._turn = Purpose.HEAD if read.purpose is Purpose.SETTLE else Purpose.SETTLE
        if next_token is not None:
            read.token = next_token
            read.token_at_ms = now_ms
            if read.purpose is Purpose.SETTLE and read.pages >= SLICE_PAGES_MAX:
                if self._slice_ms > SLICE_MS:
                    self._settling = None
                self._slice_ms = SLICE_MS
            return None
        if read.purpose is not Purpose.SETTLE:
            self._head_done(read, now_ms)
            return None
        assert read.end_ms is not None  # noqa: S101 (settling slices have an end)
        self._settling = None
        # A backlog without many events is settled in ever longer slices.
        self._slice_ms = self._slice_ms * 2 if read.pages == 1 else SLICE_MS
        self._slice_ms = min(self._slice_ms, SLICE_MAX_MS)
        self.settled_ms = read.end_ms + 1
        self._seen.forget_before(self.settled_ms)
        return self.settled_ms

    def _head_done(self, read: Read, now_ms: int) -> None:
        self._head = None
        heads = self._heads
        if read.purpose is Purpose.SCOUT:
            # Between two streams, or before the first: no poll ends here.
            heads.scouted(read.events, self._overlap_ms)
            return
        # More than a page that was known already: the overlap does not fit one.
        if not read.streams and read.pages > 1 and read.duplicates > read.largest_page:
            heads.begin(read.largest_page, now_ms)
            self._was_busy = heads.busy
        if not read.streams or heads.round_done:
            self._poll_at_ms = now_ms + self._polling_interval_ms

    def _observe_delays(self, fresh: Sequence[dict[str, Any]]) -> None:
        """The overlap follows the 99th percentile of the recent ingestion delays."""
        step = len(fresh) // _DELAYS_OF_A_PAGE + 1
        for event in fresh[::step]:
            ingestion_ms = event.get("ingestionTime")
            if isinstance(ingestion_ms, int):
                self._delays_ms.append(ingestion_ms - event["timestamp"])
        if fresh and self._delays_ms:
            delays_ms = sorted(self._delays_ms)
            high_ms = delays_ms[len(delays_ms) * 99 // 100]
            proven = self._head_since_ms is not None and self.settled_ms > self._head_since_ms
            least_ms = OVERLAP_MIN_MS if proven else OVERLAP_FIRST_MS
            self._overlap_ms = min(max(high_ms, least_ms), OVERLAP_MAX_MS)
