"""How late and how many a stream's events are."""

from __future__ import annotations

import pytest

from k8saudit_eks.delivery.polling.cursor import Cursor

START_MS = 1_767_225_600_000


def cursor_of(delays_ms: list[int]) -> Cursor:
    cursor = Cursor()
    cursor.observe_delays(delays_ms)
    return cursor


def test_nothing_is_known_at_first() -> None:
    """No delay, no rate: whoever asks has to take its own first value."""
    cursor = Cursor()
    assert cursor.delay_ms is None
    assert cursor.events_per_ms is None
    assert cursor.spread_ms == 0


def test_most_delays_count_and_stragglers_do_not() -> None:
    """One in twenty is a minute late: the look-back must not follow it."""
    cursor = cursor_of([2_000] * 95 + [60_000] * 5)
    assert cursor.delay_ms == 2_000
    assert cursor.spread_ms == 0


def test_the_spread_is_how_far_events_are_out_of_order() -> None:
    """From 1 to 5 s late: 4 s before the newest, others still appear."""
    cursor = cursor_of([1_000] * 50 + [5_000] * 50)
    assert cursor.spread_ms == 4_000
    assert cursor.delay_ms == 7_000


def test_the_recent_past_decides() -> None:
    """A thousand prompt events after a slow time: the slow time is forgotten."""
    cursor = cursor_of([60_000] * 1_000)
    assert cursor.delay_ms == 60_000
    cursor.observe_delays([1_000] * 1_000)
    assert cursor.delay_ms == 1_000


def test_the_rate_needs_two_polls() -> None:
    """New events, by the time between the polls' beginnings."""
    cursor = Cursor()
    cursor.polled(START_MS, 100)
    assert cursor.events_per_ms is None
    cursor.polled(START_MS + 5_000, 50)
    assert cursor.events_per_ms == pytest.approx(0.01)


def test_a_peak_fades_in_minutes() -> None:
    """What was written a minute ago is still there to be read again; after 200 s it is not."""
    cursor = Cursor()
    cursor.polled(START_MS, 0)
    cursor.polled(START_MS + 5_000, 500)
    now_ms = START_MS + 5_000
    for _ in range(12):
        now_ms += 5_000
        cursor.polled(now_ms, 0)
    assert 0.05 < cursor.peak_events_per_ms < 0.1
    cursor.polled(now_ms + 200_000, 0)
    assert cursor.peak_events_per_ms == 0


def test_a_poll_that_ends_forgets_refusals() -> None:
    """The next refusal is a first one again."""
    cursor = Cursor()
    cursor.refusals = 3
    cursor.polled(START_MS, 0)
    assert cursor.refusals == 0
