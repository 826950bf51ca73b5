"""What a poll reads, together and of streams apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from readers import log_events

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.heads import Heads
from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.read import Read

pytestmark = pytest.mark.both_ways

START_MS = 1_767_225_600_000
LATE_WINDOW_MS = 300_000
POLL_MS = 5_000
STREAMS = ("a", "b", "c")


def heads_of(newest_ms: int | None = None) -> Heads:
    return Heads(newest_ms=newest_ms, late_window_ms=LATE_WINDOW_MS, polling_interval_ms=POLL_MS)


def event(timestamp_ms: int, stream: str = "a", delay_ms: int = 1_000) -> dict[str, Any]:
    return {
        "timestamp": timestamp_ms,
        "logStreamName": stream,
        "ingestionTime": timestamp_ms + delay_ms,
    }


def observe(
    heads: Heads, events: list[dict[str, Any]], now_ms: int, *, is_head: bool, back_ms: int
) -> None:
    """All the events are new."""
    heads.observe(log_events(events), range(len(events)), now_ms, is_head=is_head, back_ms=back_ms)


def ready(
    heads: Heads, now_ms: int, *, first_ms: int = 0, gaps: tuple[Gap, ...] = (), reach: Any = None
) -> Read | None:
    return heads.ready(now_ms, first_ms=first_ms, gaps=gaps, reach_ms=reach or (lambda *_: None))


def poll(heads: Heads, now_ms: int, events: list[dict[str, Any]], duplicates: int = 0) -> Read:
    """A poll of one page: so many new events, and so many known ones."""
    read = ready(heads, now_ms)
    assert read is not None
    observe(heads, events, now_ms, is_head=True, back_ms=0)
    read.took(len(events) + duplicates, duplicates, None, now_ms)
    heads.took_page(read, now_ms)
    return read


def apart(now_ms: int) -> Heads:
    """Streams are read apart, each with a newest event now, and all are due."""
    heads = heads_of()
    poll(heads, now_ms, [event(now_ms, stream) for stream in STREAMS])
    read = ready(heads, now_ms + POLL_MS)
    assert read is not None
    for events, token in ((500, "token"), (400, None)):
        read.took(events, events, token, now_ms + POLL_MS)
        heads.took_page(read, now_ms + POLL_MS)
    assert heads.apart
    return heads


def test_the_first_poll_reads_all_there_is_to_read() -> None:
    """From where everything before is settled, without an end: a clock may be ahead."""
    read = ready(heads_of(), START_MS, first_ms=START_MS - 1_000)
    assert read is not None
    assert (read.start_ms, read.end_ms, read.streams) == (START_MS - 1_000, None, ())


def test_a_poll_looks_back_from_the_newest_event() -> None:
    """15 s while nothing is known, then as far as most events are late and a second."""
    assert poll(heads_of(START_MS), START_MS, []).start_ms == START_MS - 15_000
    for delay_ms, look_back_ms in ((100, 2_000), (8_000, 9_000), (900_000, 60_000)):
        heads = heads_of()
        poll(heads, START_MS, [event(START_MS - n, delay_ms=delay_ms) for n in range(20)])
        assert poll(heads, START_MS + POLL_MS, []).start_ms == START_MS - look_back_ms


def test_polls_are_an_interval_apart() -> None:
    """From the end of one to the beginning of the next; a clock set back delays none."""
    heads = heads_of()
    assert heads.pause_ms(START_MS) == 0
    poll(heads, START_MS, [])
    assert heads.pause_ms(START_MS) == POLL_MS
    assert heads.pause_ms(START_MS + POLL_MS) == 0
    assert heads.pause_ms(START_MS - 3_600_000) == 0


def test_after_an_outage_a_poll_leaves_what_is_due_to_the_slices() -> None:
    """The poll that was refused for an hour begins anew where slices do not read yet."""
    heads = heads_of(START_MS)
    read = ready(heads, START_MS)
    assert read is not None
    for second in range(3_600):
        heads.refused(read, START_MS + second * 1_000, Health())
    now_ms = START_MS + 3_600_000
    first_ms = now_ms - 335_000
    read = heads.ready(now_ms, first_ms=first_ms, gaps=(), reach_ms=lambda *_: None)
    assert read is not None
    assert (read.start_ms, read.refusals) == (first_ms, 0)


def test_an_idle_group_does_not_read_its_last_events_for_ever() -> None:
    """Nothing is written for an hour: polls follow the time, not the newest event."""
    heads = heads_of()
    poll(heads, START_MS, [event(START_MS - n) for n in range(20)])
    now_ms = START_MS
    for _ in range(720):
        now_ms += POLL_MS
        read = poll(heads, now_ms, [])
    assert read.start_ms > now_ms - 60_000
    assert read.start_ms < now_ms - 10_000, "this clock may be ahead of AWS's"


def test_a_clock_ahead_hides_nothing() -> None:
    """An event of the next hour: polls still begin before now."""
    heads = heads_of()
    poll(heads, START_MS, [event(START_MS + 3_600_000)])
    assert poll(heads, START_MS + POLL_MS, []).start_ms < START_MS + POLL_MS


def test_what_all_streams_have_read_is_told_once() -> None:
    """From where, and when it began; a poll that has not ended tells nothing."""
    heads = heads_of(START_MS)
    read = ready(heads, START_MS)
    assert read is not None
    read.took(5, 0, "token", START_MS)
    heads.took_page(read, START_MS)
    assert heads.take_polled() is None
    read.took(5, 0, None, START_MS + 300)
    heads.took_page(read, START_MS + 300)
    assert heads.take_polled() == (START_MS - 15_000, START_MS)
    assert heads.take_polled() is None


def test_a_poll_reads_around_gaps() -> None:
    """The part before the gap and the part behind it belong to the same poll."""
    heads = heads_of(START_MS)
    gap = Gap(START_MS - 10_000, START_MS - 9_000)
    for start_ms, end_ms in (
        (START_MS - 15_000, START_MS - 10_001),
        (START_MS - 8_999, None),
    ):
        read = ready(heads, START_MS, gaps=(gap,))
        assert read is not None
        assert (read.start_ms, read.end_ms) == (start_ms, end_ms)
        read.took(0, 0, None, START_MS)
        heads.took_page(read, START_MS)
    assert heads.pause_ms(START_MS) > 0


def test_a_poll_spares_the_ladder_its_calls() -> None:
    """Where few events are written, it begins as far back as a rung is."""
    heads = heads_of()
    poll(heads, START_MS, [event(START_MS)])
    poll(heads, START_MS + POLL_MS, [event(START_MS + POLL_MS)])
    asked: list[tuple[int, float, float]] = []

    def reach_ms(now_ms: int, events_per_ms: float, events: float) -> int:
        asked.append((now_ms, events_per_ms, events))
        return START_MS - 70_000

    read = ready(heads, START_MS + 2 * POLL_MS, reach=reach_ms)
    assert read is not None
    assert read.start_ms == START_MS - 70_000
    assert asked == [(START_MS + 2 * POLL_MS, pytest.approx(1 / POLL_MS), 125)]


def test_more_than_a_page_of_known_events_parts_the_streams() -> None:
    """Then each stream is read from its own newest event, without the others."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    assert heads.pause_ms(now_ms - 1) == 1
    names = []
    for _ in STREAMS:
        read = poll(heads, now_ms, [])
        assert START_MS - 200 <= read.start_ms <= START_MS
        names += read.streams
    assert sorted(names) == list(STREAMS)
    assert heads.pause_ms(now_ms) == POLL_MS


