"""AWS's time, as the Date headers of its answers show it."""

from __future__ import annotations

import pytest

from k8saudit_eks.delivery.polling.clock import AHEAD_MAX_MS, ServerClock

START_MS = 1_767_225_600_000
HOUR_MS = 3_600_000


class Machine:
    """A machine's clocks: wall_s may be wrong or be set, monotonic_s only goes on."""

    def __init__(self, wrong_ms: int = 0) -> None:
        self.wall_ms = START_MS + wrong_ms
        self.passed_ms = 50_000

    def wall_s(self) -> float:
        return self.wall_ms / 1000

    def monotonic_s(self) -> float:
        return self.passed_ms / 1000

    def clock(self) -> ServerClock:
        return ServerClock(self.wall_s, self.monotonic_s)


def test_it_is_not_sure_before_the_first_answer() -> None:
    """A Date that agrees makes it sure."""
    clock = Machine().clock()
    assert not clock.is_sure
    assert clock.correct(START_MS) == 0
    assert clock.is_sure


def test_one_wrong_date_is_not_believed() -> None:
    """Ahead or behind, and again after a right one; one that is behind makes this one unsure."""
    for wrong_ms in (HOUR_MS, -HOUR_MS):
        clock = Machine().clock()
        clock.correct(START_MS)
        for _ in range(3):
            assert clock.correct(START_MS + wrong_ms) == 0
            assert clock.is_sure == (wrong_ms > 0), "a clock that may be behind settles late"
            assert clock.correct(START_MS) == 0
            assert clock.is_sure
        assert clock.now_ms() == START_MS


def test_a_date_ahead_makes_no_unknown_clock_sure() -> None:
    """Before the first answer that agrees, nobody knows which of the two is wrong."""
    clock = Machine().clock()
    assert clock.correct(START_MS + HOUR_MS) == 0
    assert not clock.is_sure


def test_of_dates_that_run_ahead_the_nearest_is_taken() -> None:
    """A clock that goes slower than AWS's follows, and is never ahead of it."""
    machine = Machine()
    clock = machine.clock()
    clock.correct(START_MS)
    corrections_ms = [clock.correct(START_MS + ahead_ms) for ahead_ms in (20_000, 30_000, 40_000)]
    assert corrections_ms[:2] == [0, 0]
    assert 19_000 <= corrections_ms[2] <= 21_000
    assert clock.is_sure


@pytest.mark.parametrize(("wrong_ms", "unbelieved"), [(HOUR_MS, 1), (-HOUR_MS, 2)])
def test_dates_that_agree_are_believed(wrong_ms: int, unbelieved: int) -> None:
    """Two take the clock back, three take it ahead; the answer says by how much."""
    clock = Machine(wrong_ms).clock()
    for _ in range(unbelieved):
        assert clock.correct(START_MS) == 0
        assert not clock.is_sure
    correction_ms = clock.correct(START_MS)
    assert abs(correction_ms + wrong_ms) <= 1_000
    assert clock.is_sure
    assert abs(clock.now_ms() - START_MS) <= 1_000


def test_two_wrong_dates_that_differ_are_not_believed() -> None:
    """Both say that the clock is wrong, but not by the same."""
    clock = Machine().clock()
    assert clock.correct(START_MS + HOUR_MS) == 0
    assert clock.correct(START_MS + 2 * HOUR_MS) == 0
    assert clock.now_ms() == START_MS
    assert not clock.is_sure


def test_small_differences_mean_nothing() -> None:
    """Whole seconds and slow answers: what AHEAD_MAX_MS says is never exceeded unnoticed."""
    machine = Machine(4_000)
    clock = machine.clock()
    for _ in range(3):
        assert clock.correct(START_MS) == 0
    assert clock.is_sure
    machine = Machine(AHEAD_MAX_MS + 1)
    clock = machine.clock()
    clock.correct(START_MS)
    assert not clock.is_sure


def test_time_goes_on_by_the_monotonic_clock() -> None:
    """Setting the machine's clock changes nothing."""
    machine = Machine()
    clock = machine.clock()
    machine.wall_ms += HOUR_MS
    machine.passed_ms += 7_000
    assert clock.now_ms() == START_MS + 7_000


def test_without_dates_the_machines_clock_has_to_do() -> None:
    """Three answers without a Date header; two prove nothing, nor three with a Date between."""
    clock = Machine().clock()
    for answer_ms in (None, None, START_MS + HOUR_MS, None, None):
        clock.correct(answer_ms)
        assert not clock.is_sure
    clock.correct(None)
    assert clock.is_sure
    assert clock.now_ms() == START_MS
