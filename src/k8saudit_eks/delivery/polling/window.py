"""Which ranges of the log group to read next, and which events of a page are new.

Pure logic: pages and the time come from outside. The head is read for promptness
(heads.py), the ladder for what is late (ladder.py), the slices that settle for
completeness (settling.py); schedule.py says whose turn it is. Nothing but settling and
gaps (gaps.py) has to be right for every event to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from k8saudit_eks.delivery.ledger.protocol import Gap, Mark
from k8saudit_eks.delivery.polling.gaps import Gaps
from k8saudit_eks.delivery.polling.heads import Heads
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.ladder import Ladder
from k8saudit_eks.delivery.polling.passes import REFUSALS_MAX, may_have_no_end
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.schedule import Schedule
from k8saudit_eks.delivery.polling.settling import Settling
from k8saudit_eks.delivery.seen import Key, SeenIds
from k8saudit_eks.log_events import TIME_UNKNOWN, LogEvents

# So much behind the usual is worth a word.
BACKLOG_MS = 60_000


class PageResult(NamedTuple):
    """What a page brought.

    Attributes:
        fresh: the places of the events to be delivered, in their order on the page.
        keys: of the same events.
        duplicates: how many more had been delivered already.
        late: how many of `fresh` had to wait for the settling read.
        delay_ms: the longest time that one of `fresh` took to become visible.
    """

    fresh: list[int]
    keys: list[Key]
    duplicates: int
    late: int
    delay_ms: int


class Window:
    """One log group's reading: what is settled, what was seen, what comes next.

    Times are milliseconds since the epoch by AWS's clock.
    """

    def __init__(
        self,
        *,
        settled_ms: int,
        seen: SeenIds,
        now_ms: int,
        late_window_ms: int,
        polling_interval_ms: int,
        give_up_after_ms: int,
        gaps: Sequence[Gap] = (),
    ) -> None:
        """
        Args:
            settled_ms: nothing before it will be read, but for gaps.
            seen: what was delivered since then.
            give_up_after_ms: what AWS refuses is asked for until it is so old.
        """
        self._late_window_ms = late_window_ms
        self._settling = Settling(settled_ms, late_window_ms)
        self._gaps = Gaps(gaps, give_up_after_ms)
        self._heads = Heads(
            newest_ms=seen.newest_ms(),
            late_window_ms=late_window_ms,
            polling_interval_ms=polling_interval_ms,
        )
        self._ladder = Ladder(
            since_ms=settled_ms,
            now_ms=now_ms,
            late_window_ms=late_window_ms,
            polling_interval_ms=polling_interval_ms,
        )
        self._schedule = Schedule(
            self._heads, self._settling, self._gaps, self._ladder, polling_interval_ms
        )
        self._parts: dict[Purpose, Heads | Ladder | Settling | Gaps] = {
            Purpose.HEAD: self._heads,
            Purpose.REREAD: self._ladder,
            Purpose.SAMPLE: self._ladder,
            Purpose.SETTLE: self._settling,
            Purpose.GAP: self._gaps,
        }
        self._seen = seen
        # What is older was never the head's to find.
        self._head_since_ms: int | None = None
        self._health = Health()
        self._mark = Mark(settled_ms, tuple(gaps))

    @property
    def settled_ms(self) -> int:
        """Every event before it has been read for the last time, but for gaps."""
        return self._settling.settled_ms

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What AWS refuses, apart from each other, oldest first."""
        return self._gaps.ranges

    @property
    def rungs_resting(self) -> int:
        """How many rungs of the ladder do not read at present."""
        return self._ladder.resting

    def next_reads(
        self,
        now_ms: int,
        most: int = 1,
        *,
        has_spare: bool = True,
        is_clock_sure: bool = True,
    ) -> list[Read] | int:
        """The requests to make now, or how many milliseconds to wait before asking again.

        Args:
            most: of a backlog, up to so many chains are read side by side, oldest first.
            has_spare: whether the call budget leaves calls for what can wait.
            is_clock_sure: whether what is old enough to settle can be told.
        """
        reads = self._schedule.next_reads(
            now_ms, most, has_spare=has_spare, is_clock_sure=is_clock_sure
        )
        if self._head_since_ms is None and not isinstance(reads, int):
            heads_ms = [read.start_ms for read in reads if read.purpose is Purpose.HEAD]
            self._head_since_ms = min(heads_ms, default=None)
        return reads

    def page(
        self, read: Read, events: LogEvents, next_token: str | None, now_ms: int
    ) -> PageResult:
        """Take the answer to `read`; what is in it counts as seen from here on."""
        timestamps_ms = events.timestamps_ms
        places: Sequence[int] = range(len(events))
        # Settled and forgotten while this chain was under way.
        first_ms = 0 if read.purpose is Purpose.GAP else self.settled_ms
        if min(timestamps_ms, default=first_ms) < first_ms:
            places = [place for place in places if timestamps_ms[place] >= first_ms]
        fresh, keys = self._seen.add(timestamps_ms, events.keys, places)
        duplicates = len(places) - len(fresh)
        # An empty page in the middle of a chain says nothing: the chain may have no end.
        if len(events) or next_token is None:
            self._health.answered(read, now_ms)
        read.took(len(events), duplicates, next_token, now_ms)
        if read.purpose is Purpose.GAP and read.done and self._was_read_too_early(read):
            read.restart()
        late, delay_ms = self._observe(read, events, fresh, now_ms)
        self._parts[read.purpose].took_page(read, now_ms)
        if may_have_no_end(read):
            read.empty_pages = 0
            self._health.refused(read)
            read.refusals = max(read.refusals, REFUSALS_MAX - 1)
            self._refused(read, now_ms)
        return PageResult(fresh, keys, duplicates, late, delay_ms)

    def refused(self, read: Read, now_ms: int) -> None:
        """AWS has not answered `read`, and the fault may be the range's own."""
        self._health.refused(read)
        self._refused(read, now_ms)

    def _refused(self, read: Read, now_ms: int) -> None:
        self._leave(self._parts[read.purpose].refused(read, now_ms, self._health), read, now_ms)

    def token_is_refused(self, read: Read, now_ms: int) -> None:
        """What is left of the chain can't be had."""
        self._health.refused(read)
        part = self._parts[read.purpose]
        self._leave(part.token_is_refused(read, now_ms, self._health), read, now_ms)

    def stream_is_gone(self, read: Read) -> None:
        """The log stream that `read` asked for does not exist any more."""
        self._heads.stream_is_gone(read)

    def clock_was_ahead(self) -> None:
        """What is under way may have been read too early to be settled."""
        self._settling.begin_again()

    def take_mark(self) -> Mark | None:
        """How far everything is read, and what is left out, once when that has changed.

        To be remembered as soon as the host has evaluated every event taken before.
        """
        mark = Mark(self.settled_ms, self._gaps.ranges)
        if mark == self._mark:
            return None
        self._mark = mark
        self._seen.forget_before(mark.settled_ms, mark.gaps)
        return mark

    def give_up(self, now_ms: int) -> int:
        """Leave gaps alone that are too old; how many milliseconds of the log those are."""
        return self._gaps.give_up(now_ms)

    def behind_ms(self, now_ms: int) -> int:
        """How much more than usual is not settled; 0 up to BACKLOG_MS."""
        behind_ms = now_ms - self._settling.due_ms
        return behind_ms if behind_ms > BACKLOG_MS else 0

    def _was_read_too_early(self, gap: Read) -> bool:
        """Whether something may still have come late, and no slice will find it."""
        end_ms = gap.start_ms if gap.end_ms is None else gap.end_ms
        is_settled = self._settling.has_planned(gap.start_ms)
        return is_settled and gap.began_ms < end_ms + self._late_window_ms

    def _leave(self, gap: Gap | None, read: Read, now_ms: int) -> None:
        if gap is None:
            return
        if read.purpose is not Purpose.SETTLE:
            # What has been settled meanwhile is read, and its ids are forgotten.
            gap = gap._replace(start_ms=max(gap.start_ms, self.settled_ms))
            if gap.start_ms > gap.end_ms:
                return
        self._gaps.add(gap, read, now_ms)
        for part in (self._heads, self._ladder, self._settling):
            part.leave_out(self._gaps.ranges)

    def _observe(
        self, read: Read, events: LogEvents, fresh: Sequence[int], now_ms: int
    ) -> tuple[int, int]:
        """Learn from new events; how many the head had missed for good, and the longest delay."""
        is_head = read.purpose is Purpose.HEAD
        back_ms = 2 * self._schedule.sample_every_ms if read.purpose is Purpose.SAMPLE else 0
        self._heads.observe(events, fresh, now_ms, is_head=is_head, back_ms=back_ms)
        since_ms = self._head_since_ms
        if is_head or since_ms is None:
            return 0, 0
        timestamps_ms, ingestion_ms = events.timestamps_ms, events.ingestion_times_ms
        delays_ms = [
            (now_ms if ingestion_ms[place] == TIME_UNKNOWN else ingestion_ms[place])
            - timestamps_ms[place]
            for place in fresh
            if timestamps_ms[place] >= since_ms
        ]
        self._ladder.found(delays_ms, now_ms)
        # What a settling read meets first has waited for it, unless the head missed it.
        is_late = read.purpose in (Purpose.SETTLE, Purpose.GAP)
        return len(delays_ms) if is_late else 0, max((0, *delays_ms))