def test_a_full_page_of_new_events_parts_nothing() -> None:
    """A burst takes pages, but nothing is read twice."""
    heads = heads_of()
    read = ready(heads, START_MS)
    assert read is not None
    observe(heads, [event(START_MS)], START_MS, is_head=True, back_ms=0)
    for events, token in ((500, "token"), (500, "token"), (10, None)):
        read.took(events, 0, token, START_MS)
        heads.took_page(read, START_MS)
    assert not heads.apart


def test_quiet_streams_are_read_together_again() -> None:
    """As soon as what a poll looks back at fits in half a page."""
    heads = apart(START_MS)
    now_ms = START_MS
    for _ in range(3 * len(STREAMS)):
        now_ms += POLL_MS
        if heads.apart:
            poll(heads, now_ms, [])
    assert not heads.apart
    assert poll(heads, now_ms + POLL_MS, []).streams == ()


def test_a_refused_stream_holds_up_no_other() -> None:
    """It waits for itself; the others are read at the same moment."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    refused = ready(heads, now_ms)
    assert refused is not None
    assert heads.refused(refused, now_ms, Health()) is None
    others = [poll(heads, now_ms, []).streams for _ in range(2)]
    assert refused.streams not in others
    assert heads.pause_ms(now_ms) == 1_000


def test_a_stream_refused_twice_is_asked_for_with_all_others() -> None:
    """Once, from where it was read up to; then it is left alone, twice as long."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    first = ready(heads, now_ms)
    assert first is not None
    heads.refused(first, now_ms, Health())
    for _ in range(2):
        poll(heads, now_ms, [])
    now_ms += 1_000
    again = ready(heads, now_ms)
    assert again is not None
    assert again.streams == first.streams
    heads.refused(again, now_ms, Health())
    whole = poll(heads, now_ms, [])
    assert whole.streams == ()
    assert (whole.start_ms, whole.end_ms) == (again.start_ms, now_ms)
    assert heads.pause_ms(now_ms) == 2_000


