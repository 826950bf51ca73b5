"""Which ranges of the log group to read next, and which events of a page are new.

Pure logic: pages and the time come from outside.

Two things are read. The head, for promptness: from a little before the newest event,
again and again; of a busy log group, each stream by itself (heads.py). And between
polls settling slices, for completeness: once an interval is older than late_window it
is read once more in full, and after that never again (settling.py). So nothing
depends on what the head assumes about order and delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from k8saudit_eks.delivery.disorder import Delays, Disorder
from k8saudit_eks.delivery.heads import SCOUT_EVERY_MS, StreamHeads
from k8saudit_eks.delivery.read import Purpose, Read
from k8saudit_eks.delivery.seen import Key, SeenIds
from k8saudit_eks.delivery.settling import SLICE_MS, Settling

# So much behind the usual is worth a word.
BACKLOG_MS = 60_000
OVERLAP_MIN_MS = 2_000
OVERLAP_MAX_MS = 60_000
# At least, until the first settling read has shown what the head misses: a stream
# that lags more than the overlap has no delays to be observed.
OVERLAP_FIRST_MS = 30_000


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
        self._settling = Settling(settled_ms, late_window_ms)
        self._seen = seen
        self._polling_interval_ms = polling_interval_ms
        self._newest_ms: int | None = seen.newest_ms()
        # What is older was never the head's to find.
        self._head_since_ms: int | None = None
        self._delays = Delays()
        self._disorder = Disorder()
        self._overlap_ms = OVERLAP_FIRST_MS
        self._head: Read | None = None
        self._poll_at_ms = 0
        self._was_busy = False
        # Between two refusals of a slice.
        self._is_heads_turn = False
        self._head_refused = False
        self._heads = StreamHeads(
            late_window_ms=late_window_ms, polling_interval_ms=polling_interval_ms
        )

    @property
    def settled_ms(self) -> int:
        """Every event before it has been read for the last time."""
        return self._settling.settled_ms

    def next_reads(self, now_ms: int, most: int = 1) -> list[Read] | int:
        """The requests to make now, or how many milliseconds to wait before asking again.

        Args:
            most: of a backlog, up to so many chains are read side by side, oldest first.

        The same answer until page() or refused() was called for them.
        """
        head_ms = self._head_pause_ms(now_ms)
        settle_ms = self._settling.pause_ms(now_ms)
        # A backlog is read oldest first; so a head that never ends can't starve it. Nor
        # can a slice that is refused again and again starve the head.
        if self._is_behind(now_ms) and not (self._is_heads_turn and head_ms == 0):
            reads = self._settling.reads(now_ms, most)
        elif head_ms == 0:
            reads = [self._head_read(now_ms)]
        elif settle_ms == 0:
            reads = self._settling.reads(now_ms, 1)
        else:
            return min(head_ms, settle_ms)
        for read in reads:
            read.drop_old_token(now_ms)
        return reads

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
        self._observe(read, events, fresh, late, now_ms)
        read.took(len(events), duplicates, next_token, now_ms)
        self._is_heads_turn = False
        if read.purpose is not Purpose.SETTLE:
            self._head_refused = False
        moved_ms = None
        if read.purpose is Purpose.SETTLE:
            moved_ms = self._settling.took_page(read, now_ms)
            if moved_ms is not None:
                self._seen.forget_before(moved_ms)
        elif read.done:
            self._head_done(read, now_ms)
        return News(fresh, keys, duplicates, late, moved_ms)

    def behind_ms(self, now_ms: int) -> int:
        """How much more than usual is not settled; 0 up to BACKLOG_MS."""
        behind_ms = now_ms - self._settling.due_ms
        return behind_ms if behind_ms > BACKLOG_MS else 0

    def refused(self, reads: Sequence[Read]) -> None:
        """All of next_reads() went unanswered."""
        self._is_heads_turn = reads[0].purpose is Purpose.SETTLE
        if not self._is_heads_turn:
            self._head_refused = True

    def patience_ms(self, now_ms: int) -> int | None:
        """How long the head leaves for backing off; None while it is not the next to be asked.

        Nor where heads are refused, too: then nothing is gained by asking sooner.
        """
        if self._head_refused or (self._is_behind(now_ms) and not self._is_heads_turn):
            return None
        return self._head_pause_ms(now_ms)

    def token_is_refused(self, read: Read) -> None:
        """What is left of the chain can't be had: it begins again, a slice as two halves."""
        if read.purpose is Purpose.SETTLE:
            self._settling.split(read)
        else:
            read.restart()

    def stream_is_gone(self, read: Read, now_ms: int) -> None:
        """The log stream that `read` asked for does not exist any more."""
        for name in read.streams:
            self._heads.drop(name)
        self._head_done(read, now_ms)

    def _head_pause_ms(self, now_ms: int) -> int:
        if self._head is not None:
            return 0
        # A clock that was corrected backwards must not delay the next poll.
        return min(max(0, self._poll_at_ms - now_ms), 2 * self._polling_interval_ms)

    def _is_behind(self, now_ms: int) -> bool:
        return now_ms - self._settling.due_ms >= SLICE_MS

    def _head_read(self, now_ms: int) -> Read:
        if self._head is None and self._heads.busy:
            self._head = self._stream_read(now_ms)
        if self._head is None:
            start_ms = self.settled_ms
            if self._newest_ms is not None:
                # A stream whose clock is ahead must not hide what the others write now.
                newest_ms = min(self._newest_ms, now_ms)
                start_ms = max(start_ms, newest_ms - self._overlap_ms)
                if self._was_busy:
                    start_ms = min(start_ms, self._heads.leave(start_ms - OVERLAP_MAX_MS))
                    start_ms = max(start_ms, self.settled_ms)
            if self._is_behind(now_ms):
                # What is due is read in slices.
                start_ms = max(start_ms, self._settling.due_until_ms(now_ms))
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
        stream = self._heads.next_stream(self._disorder.high_ms, now_ms)
        if stream is None:
            return None
        name, start_ms = stream
        return Read(Purpose.HEAD, max(start_ms, self.settled_ms), None, streams=(name,))

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
        if not read.streams:
            self._poll_at_ms = now_ms + self._polling_interval_ms
            return
        heads.stream_read(read.events)
        if heads.round_done:
            self._poll_at_ms = now_ms + heads.pause_ms(now_ms)

    def _observe(
        self,
        read: Read,
        events: Sequence[dict[str, Any]],
        fresh: list[dict[str, Any]],
        late: int,
        now_ms: int,
    ) -> None:
        """Learn from a page which streams there are, and how late and orderly they are."""
        if not read.streams and read.purpose is not Purpose.SCOUT:
            self._disorder.observe(events)
        self._heads.observe(
            events,
            now_ms,
            head=read.purpose is Purpose.HEAD,
            back_ms=SCOUT_EVERY_MS + self._overlap_ms if read.purpose is Purpose.SCOUT else 0,
        )
        # What a settling read meets first has waited for it, unless the head missed it.
        if not fresh or (read.purpose is Purpose.SETTLE and not late):
            return
        self._delays.observe(fresh)
        high_ms = self._delays.high_ms()
        if high_ms is not None:
            proven = self._head_since_ms is not None and self.settled_ms > self._head_since_ms
            least_ms = OVERLAP_MIN_MS if proven else OVERLAP_FIRST_MS
            self._overlap_ms = min(max(high_ms, least_ms), OVERLAP_MAX_MS)
