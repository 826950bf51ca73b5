"""Whose turn it is: neither the head nor the slices that settle can hold up the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from readers import log_events

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.gaps import Gaps
from k8saudit_eks.delivery.polling.heads import Heads
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.ladder import Ladder
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.schedule import Schedule
from k8saudit_eks.delivery.polling.settling import SLICE_MS, Settling

START_MS = 1_767_225_600_000
POLL_MS = 5_000
LATE_WINDOW_MS = 300_000
HOUR_MS = 3_600_000
DUE_MS = START_MS + SLICE_MS + LATE_WINDOW_MS


@dataclass
class Rooms:
    """A schedule and what it hands out.

    Attributes:
        written: how many new events each poll of the head brings.
    """

    written: int = 0
    settled_ms: int = START_MS
    now_ms: int = START_MS
    gaps: Gaps = field(default_factory=lambda: Gaps((), HOUR_MS))

    def __post_init__(self) -> None:
        self.heads = Heads(
            newest_ms=None, late_window_ms=LATE_WINDOW_MS, polling_interval_ms=POLL_MS
        )
        self.settling = Settling(self.settled_ms, LATE_WINDOW_MS)
        self.ladder = Ladder(
            since_ms=self.settled_ms,
            now_ms=self.now_ms,
            late_window_ms=LATE_WINDOW_MS,
            polling_interval_ms=POLL_MS,
        )
        self.schedule = Schedule(self.heads, self.settling, self.gaps, self.ladder, POLL_MS)

    def next(
        self, most: int = 1, *, has_spare: bool = True, is_clock_sure: bool = True
    ) -> list[Read]:
        """What to ask for now; nothing when it is time to wait."""
        reads = self.schedule.next_reads(
            self.now_ms, most, has_spare=has_spare, is_clock_sure=is_clock_sure
        )
        return [] if isinstance(reads, int) else reads

    def answer(self, read: Read, token: str | None = None, events: int = 0) -> None:
        """A page; `events` of it are known ones."""
        written = self.written if read.purpose is Purpose.HEAD else 0
        if written:
            new = {"timestamp": self.now_ms, "ingestionTime": self.now_ms + 1_000}
            self.heads.observe(log_events([new]), [0], self.now_ms, is_head=True, back_ms=0)
        read.took(events + written, events, token, self.now_ms)
        part = {
            Purpose.HEAD: self.heads,
            Purpose.SETTLE: self.settling,
            Purpose.GAP: self.gaps,
        }.get(read.purpose, self.ladder)
        part.took_page(read, self.now_ms)

    def run(self, until_ms: int, *, has_spare: bool = True) -> Counter[Purpose]:
        """Answer everything at once until then; how many calls each purpose has made."""
        calls: Counter[Purpose] = Counter()
        while self.now_ms < until_ms:
            reads = self.schedule.next_reads(
                self.now_ms, 1, has_spare=has_spare, is_clock_sure=True
            )
            if isinstance(reads, int):
                self.now_ms += reads
                continue
            for read in reads:
                calls[read.purpose] += 1
                self.answer(read)
        return calls


def purposes(reads: list[Read]) -> list[Purpose]:
    return [read.purpose for read in reads]


def test_head_and_slice_take_turns() -> None:
    """Each has a chain that does not end: a page of the one, a page of the other."""
    rooms = Rooms(now_ms=DUE_MS)
    turns = []
    for _ in range(8):
        (read,) = rooms.next(3)
        turns.append(read.purpose)
        rooms.answer(read, "token", events=5)
        rooms.now_ms += 250
    assert turns == [Purpose.HEAD, Purpose.SETTLE] * 4


def test_a_backlog_is_read_beside_the_head() -> None:
    """In every round the head has one call and the slices all others."""
    rooms = Rooms(now_ms=DUE_MS + HOUR_MS)
    for read in rooms.next(3):
        rooms.answer(read, "token", events=5)
    for _ in range(5):
        reads = rooms.next(3)
        assert purposes(reads) == [Purpose.HEAD, Purpose.SETTLE, Purpose.SETTLE]
        for read in reads:
            rooms.answer(read, "token", events=5)


def test_the_head_of_a_backlog_reads_what_no_slice_reads() -> None:
    """It begins where an interval is not old enough to be settled."""
    rooms = Rooms(now_ms=DUE_MS + HOUR_MS)
    (head, *_) = rooms.next(3)
    assert head.purpose is Purpose.HEAD
    assert head.start_ms == rooms.now_ms - SLICE_MS - LATE_WINDOW_MS


def test_with_one_call_at_a_time_a_backlog_and_the_head_take_turns() -> None:
    """Where api_rate allows no more."""
    rooms = Rooms(now_ms=DUE_MS + HOUR_MS)
    turns = []
    for _ in range(6):
        (read,) = rooms.next(1)
        turns.append(read.purpose)
        rooms.answer(read, "token", events=5)
    assert turns == [Purpose.HEAD, Purpose.SETTLE] * 3


def test_what_is_refused_waits_for_itself_alone() -> None:
    """A refused head: slices go on at once. A refused slice: the head does, and other slices."""
    rooms = Rooms(now_ms=DUE_MS + HOUR_MS)
    (head,) = rooms.next(1)
    rooms.heads.refused(head, rooms.now_ms, Health())
    (slice_,) = rooms.next(1)
    assert slice_.purpose is Purpose.SETTLE
    rooms.settling.refused(slice_, rooms.now_ms, Health())
    (other,) = rooms.next(1)
    assert other.purpose is Purpose.SETTLE
    assert other is not slice_
    rooms.now_ms += 1_000
    assert rooms.next(3)[0] is head


def test_nothing_is_settled_by_a_clock_in_doubt() -> None:
    """The head is read; slices wait until an answer agrees with the clock."""
    rooms = Rooms(now_ms=DUE_MS + HOUR_MS)
    for _ in range(3):
        assert set(purposes(rooms.next(3, is_clock_sure=False))) == {Purpose.HEAD}
    rooms.answer(rooms.next(1, is_clock_sure=False)[0])
    pause_ms = rooms.schedule.next_reads(rooms.now_ms, 3, has_spare=False, is_clock_sure=False)
    assert pause_ms == 1_000
    assert Purpose.SETTLE in purposes(rooms.next(3))


def test_a_gap_comes_first_when_none_was_read_for_ten_seconds() -> None:
    """Then head and slice take turns again, for as long as both have something to read."""
    gap = Gap(START_MS - HOUR_MS, START_MS - HOUR_MS)
    rooms = Rooms(now_ms=DUE_MS, gaps=Gaps((gap,), 2 * HOUR_MS))
    turns = []
    for _ in range(82):
        (read,) = rooms.next(1)
        turns.append(read.purpose)
        rooms.answer(read, "token", events=5)
        rooms.now_ms += 250
    assert [n for n, purpose in enumerate(turns) if purpose is Purpose.GAP] == [0, 40, 80]
    assert turns[1:40:2] == [Purpose.HEAD] * 20
    assert turns[2:40:2] == [Purpose.SETTLE] * 19


def test_a_gap_has_the_calls_that_are_left() -> None:
    """While head and slices have nothing to read, page after page; without spare calls it waits."""
    gap = Gap(START_MS - HOUR_MS, START_MS - HOUR_MS)
    rooms = Rooms(gaps=Gaps((gap,), 2 * HOUR_MS))
    first, head = rooms.next(1)[0], rooms.next(1)[0]
    assert purposes([first, head]) == [Purpose.GAP, Purpose.HEAD]
    rooms.answer(first, "token", events=5)
    rooms.answer(head)
    for _ in range(5):
        (read,) = rooms.next(1)
        assert read is first
        rooms.answer(read, "token", events=5)
        assert rooms.next(1, has_spare=False) == []
    rooms.now_ms += POLL_MS
    assert purposes(rooms.next(1)) == [Purpose.HEAD]


def test_a_gap_is_asked_for_every_ten_seconds_at_least() -> None:
    """Where no calls are left it has six a minute, however many pages it has."""
    gap = Gap(START_MS - HOUR_MS, START_MS - HOUR_MS)
    rooms = Rooms(gaps=Gaps((gap,), 2 * HOUR_MS))
    asked = 0
    until_ms = START_MS + 60_000
    while rooms.now_ms < until_ms:
        reads = rooms.next(1, has_spare=False)
        rooms.now_ms += 250
        for read in reads:
            asked += read.purpose is Purpose.GAP
            rooms.answer(read, "token", events=5)
    assert 5 <= asked <= 7


def test_the_ladder_comes_when_nothing_else_is_due() -> None:
    """And only where calls are left."""
    rooms = Rooms(written=400)
    calls = rooms.run(START_MS + 200_000)
    assert calls[Purpose.REREAD] > 0
    assert rooms.run(START_MS + 230_000, has_spare=False)[Purpose.REREAD] == 0
    # Both the ladder and a poll are due.
    rooms.now_ms += 60_000
    rooms.ladder.head_was_read(rooms.now_ms)
    assert rooms.ladder.pause_ms(rooms.now_ms) == 0
    assert purposes(rooms.next(1))[0] in (Purpose.HEAD, Purpose.SETTLE)


def test_an_idle_group_costs_a_call_a_poll_and_one_a_slice() -> None:
    """The head covers the rungs where nothing is written: they cost nothing at all."""
    rooms = Rooms()
    rooms.run(START_MS + HOUR_MS)
    calls = rooms.run(START_MS + 2 * HOUR_MS)
    assert calls[Purpose.HEAD] <= HOUR_MS / POLL_MS
    assert calls[Purpose.SETTLE] <= HOUR_MS / SLICE_MS + 1
    assert calls[Purpose.REREAD] == 0
    assert calls[Purpose.SAMPLE] <= 60


def test_it_waits_for_what_is_due_first() -> None:
    """After a poll, for the next one or the next slice, whichever comes first."""
    rooms = Rooms()
    (head,) = rooms.next(1)
    rooms.answer(head)
    assert rooms.schedule.next_reads(START_MS, 1, has_spare=True, is_clock_sure=True) == POLL_MS
    rooms.now_ms = DUE_MS - 1_000
    (head,) = rooms.next(1)
    rooms.answer(head)
    pause = rooms.schedule.next_reads(rooms.now_ms, 1, has_spare=False, is_clock_sure=True)
    assert isinstance(pause, int)
    assert pause <= 1_000