def test_a_stream_that_is_gone_is_forgotten() -> None:
    """Without any, all are read together again."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    for _ in STREAMS:
        read = ready(heads, now_ms)
        assert read is not None
        heads.stream_is_gone(read)
    read = ready(heads, now_ms)
    assert read is not None
    assert read.streams == ()
    assert not heads.apart


def test_a_silent_stream_was_rotated_away() -> None:
    """After late_window and two minutes without an event nothing asks for it."""
    heads = apart(START_MS)
    now_ms = START_MS + LATE_WINDOW_MS + 121_000
    observe(heads, [event(now_ms, "b")], now_ms, is_head=True, back_ms=0)
    polled = poll(heads, now_ms, [])
    assert polled.streams == ("b",)
    assert heads.pause_ms(now_ms) > 0


def test_a_new_stream_is_read_from_before_its_first_event() -> None:
    """Found by a sample: what it wrote since the last sample is read, too."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    observe(heads, [event(now_ms - 20_000, "new")], now_ms, is_head=False, back_ms=40_000)
    first = poll(heads, now_ms, [])
    assert first.streams == ("new",)
    assert first.start_ms <= now_ms - 60_000


def test_only_a_poll_moves_a_stream_on() -> None:
    """What another reading finds does not hide what the stream wrote before."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    found = [event(now_ms, stream) for stream in STREAMS]
    observe(heads, found, now_ms, is_head=False, back_ms=0)
    assert poll(heads, now_ms, []).start_ms <= START_MS


def test_an_event_of_the_future_does_not_move_its_stream_on() -> None:
    """What the stream writes until then is read as before."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    observe(heads, [event(now_ms + 3_600_000, s) for s in STREAMS], now_ms, is_head=True, back_ms=0)
    assert poll(heads, now_ms, []).start_ms <= START_MS


def test_a_stream_waits_a_little_for_a_full_page() -> None:
    """Up to half an interval longer, where that fills the page; not where it is far off."""
    for new_events, pause_ms in ((304, 7_000), (200, POLL_MS)):
        heads = apart(START_MS)
        now_ms = START_MS + 2 * POLL_MS
        for _ in STREAMS:
            poll(heads, now_ms, [])
        # Five seconds later, so many new ones of each.
        now_ms += POLL_MS
        for _ in STREAMS:
            poll(heads, now_ms, [event(now_ms, s) for s in STREAMS] + [event(now_ms)] * new_events)
        assert heads.pause_ms(now_ms) == pytest.approx(pause_ms, abs=200)


def test_a_late_stream_that_ended_is_forgotten() -> None:
    """It was 50 s late, and has been silent for an hour: it does not lengthen the look-back."""
    heads = heads_of()
    poll(heads, START_MS, [event(START_MS - n, "old", 50_000) for n in range(50)])
    now_ms = START_MS + 3_600_000
    poll(heads, now_ms, [event(now_ms - n, "new", 1_000) for n in range(50)])
    poll(heads, now_ms + POLL_MS, [])
    assert poll(heads, now_ms + 2 * POLL_MS, []).start_ms > now_ms - 20_000


def test_a_refused_token_counts_as_a_refusal_of_its_stream() -> None:
    """It waits for a second; the next time, its range is asked for with all others."""
    heads = apart(START_MS)
    now_ms = START_MS + 2 * POLL_MS
    first = ready(heads, now_ms)
    assert first is not None
    for wait_ms in (1_000, 2_000):
        read = ready(heads, now_ms)
        assert read is not None
        assert read.streams == first.streams
        read.took(500, 0, "token", now_ms)
        heads.took_page(read, now_ms)
        assert heads.token_is_refused(read, now_ms, Health()) is None
        if wait_ms == 2_000:
            assert poll(heads, now_ms, []).streams == ()
        else:
            for _ in range(2):
                assert poll(heads, now_ms, []).streams != first.streams
        assert heads.pause_ms(now_ms) == wait_ms
        now_ms += wait_ms


def test_refused_tokens_of_one_stream_hold_up_no_other() -> None:
    """Each chain of a breaks off behind its first page: b and c still have their turn."""
    heads, health = apart(START_MS), Health()
    now_ms = START_MS + 2 * POLL_MS
    polls: Counter[tuple[str, ...]] = Counter()
    while now_ms < START_MS + 60_000:
        pause_ms = heads.pause_ms(now_ms)
        read = ready(heads, now_ms) if pause_ms == 0 else None
        now_ms += pause_ms or 200
        if read is None:
            continue
        observe(heads, [event(now_ms, stream) for stream in "bc"], now_ms, is_head=False, back_ms=0)
        if read.streams != ("a",):
            polls[read.streams] += 1
            health.answered(read, now_ms)
            read.took(1, 0, None, now_ms)
            heads.took_page(read, now_ms)
        elif read.token is not None:
            heads.token_is_refused(read, now_ms, health)
        else:
            health.answered(read, now_ms)
            read.took(500, 0, "token", now_ms)
            heads.took_page(read, now_ms)
    assert polls[("b",)] >= 8
    assert polls[("c",)] >= 8
