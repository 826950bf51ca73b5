"""What is read again, when, and when it is not worth a call."""

from __future__ import annotations

import pytest

from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.ladder import AGES_MS, SAMPLE_MS, Ladder
from k8saudit_eks.delivery.polling.read import Purpose, Read

START_MS = 1_767_225_600_000
POLL_MS = 5_000
LATE_WINDOW_MS = 300_000
REST_AFTER_MS = 240_000


def ladder_of(late_window_ms: int = LATE_WINDOW_MS) -> Ladder:
    return Ladder(
        since_ms=START_MS,
        now_ms=START_MS,
        late_window_ms=late_window_ms,
        polling_interval_ms=POLL_MS,
    )


def end(ladder: Ladder, read: Read, now_ms: int) -> None:
    """The read's only page has come."""
    read.took(0, 0, None, now_ms)
    ladder.took_page(read, now_ms)


def read_due(ladder: Ladder, now_ms: int, *, has_spare: bool = True) -> list[Read]:
    """Everything that the ladder asks for at that moment."""
    reads = []
    while (read := ladder.ready(now_ms, (), has_spare=has_spare)) is not None:
        reads.append(read)
        end(ladder, read, now_ms)
    return reads


def climb(
    ladder: Ladder, from_ms: int, to_ms: int, *, has_spare: bool = True, delay_ms: int | None = None
) -> list[tuple[int, Read]]:
    """A poll every five seconds; the ladder's reads, with their moments."""
    reads = []
    for now_ms in range(from_ms, to_ms, POLL_MS):
        ladder.head_was_read(now_ms)
        if delay_ms is not None:
            ladder.found([delay_ms], now_ms)
        reads += [(now_ms, read) for read in read_due(ladder, now_ms, has_spare=has_spare)]
    return reads


