"""The settled mark moves over what is read for the last time, and over nothing else."""

from __future__ import annotations

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.passes import PARTS_MAX
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.settling import SLICE_MAX_MS, SLICE_MS, SLICE_PAGES_MAX, Settling

START_MS = 1_767_225_600_000
LATE_WINDOW_MS = 300_000
DUE_MS = START_MS + SLICE_MS + LATE_WINDOW_MS
HOUR_MS = 3_600_000


def end(settling: Settling, read: Read, now_ms: int, pages: int = 1) -> None:
    """So many pages of `read` come, the last one too."""
    for page in range(pages):
        read.took(1, 0, "token" if page < pages - 1 else None, now_ms)
        settling.took_page(read, now_ms)


def test_a_slice_is_read_when_all_of_it_is_old_enough() -> None:
    """Not a millisecond before; then the mark moves over it."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    assert settling.reads(DUE_MS - 1, 5, ()) == []
    assert settling.pause_ms(DUE_MS - 1) == 1
    (read,) = settling.reads(DUE_MS, 5, ())
    assert (read.start_ms, read.end_ms) == (START_MS, START_MS + SLICE_MS - 1)
    assert settling.settled_ms == START_MS
    end(settling, read, DUE_MS)
    assert settling.settled_ms == START_MS + SLICE_MS


def test_the_mark_waits_for_the_oldest_slice() -> None:
    """Of slices side by side, one that ended early moves nothing while an older one is read."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    now_ms = DUE_MS + HOUR_MS
    (first,) = settling.reads(now_ms, 3, ())
    first.took(1, 0, "token", now_ms)
    settling.took_page(first, now_ms)
    reads = settling.reads(now_ms, 3, ())
    assert reads[0] is first
    assert len(reads) > 1
    end(settling, reads[1], now_ms)
    assert settling.settled_ms == START_MS
    end(settling, first, now_ms)
    assert settling.settled_ms == (reads[1].end_ms or 0) + 1


def test_a_quiet_backlog_is_read_in_ever_longer_slices() -> None:
    """A day without events costs a few dozen calls, and no slice is longer than an hour."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    now_ms = START_MS + 24 * HOUR_MS
    calls = 0
    while settling.is_behind(now_ms):
        for read in settling.reads(now_ms, 5, ()):
            calls += 1
            assert read.length_ms(now_ms) <= SLICE_MAX_MS
            end(settling, read, now_ms)
    assert calls < 50
    assert settling.settled_ms > now_ms - LATE_WINDOW_MS - 2 * SLICE_MS


def test_a_long_slice_with_many_events_is_given_up_for_short_ones() -> None:
    """Ids of an unsettled slice are kept: after so many pages it begins again, 30 s long."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    now_ms = START_MS + 24 * HOUR_MS
    for _ in range(4):
        (read,) = settling.reads(now_ms, 1, ())
        end(settling, read, now_ms)
    (long,) = settling.reads(now_ms, 1, ())
    assert long.length_ms(now_ms) > 4 * SLICE_MS
    for _ in range(SLICE_PAGES_MAX):
        long.took(500, 0, "token", now_ms)
        settling.took_page(long, now_ms)
    short = settling.reads(now_ms, 1, ())[0]
    assert (short.start_ms, short.length_ms(now_ms)) == (long.start_ms, SLICE_MS)
    assert settling.settled_ms == long.start_ms
    # One more page of it, which was under way, moves nothing back.
    end(settling, short, now_ms)
    long.took(500, 0, "token", now_ms)
    settling.took_page(long, now_ms)
    assert settling.settled_ms == long.start_ms + SLICE_MS


def test_pages_of_a_slice_leave_the_head_calls() -> None:
    """A quarter of a second apart, but one behind the other in a backlog."""
    for behind_ms, pause_ms in ((0, 250), (HOUR_MS, 0)):
        settling = Settling(START_MS, LATE_WINDOW_MS)
        now_ms = DUE_MS + behind_ms
        read = settling.reads(now_ms, 1, ())[0]
        read.took(500, 0, "token", now_ms)
        settling.took_page(read, now_ms)
        assert settling.pause_ms(now_ms) == pause_ms
        assert settling.pause_ms(now_ms - HOUR_MS) <= 250 or behind_ms, "a clock that went back"


def test_the_mark_passes_a_gap() -> None:
    """One bad millisecond: all around is read, the mark goes on, and the gap is told of."""
    bad_ms = START_MS + 12_345
    settling = Settling(START_MS, LATE_WINDOW_MS)
    gaps: list[Gap] = []
    health = Health()
    for now_ms in range(DUE_MS, DUE_MS + 240_000, 1_000):
        health.answered(Read(Purpose.HEAD, now_ms, None), now_ms)
        for read in settling.reads(now_ms, 1, gaps):
            assert read.end_ms is not None
            if read.start_ms <= bad_ms <= read.end_ms:
                health.refused(read)
                gap = settling.refused(read, now_ms, health)
                if gap is not None:
                    gaps.append(gap)
                    settling.leave_out(gaps)
            else:
                end(settling, read, now_ms)
    assert gaps == [Gap(bad_ms, bad_ms)]
    assert settling.settled_ms > now_ms - LATE_WINDOW_MS - 2 * SLICE_MS


def test_a_total_outage_moves_nothing_and_grows_nothing() -> None:
    """An hour in which AWS answers nothing: no gap, no mark, and a bounded number of parts."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    health = Health()
    health.answered(Read(Purpose.HEAD, START_MS, None), DUE_MS - 1)
    calls = 0
    for now_ms in range(DUE_MS, DUE_MS + HOUR_MS, 1_000):
        reads = settling.reads(now_ms, 5, ())
        for read in reads:
            calls += 1
            health.refused(read)
            assert settling.refused(read, now_ms, health) is None
    assert settling.settled_ms == START_MS
    assert len(settling.reads(now_ms + 60_000, 1_000, ())) <= 2 * PARTS_MAX + 1
    assert calls < HOUR_MS / 1_000


def test_a_refused_slice_does_not_hold_up_the_next_ones() -> None:
    """They are read meanwhile; only the mark waits."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    now_ms = DUE_MS + 4 * SLICE_MS
    (refused,) = settling.reads(now_ms, 1, ())
    settling.refused(refused, now_ms, Health())
    for _ in range(3):
        (read,) = settling.reads(now_ms, 1, ())
        assert read is not refused
        end(settling, read, now_ms)
    assert settling.settled_ms == START_MS


def test_a_clock_that_was_ahead_begins_again() -> None:
    """What is under way was perhaps not old enough: it is read anew when it is."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    (read,) = settling.reads(DUE_MS, 1, ())
    settling.begin_again()
    assert settling.reads(DUE_MS - 60_000, 1, ()) == []
    end(settling, read, DUE_MS)
    assert settling.settled_ms == START_MS
    assert len(settling.reads(DUE_MS, 1, ())) == 1


def test_slices_are_planned_around_gaps() -> None:
    """A gap is not read by settling."""
    settling = Settling(START_MS, LATE_WINDOW_MS)
    gap = Gap(START_MS + 10_000, START_MS + 19_999)
    parts = settling.reads(DUE_MS, 5, (gap,))
    assert [(part.start_ms, part.end_ms) for part in parts] == [
        (START_MS, START_MS + 9_999),
        (START_MS + 20_000, START_MS + SLICE_MS - 1),
    ]
    for part in parts:
        end(settling, part, DUE_MS)
    assert settling.settled_ms == START_MS + SLICE_MS
