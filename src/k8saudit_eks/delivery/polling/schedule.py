"""Whose turn it is to be read.

1. A poll of the head and the slices that settle come first. When both have something to
   read they take turns, or go side by side: neither can hold up the other.
2. A gap comes when none of these is due and the call budget leaves calls; and it comes
   before them when none has been read for ten seconds.
3. The ladder comes when nothing else is due and the call budget leaves calls.
4. What AWS has refused waits, for itself alone: twice as long each time (passes.py).
"""

from __future__ import annotations

from k8saudit_eks.delivery.polling.gaps import Gaps
from k8saudit_eks.delivery.polling.heads import Heads
from k8saudit_eks.delivery.polling.ladder import Ladder
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.settling import Settling

_GAP_EVERY_MS = 10_000
# How soon to look whether the call budget leaves calls again.
_SPARE_EVERY_MS = 500
# How soon to look again when the clock is in doubt: the next answer tells.
_UNSURE_MS = 1_000
# How often a rung that rests looks at one second. Streams that appear while known ones
# are read apart are found by that.
SAMPLE_EVERY_MS = 60_000
SAMPLE_APART_EVERY_MS = 20_000
_SAMPLE_EVERY_POLLS = 5


class Schedule:
    """Pure logic: times are milliseconds since the epoch by AWS's clock."""

    def __init__(
        self,
        heads: Heads,
        settling: Settling,
        gaps: Gaps,
        ladder: Ladder,
        polling_interval_ms: int,
    ) -> None:
        self._heads = heads
        self._settling = settling
        self._gaps = gaps
        self._ladder = ladder
        self._polling_interval_ms = polling_interval_ms
        self._last = Purpose.SETTLE
        self._gap_at_ms = 0

    def next_reads(
        self, now_ms: int, most: int, *, has_spare: bool, is_clock_sure: bool
    ) -> list[Read] | int:
        """The requests to make now, or how many milliseconds to wait before asking again.

        Args:
            most: of a backlog, up to so many chains are read side by side, oldest first.
            has_spare: whether the call budget leaves calls for what can wait.
            is_clock_sure: whether what is old enough to settle can be told.
        """
        polled = self._heads.take_polled()
        if polled is not None:
            self._ladder.covered(*polled)
        self._ladder.head_was_read(self._heads.polled_at_ms)
        settling_ms = self._settling.pause_ms(now_ms) if is_clock_sure else _UNSURE_MS
        gap_waits = 0 <= now_ms - self._gap_at_ms < _GAP_EVERY_MS
        reads = [] if gap_waits else self._gap(now_ms)
        reads = reads or self._due(now_ms, most if settling_ms == 0 else 0)
        if not reads and has_spare:
            reads = self._gap(now_ms)
        reads = reads or self._spare(now_ms, has_spare=has_spare)
        if not reads:
            return self._pause_ms(now_ms, settling_ms)
        self._last = reads[-1].purpose
        for read in reads:
            read.about_to_ask(now_ms)
        return reads

    @property
    def sample_every_ms(self) -> int:
        """How often a rung that rests looks at one second."""
        if self._heads.apart:
            return SAMPLE_APART_EVERY_MS
        return max(SAMPLE_EVERY_MS, _SAMPLE_EVERY_POLLS * self._polling_interval_ms)

    def _gap(self, now_ms: int) -> list[Read]:
        read = self._gaps.ready(now_ms)
        if read is None:
            return []
        self._gap_at_ms = now_ms
        return [read]

    def _due(self, now_ms: int, most_slices: int) -> list[Read]:
        """One page of the head, slices that settle, or both side by side."""
        if not self._settling.is_behind(now_ms):
            most_slices = min(most_slices, 1)
        head = self._head(now_ms)
        slices = self._settling.reads(now_ms, most_slices, self._gaps.ranges)
        if head is None:
            return slices
        if most_slices > 1:
            return [head, *slices[: most_slices - 1]]
        return slices if slices and self._last is Purpose.HEAD else [head]

    def _head(self, now_ms: int) -> Read | None:
        if self._heads.pause_ms(now_ms) > 0:
            return None
        first_ms = self._settling.settled_ms
        if self._settling.is_behind(now_ms):
            # What is due is read in slices.
            first_ms = max(first_ms, self._settling.due_until_ms(now_ms))
        return self._heads.ready(
            now_ms, first_ms=first_ms, gaps=self._gaps.ranges, reach_ms=self._ladder.reach_ms
        )

    def _spare(self, now_ms: int, *, has_spare: bool) -> list[Read]:
        read = self._ladder.ready(now_ms, self._gaps.ranges, has_spare=has_spare)
        if read is None:
            read = self._ladder.sample(now_ms, self.sample_every_ms)
        return [] if read is None else [read]

    def _pause_ms(self, now_ms: int, settling_ms: int) -> int:
        pauses_ms = [self._heads.pause_ms(now_ms), settling_ms]
        for pause_ms in (self._gaps.pause_ms(now_ms), self._ladder.pause_ms(now_ms)):
            if pause_ms is not None:
                pauses_ms.append(max(_SPARE_EVERY_MS, pause_ms))
        return max(1, min(pauses_ms))