def test_every_interval_is_read_once_at_each_age() -> None:
    """Each rung's pieces join without a hole, and are old enough; not much older either."""
    reads = climb(ladder_of(), START_MS, START_MS + 200_000)
    for age_ms in AGES_MS:
        piece_ms = max(POLL_MS, age_ms // 5)
        at_ms = START_MS
        for now_ms, read in reads:
            if read.start_ms != at_ms or read.end_ms is None or now_ms - read.end_ms <= age_ms:
                continue
            if now_ms - read.end_ms > age_ms + POLL_MS:
                continue
            assert now_ms - read.start_ms <= age_ms + piece_ms + POLL_MS
            at_ms = read.end_ms + 1
        assert at_ms > START_MS + 200_000 - age_ms - piece_ms - 2 * POLL_MS
    assert all(read.purpose is Purpose.REREAD for _, read in reads)


def test_rungs_are_younger_than_late_window() -> None:
    """With a window of 60 s, nothing is read at 75 s or more."""
    reads = climb(ladder_of(60_000), START_MS, START_MS + 200_000)
    assert reads
    assert all(now_ms - read.start_ms < 60_000 for now_ms, read in reads)


def test_nothing_is_read_again_before_the_head_has_read_it() -> None:
    """As long as the head is not read, nothing of the ladder is due."""
    ladder = ladder_of()
    assert ladder.ready(START_MS + 600_000, (), has_spare=True) is None
    assert ladder.pause_ms(START_MS + 600_000) is None


def test_without_spare_calls_rungs_rest() -> None:
    """They make no call; when calls are left again, each reads a piece and not all it missed."""
    ladder = ladder_of()
    until_ms = START_MS + 250_000
    for age_ms in AGES_MS:
        ladder.found([age_ms], START_MS + 200_000)
    assert climb(ladder, START_MS, until_ms, has_spare=False) == []
    assert ladder.resting == 4
    reads = read_due(ladder, until_ms)
    assert 1 <= len(reads) <= 4
    for read in reads:
        assert read.end_ms is not None
        assert read.end_ms - read.start_ms < 95_000
    assert ladder.resting == 0


def test_a_short_shortage_skips_nothing() -> None:
    """Half a minute without calls: what was missed is read afterwards."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 60_000)
    climb(ladder, START_MS + 60_000, START_MS + 90_000, has_spare=False)
    assert ladder.resting == 0
    ladder.head_was_read(START_MS + 90_000)
    starts_ms = [read.start_ms for read in read_due(ladder, START_MS + 90_000)]
    assert min(starts_ms) <= START_MS + 60_000 - 35_000


def test_rungs_that_find_nothing_rest() -> None:
    """After four minutes; they are given that time at first."""
    ladder = ladder_of()
    assert climb(ladder, START_MS, START_MS + REST_AFTER_MS)
    assert ladder.resting == 0
    # The 150 s rung was awake later than the others.
    climb(ladder, START_MS + REST_AFTER_MS, START_MS + 600_000)
    assert ladder.resting == 4
    assert climb(ladder, START_MS + 600_000, START_MS + 900_000) == []


@pytest.mark.parametrize(
    ("delay_ms", "age_ms"), [(1, 15_000), (15_000, 15_000), (15_001, 35_000), (120_000, 150_000)]
)
def test_a_find_wakes_the_rung_that_finds_such(delay_ms: int, age_ms: int) -> None:
    """The youngest that is old enough, alone, and it reads on from there."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 600_000)
    assert ladder.resting == 4
    ladder.found([delay_ms], START_MS + 600_000)
    reads = climb(ladder, START_MS + 600_000, START_MS + 700_000)
    assert ladder.resting == 3
    assert all(
        age_ms < now_ms - (read.end_ms or 0) <= age_ms + 2 * POLL_MS for now_ms, read in reads
    )
    assert reads


def test_what_is_later_than_every_rung_wakes_none() -> None:
    """Only settling finds it."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 600_000)
    ladder.found([200_000], START_MS + 600_000)
    assert climb(ladder, START_MS + 600_000, START_MS + 700_000) == []


def test_rungs_that_find_stay_awake() -> None:
    """As long as something is found now and then."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 900_000, delay_ms=20_000)
    assert ladder.resting == 3


def test_a_rung_that_the_head_covers_costs_no_call() -> None:
    """The head has read back to where the rungs are; one that it does not reach is read."""
    ladder = ladder_of()
    reads = []
    for now_ms in range(START_MS, START_MS + 220_000, POLL_MS):
        ladder.covered(now_ms - 100_000, now_ms)
        ladder.head_was_read(now_ms)
        reads += [(now_ms, read) for read in read_due(ladder, now_ms)]
    assert reads
    assert all(now_ms - (read.end_ms or 0) > 150_000 for now_ms, read in reads)


def test_the_head_reaches_back_where_that_is_cheap() -> None:
    """To the oldest rung whose time holds no more than so many events; not at all in a flood."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 200_000, delay_ms=100_000)
    now_ms = START_MS + 200_000
    least_ms = ladder.reach_ms(now_ms, 0.0001, 100)
    some_ms = ladder.reach_ms(now_ms, 0.002, 100)
    assert least_ms is not None
    assert some_ms is not None
    assert now_ms - least_ms >= 150_000
    assert 35_000 <= now_ms - some_ms <= 50_000
    assert ladder.reach_ms(now_ms, 1, 100) is None


def test_the_oldest_comes_first() -> None:
    """Where calls are few, it is the youngest rungs that wait."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 200_000)
    ladder.head_was_read(START_MS + 230_000)
    reads = read_due(ladder, START_MS + 230_000)
    assert [read.start_ms for read in reads] == sorted(read.start_ms for read in reads)
    assert len(reads) == 4


def test_a_resting_rung_looks_at_one_second_now_and_then() -> None:
    """Each in its turn, at its age; a ladder that is awake does not."""
    ladder = ladder_of()
    assert ladder.sample(START_MS + 60_000, 60_000) is None
    climb(ladder, START_MS, START_MS + 600_000)
    ages_ms = set()
    for minute in range(10, 14):
        now_ms = START_MS + minute * 60_000
        read = ladder.sample(now_ms, 60_000)
        assert read is not None
        assert read.end_ms is not None
        assert read.end_ms - read.start_ms + 1 == SAMPLE_MS
        assert ladder.sample(now_ms + 59_999, 60_000) is None
        ages_ms.add(now_ms - read.end_ms - 1)
        # Refused, broken off or endless: it is no part of a rung.
        assert ladder.refused(read, now_ms, Health()) is None
        assert ladder.token_is_refused(read, now_ms, Health()) is None
        end(ladder, read, now_ms)
    assert ages_ms == set(AGES_MS)


def test_a_refused_piece_is_halved_and_the_ladder_goes_on() -> None:
    """The second refusal makes two of it; other pieces are read meanwhile."""
    ladder, health = ladder_of(), Health()
    now_ms = START_MS + 90_000
    ladder.head_was_read(now_ms)
    whole = ladder.ready(now_ms, (), has_spare=True)
    assert whole is not None
    for _ in range(2):
        assert ladder.refused(whole, now_ms, health) is None
    other = ladder.ready(now_ms, (), has_spare=True)
    assert other is not None
    assert (other.refusals, other.start_ms) == (2, whole.start_ms), "its first half, from now on"
    assert other.length_ms(now_ms) < whole.length_ms(now_ms)


def test_a_find_wakes_each_rung_that_is_needed() -> None:
    """Of several finds at once, in any order; those later than every rung wake none."""
    ladder = ladder_of()
    climb(ladder, START_MS, START_MS + 600_000)
    assert ladder.resting == 4
    ladder.found([200_000, 70_000, 1, 2], START_MS + 600_000)
    climb(ladder, START_MS + 600_000, START_MS + 700_000)
    assert ladder.resting == 2
