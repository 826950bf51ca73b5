"""What AWS refuses is asked for again, and given up when it is too old."""

from __future__ import annotations

from k8saudit_eks.delivery.ledger.protocol import GAPS_MAX, Gap
from k8saudit_eks.delivery.polling.gaps import Gaps
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.read import Purpose, Read

START_MS = 1_767_225_600_000
GIVE_UP_AFTER_MS = 3_900_000


def gaps_of(*gaps: Gap) -> Gaps:
    return Gaps(gaps, GIVE_UP_AFTER_MS)


def refused_twice(start_ms: int, end_ms: int) -> Read:
    """What a gap was before it became one."""
    return Read(Purpose.SETTLE, start_ms, end_ms, refusals=2)


def test_a_gap_is_asked_for_again_ever_more_seldom() -> None:
    """Twice as long each time, up to half a minute, for as long as it is refused."""
    gaps = gaps_of()
    gaps.add(Gap(START_MS, START_MS), refused_twice(START_MS, START_MS), START_MS)
    now_ms, waits_s = START_MS, []
    for _ in range(6):
        pause_ms = gaps.pause_ms(now_ms)
        assert pause_ms is not None
        assert gaps.ready(now_ms + pause_ms - 1) is None
        now_ms += pause_ms
        waits_s.append(pause_ms // 1000)
        read = gaps.ready(now_ms)
        assert read is not None
        gaps.refused(read, now_ms, Health())
    assert waits_s == [2, 4, 8, 16, 30, 30]


def test_a_gap_that_is_answered_is_closed() -> None:
    """Page by page; with the last one it is a gap no more."""
    gaps = gaps_of(Gap(START_MS, START_MS + 999))
    read = gaps.ready(START_MS)
    assert read is not None
    assert read.purpose is Purpose.GAP
    read.took(5, 0, "token", START_MS)
    gaps.took_page(read, START_MS)
    assert gaps.ranges == (Gap(START_MS, START_MS + 999),)
    read.took(5, 0, None, START_MS)
    gaps.took_page(read, START_MS)
    assert gaps.ranges == ()
    assert gaps.pause_ms(START_MS) is None


def test_a_gap_that_is_refused_again_is_asked_for_by_halves() -> None:
    """One bad millisecond of a second: it is isolated, and the rest is read."""
    bad_ms = START_MS + 700
    gaps = gaps_of(Gap(START_MS, START_MS + 999))
    for now_ms in range(START_MS, START_MS + 1_200_000, 1_000):
        read = gaps.ready(now_ms)
        if read is None or read.end_ms is None:
            continue
        if read.start_ms <= bad_ms <= read.end_ms:
            gaps.refused(read, now_ms, Health())
        else:
            read.took(0, 0, None, now_ms)
            gaps.took_page(read, now_ms)
    assert gaps.ranges == (Gap(bad_ms, bad_ms),)


def test_a_gap_that_stays_refused_has_few_parts() -> None:
    """Half an hour of refusals: 16, and some more where its edges may be good."""
    gap = Gap(START_MS, START_MS + 999)
    gaps = gaps_of(gap)
    for now_ms in range(START_MS, START_MS + 1_800_000, 1_000):
        read = gaps.ready(now_ms)
        if read is not None:
            gaps.refused(read, now_ms, Health())
    assert len(gaps.ranges) <= 16 + 2 * 10
    assert sum(end_ms - start_ms + 1 for start_ms, end_ms in gaps.ranges) == 1_000


def test_what_is_good_beside_a_bad_range_is_found() -> None:
    """To the millisecond, at both edges, however many parts the bad range has."""
    gaps = gaps_of(Gap(START_MS, START_MS + 29_999))
    bad = range(START_MS + 7_001, START_MS + 22_222)
    health = Health()
    for now_ms in range(START_MS, START_MS + 900_000, 1_000):
        read = gaps.ready(now_ms)
        if read is None:
            continue
        assert read.end_ms is not None
        if read.start_ms < bad.stop and read.end_ms >= bad.start:
            gaps.refused(read, now_ms, health)
        else:
            read.took(0, 0, None, now_ms)
            gaps.took_page(read, now_ms)
    assert (gaps.ranges[0].start_ms, gaps.ranges[-1].end_ms) == (bad.start, bad.stop - 1)


def test_a_gap_is_not_cut_up_while_aws_refuses_much() -> None:
    """An hour of it: the gap waits as it is."""
    health = Health()
    for _ in range(8):
        health.refused(Read(Purpose.HEAD, START_MS, None))
    gap = Gap(START_MS, START_MS + 999)
    gaps = gaps_of(gap)
    for now_ms in range(START_MS, START_MS + 3_600_000, 1_000):
        read = gaps.ready(now_ms)
        if read is not None:
            gaps.refused(read, now_ms, health)
    assert gaps.ranges == (gap,)


def test_a_gap_whose_chain_breaks_off_begins_again() -> None:
    """A refused token counts as a refusal: it waits, and goes on as halves."""
    gaps = gaps_of(Gap(START_MS, START_MS + 999))
    read = gaps.ready(START_MS)
    assert read is not None
    read.took(5, 0, "token", START_MS)
    gaps.took_page(read, START_MS)
    gaps.token_is_refused(read, START_MS, Health())
    assert len(gaps.ranges) == 2
    assert gaps.ready(START_MS) is None
    half = gaps.ready(START_MS + 1_000)
    assert half is not None
    assert (half.token, half.start_ms) == (None, START_MS)


def test_neighbours_are_one_gap() -> None:
    """What touches or overlaps becomes one; what has a millisecond between stays apart."""
    gaps = gaps_of(Gap(START_MS, START_MS + 9))
    beside = Gap(START_MS + 10, START_MS + 19)
    gaps.add(beside, refused_twice(*beside), START_MS)
    assert gaps.ranges == (Gap(START_MS, START_MS + 19),)
    apart = Gap(START_MS + 21, START_MS + 30)
    gaps.add(apart, refused_twice(*apart), START_MS)
    assert gaps.ranges == (Gap(START_MS, START_MS + 19), apart)


def test_what_is_too_old_is_given_up_and_said() -> None:
    """Its length is told once, and nothing asks for it any more."""
    gaps = gaps_of(Gap(START_MS, START_MS + 999))
    last_ms = START_MS + 999 + GIVE_UP_AFTER_MS
    assert gaps.give_up(last_ms) == 0
    assert gaps.give_up(last_ms + 1) == 1_000
    assert gaps.give_up(last_ms + 1) == 0
    assert gaps.ranges == ()
    assert gaps.ready(last_ms + 1) is None


def test_a_long_gap_is_given_up_from_its_old_end() -> None:
    """In parts of a minute or more; in the end all of it has been told of."""
    length_ms = 300_000
    gaps = gaps_of(Gap(START_MS, START_MS + length_ms - 1))
    given_up_ms = []
    for now_ms in range(START_MS, START_MS + GIVE_UP_AFTER_MS + length_ms + 1_000, 1_000):
        part_ms = gaps.give_up(now_ms)
        if part_ms:
            given_up_ms.append(part_ms)
        for gap in gaps.ranges:
            assert gap.start_ms > now_ms - GIVE_UP_AFTER_MS - 60_000
    assert sum(given_up_ms) == length_ms
    assert min(given_up_ms) >= 59_000
    assert len(given_up_ms) == 5


def test_there_are_at_most_a_thousand_gaps() -> None:
    """The oldest goes for a new one, and its length counts as given up."""
    gaps = gaps_of(*(Gap(START_MS + 2 * n, START_MS + 2 * n) for n in range(GAPS_MAX)))
    newest = Gap(START_MS + 10_000, START_MS + 10_009)
    gaps.add(newest, refused_twice(*newest), START_MS + 20_000)
    assert len(gaps.ranges) == GAPS_MAX
    assert gaps.ranges[0] == Gap(START_MS + 2, START_MS + 2)
    assert gaps.ranges[-1] == newest
    assert gaps.give_up(START_MS + 20_000) == 1


def test_the_one_that_waits_longest_comes_first() -> None:
    """A gap that keeps being refused does not hide another one."""
    first, second = Gap(START_MS, START_MS), Gap(START_MS + 5, START_MS + 5)
    gaps = gaps_of(first, second)
    read = gaps.ready(START_MS)
    assert read is not None
    gaps.refused(read, START_MS, Health())
    other = gaps.ready(START_MS)
    assert other is not None
    assert other is not read
