"""Reads that belong together, and what becomes of one that AWS refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.read import BACK_OFF_MAX_MS, Read

# One refusal is bad luck. A second one may be the range's: it is asked for by halves.
REFUSALS_MAX = 2
# Where much is refused, this many say the same: chance alone hardly repeats so often.
REFUSALS_PROOF = 10
# So many parts of one pass may be under suspicion. Where there are more, all of the
# range may be bad: to find its last good millisecond would cost a call for each.
PARTS_MAX = 8
# A chain that has had so many empty pages, one behind the other, is taken for refused:
# it may have no end. If it has one, its halves need fewer pages.
EMPTY_PAGES_MAX = 10
SUSPECTS_EMPTY_PAGES_MAX = 1
_BACK_OFF_FIRST_MS = 1_000
# What is being written is asked for more often, for as long as it is refused.
_NEWEST_BACK_OFF_MAX_MS = 8_000


class Pass:
    """Ranges to be read once, oldest first: a poll of the head, or neighbouring slices.

    Pure logic: times are milliseconds since the epoch by AWS's clock.

    Attributes:
        reads: what is not read yet.
    """

    def __init__(self, reads: Iterable[Read] = ()) -> None:
        self.reads = list(reads)
        # Until no part is under suspicion any more.
        self._all_may_be_bad = False

    def ready(self, now_ms: int) -> list[Read]:
        """What may be asked for now, oldest first; then what is under suspicion, longest first.

        So the good half of a range comes before the halves of the bad one, and one bad
        millisecond is never surrounded by more parts than PARTS_MAX.
        """

        def turn(read: Read) -> tuple[bool, int]:
            is_suspect = read.refusals >= REFUSALS_MAX
            return is_suspect, -read.length_ms(now_ms) if is_suspect else read.start_ms

        return sorted((r for r in self.reads if not r.waits(now_ms)), key=turn)

    def pause_ms(self, now_ms: int) -> int | None:
        """How long until something may be asked for; None when there is nothing to read."""
        if not self.reads:
            return None
        return min(r.retry_at_ms - now_ms if r.waits(now_ms) else 0 for r in self.reads)

    def took_page(self, read: Read, now_ms: int) -> None:
        """A page of `read` came in: a chain that has ended is off the list."""
        if not read.done or read not in self.reads:
            return
        self.reads.remove(read)
        if read.refusals > 0:
            # AWS answers again what it had refused: the others need not wait either.
            for other in self.reads:
                other.retry_at_ms = min(other.retry_at_ms, now_ms)

    def refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """AWS has not answered `read`: it waits, or goes on as two halves, or is given up here.

        Returns:
            The range, when the fault is its own: AWS answers other reads.
        """
        read.refusals += 1
        if read.refused_at_ms is None:
            read.refused_at_ms = now_ms
        read.retry_at_ms = now_ms + back_off_ms(read)
        if read not in self.reads or read.refusals < REFUSALS_MAX:
            return None
        if health.is_good and self.split(read, now_ms):
            return None
        if read.end_ms is None:
            read = self._close_end(read, now_ms)
        is_proven = health.is_good or read.refusals >= REFUSALS_PROOF
        if not is_proven or not health.answered_since(read.refused_at_ms or 0):
            return None
        self.reads.remove(read)
        return Gap(read.start_ms, now_ms if read.end_ms is None else read.end_ms)

    def token_is_refused(self, read: Read, now_ms: int, health: Health) -> Gap | None:
        """The chain broke off: it begins again as two of half its length, or as it is.

        Where page tokens are refused by chance, a long chain hardly ever ends.
        """
        if health.is_good and self.split(read, now_ms):
            return None
        read.restart()
        return self.refused(read, now_ms, health)

    def split(self, read: Read, now_ms: int) -> bool:
        """Put the two halves of `read` in its place; False where that is not to be."""
        if read not in self.reads or read.length_ms(now_ms) < 2:
            return False
        suspects = [part for part in self.reads if part.refusals >= REFUSALS_MAX]
        is_first = read.refusals <= REFUSALS_MAX or read.end_ms is None
        if suspects in ([], [read]) and is_first:
            self._all_may_be_bad = False
        elif len(suspects) >= PARTS_MAX:
            self._all_may_be_bad = True
        if self._all_may_be_bad:
            return False
        at = self.reads.index(read)
        self.reads[at : at + 1] = read.halves(now_ms)
        return True

    def _close_end(self, read: Read, now_ms: int) -> Read:
        """What is written from now on may be good: it is asked for by itself, and soon.

        Returns:
            What remains under suspicion, joined with what is so right before it.
        """
        at = self.reads.index(read)
        newest = Read(read.purpose, now_ms + 1, None, refusals=read.refusals)
        newest.refused_at_ms = now_ms
        newest.retry_at_ms = min(read.retry_at_ms, now_ms + _NEWEST_BACK_OFF_MAX_MS)
        self.reads.insert(at + 1, newest)
        read.end_ms = now_ms
        read.restart()
        before = self.reads[at - 1] if at > 0 else None
        if before is not None and before.end_ms == read.start_ms - 1 and before.refusals > 0:
            before.end_ms = now_ms
            before.restart()
            self.reads.remove(read)
            return before
        return read

    def leave_out(self, gaps: Sequence[Gap]) -> None:
        """Read nothing of these gaps (apart from each other, oldest first)."""
        self.reads = [part for read in self.reads for part in _around(read, gaps)]


def may_have_no_end(read: Read) -> bool:
    """Whether its chain has had too many empty pages, one behind the other."""
    is_suspect = read.refusals >= REFUSALS_MAX
    most = SUSPECTS_EMPTY_PAGES_MAX if is_suspect else EMPTY_PAGES_MAX
    return not read.done and read.empty_pages >= most


def back_off_ms(read: Read) -> int:
    """How long to leave a refused read alone: doubled with each refusal."""
    return min(_BACK_OFF_FIRST_MS << min(read.refusals - 1, 10), BACK_OFF_MAX_MS)


def _around(read: Read, gaps: Sequence[Gap]) -> list[Read]:
    """A chain that is not touched goes on where it is."""
    end_ms = read.end_ms
    if any(
        gap.end_ms >= read.start_ms and (end_ms is None or gap.start_ms <= end_ms) for gap in gaps
    ):
        return read.around(gaps)
    return [read]
