"""One range, page by page: its tokens, its halves, and what of it is in no gap."""

from __future__ import annotations

from readers import log_events

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.window import Window
from k8saudit_eks.delivery.seen import SeenIds

START_MS = 1_767_225_600_000
HOUR_MS = 3_600_000


def test_a_chain_that_was_interrupted_for_long_begins_again() -> None:
    """A suspended machine: after half a day the range is read from its first page."""
    window = Window(
        settled_ms=START_MS,
        seen=SeenIds(),
        now_ms=START_MS,
        late_window_ms=300_000,
        polling_interval_ms=5_000,
        give_up_after_ms=HOUR_MS,
    )
    reads = window.next_reads(START_MS)
    assert isinstance(reads, list)
    (head,) = reads
    window.page(head, log_events([]), "token", START_MS)
    assert window.next_reads(START_MS + 1) == [head]
    assert head.token is not None
    # A slice may come first.
    asked: set[Purpose] = set()
    for _ in range(2):
        again = window.next_reads(START_MS + 13 * HOUR_MS)
        assert isinstance(again, list)
        assert all(read.token is None for read in again)
        asked |= {read.purpose for read in again}
    assert asked == {Purpose.HEAD, Purpose.SETTLE}


def test_a_token_is_used_for_less_than_half_a_day() -> None:
    """Up to twelve hours it is good, and dropped after that."""
    read = Read(Purpose.SETTLE, START_MS, START_MS + 9)
    read.took(5, 1, "token", START_MS)
    read.about_to_ask(START_MS + 12 * HOUR_MS)
    assert read.token is not None
    read.about_to_ask(START_MS + 12 * HOUR_MS + 1)
    assert (read.token, read.pages, read.events, read.duplicates) == (None, 0, 0, 0)


def test_empty_pages_are_counted_without_a_break() -> None:
    """One event ends the count; only a missing token ends the chain."""
    read = Read(Purpose.SETTLE, START_MS, START_MS + 9)
    read.took(0, 0, "token", START_MS)
    read.took(0, 0, "token", START_MS)
    assert (read.empty_pages, read.done) == (2, False)
    read.took(1, 0, "token", START_MS)
    assert read.empty_pages == 0
    read.took(0, 0, None, START_MS)
    assert read.done


def test_halves_are_the_whole() -> None:
    """Of 2 ms, of an odd length, and with an open end; streams and refusals go along."""
    for length_ms in (2, 3, 30_000):
        read = Read(Purpose.HEAD, START_MS, START_MS + length_ms - 1, ("a",), refusals=2)
        first, second = read.halves(START_MS)
        assert (first.start_ms, second.end_ms) == (read.start_ms, read.end_ms)
        assert first.end_ms is not None
        assert read.start_ms <= first.end_ms == second.start_ms - 1
        assert (first.streams, second.refusals) == (("a",), 2)
    first, second = Read(Purpose.HEAD, START_MS, None).halves(START_MS + 999)
    assert (first.end_ms, second.start_ms, second.end_ms) == (
        START_MS + 499,
        START_MS + 500,
        None,
    )


def test_a_range_around_gaps() -> None:
    """Gaps at both edges, in the middle and outside: what is in none of them is left."""
    read = Read(Purpose.REREAD, 100, 199)
    gaps = [Gap(0, 50), Gap(90, 109), Gap(150, 150), Gap(190, 300), Gap(400, 500)]
    assert [(part.start_ms, part.end_ms) for part in read.around(gaps)] == [(110, 149), (151, 189)]
    assert read.around([Gap(100, 199)]) == []
    assert [
        (p.start_ms, p.end_ms) for p in Read(Purpose.HEAD, 100, None).around([Gap(0, 120)])
    ] == [(121, None)]


def test_a_page_in_the_middle_clears_a_chain_of_suspicion() -> None:
    """Bad luck of an earlier page counts no more; an empty page proves nothing."""
    read = Read(Purpose.SETTLE, START_MS, START_MS + 9, refusals=1, refused_at_ms=START_MS)
    read.took(0, 0, "token", START_MS)
    assert read.refusals == 1
    read.took(5, 0, "token", START_MS)
    assert (read.refusals, read.refused_at_ms) == (0, None)
