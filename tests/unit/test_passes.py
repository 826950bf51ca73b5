"""What becomes of a range that AWS refuses."""

from __future__ import annotations

from collections.abc import Callable

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import PARTS_MAX, REFUSALS_PROOF, Pass, back_off_ms
from k8saudit_eks.delivery.polling.read import Purpose, Read

START_MS = 1_767_225_600_000
LENGTH_MS = 30_000
END_MS = START_MS + LENGTH_MS - 1


def whole(purpose: Purpose = Purpose.SETTLE, end_ms: int | None = END_MS) -> Read:
    return Read(purpose, START_MS, end_ms)


def covered_ms(parts: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """The same ranges, neighbours joined."""
    joined: list[tuple[int, int | None]] = []
    for start_ms, end_ms in sorted(parts, key=lambda part: part[0]):
        if joined and joined[-1][1] == start_ms - 1:
            joined[-1] = (joined[-1][0], end_ms)
        else:
            joined.append((start_ms, end_ms))
    return joined


def read_through(
    reading: Pass, is_refused: Callable[[Read], bool], *, others_answer: bool, until_ms: int
) -> tuple[list[Gap], int]:
    """Ask for what is ready, every second; the gaps, and how many calls that took."""
    health = Health()
    gaps: list[Gap] = []
    calls = 0
    for now_ms in range(START_MS, until_ms, 1_000):
        if others_answer:
            health.answered(whole(Purpose.HEAD), now_ms)
        for read in reading.ready(now_ms)[:1]:
            calls += 1
            if is_refused(read):
                health.refused(read)
                gap = reading.refused(read, now_ms, health)
                gaps += [] if gap is None else [gap]
            else:
                health.answered(read, now_ms)
                read.took(1, 0, None, now_ms)
                reading.took_page(read, START_MS)
    return gaps, calls


def test_a_refused_range_waits_twice_as_long_each_time() -> None:
    """1 s, 2 s, 4 s and so on, half a minute at most."""
    read = whole()
    waits_s = []
    for read.refusals in range(1, 9):
        waits_s.append(back_off_ms(read) // 1000)
    assert waits_s == [1, 2, 4, 8, 16, 30, 30, 30]


def test_one_refusal_is_bad_luck_and_two_are_halved() -> None:
    """The second refusal, not the first, makes two of a range; together they are the same."""
    read = whole()
    reading = Pass([read])
    assert reading.refused(read, START_MS, Health()) is None
    assert reading.reads == [read]
    assert reading.ready(START_MS + 999) == []
    assert reading.refused(read, START_MS + 1_000, Health()) is None
    halves = [(part.start_ms, part.end_ms) for part in reading.reads]
    assert len(halves) == 2
    assert covered_ms(list(halves)) == [(START_MS, END_MS)]


def test_one_bad_millisecond_is_isolated() -> None:
    """Everything around it is read; what is left out is that millisecond."""
    bad_ms = START_MS + 12_345
    reading = Pass([whole()])
    gaps, calls = read_through(
        reading,
        lambda read: read.start_ms <= bad_ms <= (read.end_ms or END_MS),
        others_answer=True,
        until_ms=START_MS + 600_000,
    )
    assert gaps == [Gap(bad_ms, bad_ms)]
    assert reading.reads == []
    assert calls < 50


def test_a_bad_range_has_few_parts_at_a_time() -> None:
    """Where all of it is refused, there are no more than PARTS_MAX; each gap is told of once."""
    reading = Pass([whole()])
    most_parts = 0

    def is_refused(read: Read) -> bool:
        nonlocal most_parts
        most_parts = max(most_parts, len(reading.reads))
        return True

    gaps, _ = read_through(reading, is_refused, others_answer=True, until_ms=START_MS + 600_000)
    assert 1 < most_parts <= PARTS_MAX
    ranges = [*gaps, *((read.start_ms, read.end_ms) for read in reading.reads)]
    assert covered_ms(ranges) == [(START_MS, END_MS)]
    assert len(ranges) == len(set(ranges))


def test_a_bad_range_costs_few_calls() -> None:
    """Where all of it is refused, it has become gaps after a few calls, not one a millisecond."""
    reading = Pass([whole()])
    gaps, calls = read_through(
        reading, lambda _: True, others_answer=True, until_ms=START_MS + 600_000
    )
    assert reading.reads == []
    assert covered_ms(list(gaps)) == [(START_MS, END_MS)]
    assert len(gaps) <= PARTS_MAX
    assert calls <= 4 * PARTS_MAX


def test_after_a_bad_range_the_next_one_is_split_again() -> None:
    """A head's pass is a new one each time, but slices share theirs: it must not stay blunt."""
    reading = Pass([whole()])
    read_through(reading, lambda _: True, others_answer=True, until_ms=START_MS + 600_000)
    bad_ms = END_MS + 1 + 12_345
    reading.reads.append(Read(Purpose.SETTLE, END_MS + 1, END_MS + LENGTH_MS))
    gaps, _ = read_through(
        reading,
        lambda read: read.start_ms <= bad_ms <= (read.end_ms or 0),
        others_answer=True,
        until_ms=START_MS + 600_000,
    )
    assert gaps == [Gap(bad_ms, bad_ms)]


def test_nothing_is_suspected_while_aws_refuses_much() -> None:
    """Refused nine times, with answers now and then: neither split nor given up."""
    health = Health()
    for _ in range(8):
        health.refused(whole())
    for end_ms in (START_MS, END_MS):
        read = whole(end_ms=end_ms)
        reading = Pass([read])
        for second in range(REFUSALS_PROOF - 1):
            now_ms = START_MS + second * 1_000
            assert reading.refused(read, now_ms, health) is None
            assert reading.reads == [read]
            again = whole()
            again.refusals = 1
            health.answered(again, now_ms)


def test_a_total_outage_makes_no_gap() -> None:
    """When AWS answers nothing, the fault is not the range's: all of it stays to be read."""
    reading = Pass([whole()])
    gaps, _ = read_through(
        reading, lambda _: True, others_answer=False, until_ms=START_MS + 3_600_000
    )
    assert gaps == []
    assert len(reading.reads) <= PARTS_MAX
    ranges = [(part.start_ms, part.end_ms) for part in reading.reads]
    assert covered_ms(list(ranges)) == [(START_MS, END_MS)]


def test_what_was_answered_before_the_outage_proves_nothing() -> None:
    """A gap needs an answer that came after the range was refused first."""
    read = Read(Purpose.SETTLE, START_MS, START_MS)
    reading = Pass([read])
    health = Health()
    health.answered(whole(), START_MS - 1)
    for second in range(60):
        assert reading.refused(read, START_MS + second * 1_000, health) is None
    health.answered(whole(), START_MS)
    assert reading.refused(read, START_MS + 60_000, health) == Gap(START_MS, START_MS)


def test_what_is_still_being_written_is_never_a_gap() -> None:
    """A range with an open end is asked for again and again."""
    reading = Pass([whole(Purpose.HEAD, end_ms=None)])
    gaps, _ = read_through(reading, lambda _: True, others_answer=True, until_ms=START_MS + 600_000)
    assert all(gap.end_ms < START_MS + 600_000 for gap in gaps)
    assert reading.reads[-1].end_ms is None


def test_a_chain_that_breaks_off_begins_again_as_two() -> None:
    """A refused token halves a chain at once; one of a millisecond begins again as it is."""
    reading = Pass([whole()])
    (read,) = reading.reads
    read.took(10, 0, "token", START_MS)
    assert reading.token_is_refused(read, START_MS, Health()) is None
    assert [part.token for part in reading.reads] == [None, None]
    assert reading.ready(START_MS) == reading.reads, "no refusal of the range: no wait"
    short = Read(Purpose.SETTLE, START_MS, START_MS)
    reading = Pass([short])
    short.took(10, 0, "token", START_MS)
    assert reading.token_is_refused(short, START_MS, Health()) is None
    assert (reading.reads, short.token, short.refusals) == ([short], None, 1)
    assert reading.pause_ms(START_MS) == 1_000


def test_a_chain_outside_a_gap_goes_on_where_it_is() -> None:
    """Only what touches a gap begins again, around it."""
    first, second = whole(), Read(Purpose.SETTLE, END_MS + 1, END_MS + LENGTH_MS)
    reading = Pass([first, second])
    second.took(1, 0, "token", START_MS)
    reading.leave_out([Gap(START_MS + 10, START_MS + 19)])
    assert [(part.start_ms, part.end_ms) for part in reading.reads[:2]] == [
        (START_MS, START_MS + 9),
        (START_MS + 20, END_MS),
    ]
    assert reading.reads[2] is second
    assert second.token == "token"  # noqa: S105


def test_a_clock_that_goes_back_does_not_prolong_a_wait() -> None:
    """An hour back: what was to wait a second is asked for at once."""
    read = whole()
    reading = Pass([read])
    reading.refused(read, START_MS, Health())
    assert reading.pause_ms(START_MS) == 1_000
    assert reading.pause_ms(START_MS - 3_600_000) == 0
    assert reading.ready(START_MS - 3_600_000) == [read]


def test_what_is_not_of_the_pass_changes_nothing() -> None:
    """An answer for a part that was given up meanwhile."""
    reading = Pass([whole()])
    stranger = whole()
    health = Health()
    health.answered(whole(), START_MS)
    for _ in range(3):
        assert reading.refused(stranger, START_MS, health) is None
    stranger.took(0, 0, None, START_MS)
    reading.took_page(stranger, START_MS)
    assert len(reading.reads) == 1


def test_what_is_being_written_is_asked_for_by_itself() -> None:
    """AWS refuses much, and what was written so far: the newest part waits 8 s at most."""
    health = Health()
    for _ in range(8):
        health.refused(whole())
    reading = Pass([Read(Purpose.HEAD, START_MS, None)])
    now_ms = START_MS
    for _ in range(20):
        newest = next(read for read in reading.reads if read.end_ms is None)
        now_ms = max(now_ms, newest.retry_at_ms)
        assert reading.refused(newest, now_ms, health) is None
        assert len(reading.reads) <= 2, "what is refused stays one part"
    newest = next(read for read in reading.reads if read.end_ms is None)
    assert newest.retry_at_ms - now_ms <= 8_000
    assert newest.start_ms == now_ms + 1
    newest.took(3, 0, None, now_ms)
    reading.took_page(newest, now_ms)
    assert [read.start_ms for read in reading.reads] == [START_MS]
    assert reading.ready(now_ms), "and the rest is asked for as soon as that is answered"


def test_a_bad_range_is_given_back_while_much_else_is_refused_too() -> None:
    """After ten refusals, if AWS has answered anything since the first: it holds up no mark."""
    for is_answered in (True, False):
        health = Health()
        for _ in range(8):
            health.refused(whole())
        reading = Pass([whole()])
        (read,) = reading.reads
        gaps = []
        for number in range(10):
            gaps.append(reading.refused(read, START_MS + number, health))
            if is_answered:
                health.answered(whole(), START_MS + number)
                health.refused(whole())
        assert not health.is_good
        assert gaps[:9] == [None] * 9
        assert (gaps[9] == Gap(START_MS, END_MS)) is is_answered
