"""The budget of API calls: its rate, its burst, and how it gives way."""

from __future__ import annotations

import gc

import pytest

from k8saudit_eks.delivery.polling.budget import Budgets, CallBudget


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def spend(budget: CallBudget, clock: Clock, seconds: float) -> int:
    """Calls made in so many seconds by someone who never pauses."""
    end_s = clock.now_s + seconds
    calls = 0
    while True:
        clock.now_s += budget.take()
        if clock.now_s >= end_s:
            return calls
        calls += 1


@pytest.mark.parametrize("calls_per_s", [0.5, 5, 25])
def test_the_rate_is_kept_and_used(calls_per_s: float) -> None:
    """Over a minute as many calls as allowed, and one second's burst at most above."""
    clock = Clock()
    calls = spend(CallBudget(calls_per_s, clock), clock, 60)
    assert 60 * calls_per_s - 1 <= calls <= 61 * calls_per_s + 1


def test_a_pause_saves_no_more_than_a_burst() -> None:
    """After an hour of rest only one second's calls come at once."""
    clock = Clock()
    budget = CallBudget(5, clock)
    clock.now_s += 3600
    waits = [budget.take() for _ in range(6)]
    assert waits[:5] == [0.0] * 5
    assert waits[5] == pytest.approx(0.2)


def test_callers_at_once_get_moments_of_their_own() -> None:
    """Whoever takes without waiting for the others is queued behind them."""
    budget = CallBudget(1, Clock())
    assert [budget.take() for _ in range(4)] == pytest.approx([0, 1, 2, 3])


def test_throttling_halves_the_rate_and_peace_restores_it() -> None:
    """Half, then a quarter, never below a tenth; back to the whole in some ten seconds."""
    clock = Clock()
    budget = CallBudget(8, clock)
    budget.throttled()
    assert budget.calls_per_s == pytest.approx(4)
    for _ in range(10):
        budget.throttled()
    assert budget.calls_per_s == pytest.approx(0.8)
    assert budget.take() > 1, "what was saved before is not spent after a throttle"
    clock.now_s += 4.5
    budget.take()
    assert 4 <= budget.calls_per_s <= 5
    clock.now_s += 10
    budget.take()
    assert budget.calls_per_s == 8


def test_a_clock_that_stands_still_gives_nothing_away() -> None:
    """Nor does one that goes back."""
    clock = Clock()
    budget = CallBudget(2, clock)
    budget.take()
    budget.take()
    clock.now_s -= 100
    assert budget.take() == pytest.approx(0.5)


def test_an_account_and_region_share_one_budget() -> None:
    """The same owner gets the same budget while anyone uses it; another owner another one."""
    budgets, clock = Budgets(), Clock()
    first = budgets.of(("1", "eu-west-1"), 5, clock)
    assert budgets.of(("1", "eu-west-1"), 7, clock) is first
    assert first.calls_per_s == 7, "an old poller in a call must not keep an old api_rate"
    assert budgets.of(("1", "eu-west-2"), 5, clock) is not first
    del first
    gc.collect()
    assert budgets.of(("1", "eu-west-1"), 7, clock).calls_per_s == 7
