"""The ladder: intervals that are read again when they are 15, 35, 75 and 150 seconds old.

The head finds what becomes visible in time, settling whatever becomes visible within
late_window. The rungs between them find what is late soon: an event that is d seconds
late waits no longer than about another d. They promise nothing, so they rest where
calls are short, and where they have found nothing for a while.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import Pass
from k8saudit_eks.delivery.polling.read import Purpose, Read

AGES_MS = (15_000, 35_000, 75_000, 150_000)
# A rung reads its intervals in pieces of this share of its age, or of a poll's length.
_SLICE_SHARE = 5
# So far behind, or three pieces, a rung gives up what it has not read.
_BEHIND_MAX_MS = 60_000
_SLICES_BEHIND = 3
_REST_AFTER_MS = 240_000
# A rung that rests looks at one second now and then: it wakes when that shows an event
# that was late, and streams are met that the head does not know.
SAMPLE_MS = 1_000


class Rung:
    """One age at which intervals are read again. Everything before `position_ms` has been."""

    def __init__(self, age_ms: int, slice_ms: int, position_ms: int, now_ms: int) -> None:
        self.age_ms = age_ms
        self.slice_ms = slice_ms
        self.position_ms = position_ms
        self.found_at_ms = now_ms
        self.rests = False
        self.reading = Pass()

    def is_awake(self, now_ms: int) -> bool:
        """Whether it has found something of late; at first it is given the time to."""
        return now_ms - self.found_at_ms < _REST_AFTER_MS

    def skip_to(self, at_ms: int) -> None:
        """Everything before needs no reading."""
        self.reading = Pass()
        self.position_ms = max(self.position_ms, at_ms)

    def rest(self, at_ms: int) -> None:
        """Leave what is before to the rungs behind, and to settling."""
        self.rests = True
        self.skip_to(at_ms)


class Ladder:
    """All rungs. Pure logic: times are milliseconds since the epoch by AWS's clock."""

    def __init__(
        self, *, since_ms: int, now_ms: int, late_window_ms: int, polling_interval_ms: int
    ) -> None:
        """since_ms: nothing before it is read. What is older than now is the head's first poll."""
        self._rungs = [
            Rung(
                age_ms,
                max(polling_interval_ms, age_ms // _SLICE_SHARE),
                max(since_ms, now_ms - age_ms),
                now_ms,
            )
            for age_ms in AGES_MS
            if age_ms < late_window_ms
        ]
        # When the head was read last: a rung reads again, and nothing before the head.
        self._head_at_ms = now_ms
        self._sampled_at_ms = now_ms
        self._sampled = 0

    @property
    def resting(self) -> int:
        """How many rungs do not read at present."""
        return sum(rung.rests for rung in self._rungs)

    def pause_ms(self, now_ms: int) -> int | None:
        """How long until there is something to read; None as long as the head is not read."""
        pauses_ms = [rung.reading.pause_ms(now_ms) for rung in self._rungs]
        pauses_ms += [0 for rung in self._rungs if self._behind_ms(rung) >= rung.slice_ms]
        return min((pause_ms for pause_ms in pauses_ms if pause_ms is not None), default=None)

    def ready(self, now_ms: int, gaps: Sequence[Gap], *, has_spare: bool) -> Read | None:
        """What to read again now; the oldest first, so that it is the youngest that rest.

        Args:
            has_spare: whether the call budget leaves calls for this.
        """
        for rung in reversed(self._rungs):
            due_ms = self._head_at_ms - rung.age_ms
            behind_ms = self._behind_ms(rung)
            if behind_ms < rung.slice_ms and not rung.reading.reads:
                continue
            if not rung.is_awake(now_ms):
                rung.rest(due_ms)
                continue
            if behind_ms > max(_BEHIND_MAX_MS, _SLICES_BEHIND * rung.slice_ms):
                rung.rest(due_ms - rung.slice_ms)
            if not has_spare:
                continue
            rung.rests = False
            if not rung.reading.reads:
                whole = Read(Purpose.REREAD, rung.position_ms, due_ms - 1)
                rung.reading = Pass(whole.around(gaps))
                rung.position_ms = due_ms
            ready = rung.reading.ready(now_ms)
            if ready:
                return ready[0]
        return None

    def sample(self, now_ms: int, every_ms: int) -> Read | None:
        """The second to look at for a rung that rests, each in turn; None when it is not time."""
        resting = [rung for rung in self._rungs if rung.rests]
        if not resting or 0 <= now_ms - self._sampled_at_ms < every_ms:
            return None
        self._sampled_at_ms = now_ms
        self._sampled += 1
        start_ms = now_ms - resting[self._sampled % len(resting)].age_ms - SAMPLE_MS
        return Read(Purpose.SAMPLE, start_ms, start_ms + SAMPLE_MS - 1)

    def took_page(self, read: Read, now_ms: int) -> None:
        """A page of one of the rungs came in, or of a sample."""
        reading = self._pass_of(read)
        reading.took_page(read, now_ms)

    def refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """As Pass.refused()."""
        return self._pass_of(read).refused(read, now_ms, health)

    def token_is_refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """As Pass.token_is_refused()."""
        return self._pass_of(read).token_is_refused(read, now_ms, health)

    def leave_out(self, gaps: Sequence[Gap]) -> None:
        """As Pass.leave_out()."""
        for rung in self._rungs:
            rung.reading.leave_out(gaps)

    def _pass_of(self, read: Read) -> Pass:
        """Of a sample, and of what a rung has given up: one that does not know it."""
        return next((r.reading for r in self._rungs if read in r.reading.reads), Pass())

    def found(self, delays_ms: Iterable[int], now_ms: int) -> None:
        """Events were found that became visible so late: the rungs that find such are needed."""
        ordered_ms = sorted(delays_ms)
        below = 0
        for rung in self._rungs:
            up_to = bisect_right(ordered_ms, rung.age_ms)
            if up_to > below:
                rung.found_at_ms = now_ms
            below = up_to

    def covered(self, start_ms: int, at_ms: int) -> None:
        """The head has read everything from start_ms on; it began at at_ms."""
        for rung in self._rungs:
            if start_ms <= rung.position_ms and not rung.reading.reads:
                rung.skip_to(at_ms - rung.age_ms)

    def head_was_read(self, at_ms: int | None) -> None:
        """What was old enough by then may be read again; None if it was not read yet."""
        if at_ms is None:
            return
        if at_ms < self._head_at_ms:
            # The clock went back: what was read by then is not known any more.
            for rung in self._rungs:
                rung.position_ms = min(rung.position_ms, at_ms - rung.age_ms)
        self._head_at_ms = at_ms

    def reach_ms(self, now_ms: int, events_per_ms: float, events: float) -> int | None:
        """How far back the head has to read to spare rungs their calls, for so many events."""
        for rung in reversed(self._rungs):
            if (now_ms - rung.position_ms) * events_per_ms <= events:
                return rung.position_ms
        return None

    def _behind_ms(self, rung: Rung) -> int:
        return self._head_at_ms - rung.age_ms - rung.position_ms
