"""Gaps: what AWS refuses while it answers everything around.

The settled mark goes on without them. Each is asked for again, ever more seldom, until
it is answered or too old; until then the ledger holds it.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8saudit_eks.delivery.ledger.protocol import GAPS_MAX, Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import back_off_ms
from k8saudit_eks.delivery.polling.read import Purpose, Read

# A gap that is refused again is asked for by halves while there are fewer than this. Then
# only those at the edge of what is bad are, where something good may be.
_SPLIT_BELOW = 16
# What has grown too old of a long gap is given up in parts no shorter than this.
_GIVEN_UP_MIN_MS = 60_000


class Gaps:
    """One log group's gaps. Pure logic: times are milliseconds since the epoch, AWS's clock."""

    def __init__(self, gaps: Iterable[Gap], give_up_after_ms: int) -> None:
        """
        Args:
            gaps: those of the ledger.
            give_up_after_ms: what is older is not asked for any more.
        """
        self._give_up_after_ms = give_up_after_ms
        self._reads = sorted(map(_read, gaps), key=_start_ms)
        self._given_up_ms = 0

    @property
    def ranges(self) -> tuple[Gap, ...]:
        """Apart from each other, oldest first."""
        return tuple(map(_gap, self._reads))

    def ready(self, now_ms: int) -> Read | None:
        """The gap that has waited longest beyond its time; None when none is to be asked for."""
        ready = (read for read in self._reads if not read.waits(now_ms))
        return min(ready, key=_retry_at_ms, default=None)

    def pause_ms(self, now_ms: int) -> int | None:
        """How long until one may be asked for again; None without gaps."""
        reads = self._reads
        pauses_ms = (r.retry_at_ms - now_ms if r.waits(now_ms) else 0 for r in reads)
        return min(pauses_ms, default=None)

    def add(self, gap: Gap, read: Read, now_ms: int) -> None:
        """AWS refuses `gap`, as it has refused `read` so far; neighbours become one."""
        start_ms, end_ms = gap
        kept = []
        for other in self._reads:
            other_start_ms, other_end_ms = _gap(other)
            if other_end_ms < start_ms - 1 or other_start_ms > end_ms + 1:
                kept.append(other)
            else:
                start_ms, end_ms = min(start_ms, other_start_ms), max(end_ms, other_end_ms)
        new = _read(Gap(start_ms, end_ms))
        new.refusals = read.refusals
        new.retry_at_ms = now_ms + back_off_ms(new)
        self._reads = sorted([*kept, new], key=_start_ms)
        while len(self._reads) > GAPS_MAX:
            self._given_up_ms += self._reads.pop(0).length_ms(now_ms)

    def took_page(self, read: Read, now_ms: int) -> None:
        """A page of a gap came in; when it was the last, the gap is closed."""
        if read.done:
            self._reads = [other for other in self._reads if other is not read]

    def refused(self, read: Read, now_ms: int, health: Health) -> None:
        """AWS still refuses it: later again, and by halves if it answers others."""
        self._postpone(read, now_ms)
        if not health.is_good or read not in self._reads:
            return
        at = self._reads.index(read)
        if read.length_ms(now_ms) < 2 or (
            len(self._reads) >= _SPLIT_BELOW and not self._is_edge(at)
        ):
            return
        halves = read.halves(now_ms)
        for half in halves:
            # Neither has been refused by itself: one may be good, and is not to wait long.
            half.refusals = 1
            half.retry_at_ms = now_ms + back_off_ms(half)
        self._reads[at : at + 1] = halves

    def token_is_refused(self, read: Read, now_ms: int, health: Health) -> None:
        """The chain broke off: it begins again."""
        read.restart()
        self.refused(read, now_ms, health)

    def _is_edge(self, at: int) -> bool:
        ends_ms = [_gap(read).end_ms for read in self._reads[max(0, at - 1) : at + 1]]
        starts_ms = [read.start_ms for read in self._reads[at : at + 2]]
        behind = len(ends_ms) < 2 or ends_ms[0] + 1 < starts_ms[0]
        return behind or len(starts_ms) < 2 or ends_ms[-1] + 1 < starts_ms[1]

    def _postpone(self, read: Read, now_ms: int) -> None:
        read.refusals += 1
        read.retry_at_ms = now_ms + back_off_ms(read)

    def give_up(self, now_ms: int) -> int:
        """Forget what is too old; how many milliseconds of the log that were since last asked."""
        first_ms = now_ms - self._give_up_after_ms
        kept = []
        for read in self._reads:
            start_ms, end_ms = _gap(read)
            if end_ms < first_ms:
                self._given_up_ms += end_ms - start_ms + 1
                continue
            if start_ms + _GIVEN_UP_MIN_MS <= first_ms:
                self._given_up_ms += first_ms - start_ms
                read.start_ms = first_ms
                read.restart()
            kept.append(read)
        self._reads = kept
        given_up_ms, self._given_up_ms = self._given_up_ms, 0
        return given_up_ms


def _read(gap: Gap) -> Read:
    return Read(Purpose.GAP, gap.start_ms, gap.end_ms)


def _gap(read: Read) -> Gap:
    assert read.end_ms is not None  # noqa: S101 (gaps have an end)
    return Gap(read.start_ms, read.end_ms)


def _start_ms(read: Read) -> int:
    return read.start_ms


def _retry_at_ms(read: Read) -> int:
    return read.retry_at_ms
