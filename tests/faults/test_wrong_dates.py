"""Date headers that are wrong or missing, and machines whose clock is: nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from history import History

HOUR_MS = 3_600_000


def one_wrong(number: int, by_ms: int) -> Callable[[int], int]:
    """All but one answer tell AWS's time."""
    asked = -1

    def date_ms(now_ms: int) -> int:
        nonlocal asked
        asked += 1
        return now_ms + (by_ms if asked == number else 0)

    return date_ms


def alternating(by_ms: int) -> Callable[[int], int]:
    """Every second answer is wrong."""
    asked = 0

    def date_ms(now_ms: int) -> int:
        nonlocal asked
        asked += 1
        return now_ms + (by_ms if asked % 2 == 0 else 0)

    return date_ms


def late(folder: Path, **how: object) -> History:
    """5 % of its events are as late as late_window allows."""
    return History(
        folder,
        rate=5.0,
        hours=0.3,
        late_share=0.05,
        late_ms=(300_000, 300_000),
        **how,  # type: ignore[arg-type]
    )


def check(history: History) -> None:
    assert history.lost == []
    assert history.repeated == 0


@pytest.mark.parametrize("number", [0, 1, 2, 60])
@pytest.mark.parametrize("by_ms", [60_000, HOUR_MS, -HOUR_MS])
def test_one_wrong_date(by_ms: int, number: int, tmp_path: Path) -> None:
    """A single answer an hour ahead or behind settles nothing too early; also that of open."""
    history = late(tmp_path, date_ms=one_wrong(number, by_ms))
    history.run(0.5 * 3600)
    check(history)


@pytest.mark.parametrize("by_ms", [60_000, HOUR_MS, -HOUR_MS])
@pytest.mark.parametrize("parallel_calls", [1, 5])
def test_alternating_dates(parallel_calls: int, by_ms: int, tmp_path: Path) -> None:
    """Two of AWS's servers do not agree on the time: the machine's own clock goes on."""
    history = late(tmp_path, date_ms=alternating(by_ms), parallel_calls=parallel_calls)
    history.run(0.5 * 3600)
    check(history)


@pytest.mark.parametrize("by_ms", [60_000, HOUR_MS, -HOUR_MS])
def test_alternating_dates_while_a_backlog_is_read(by_ms: int, tmp_path: Path) -> None:
    """Of calls side by side each has a Date of its own: the wrong ones do not outvote the rest."""
    history = late(tmp_path, date_ms=alternating(by_ms), page_events=100)
    history.run(300)
    history.clock.now_s += 600
    history.run(0.5 * 3600)
    check(history)


def test_no_dates(tmp_path: Path) -> None:
    """Then the machine's clock decides."""
    history = late(tmp_path, date_ms=lambda now_ms: None)
    history.run(0.5 * 3600)
    check(history)


@pytest.mark.parametrize("ahead_s", [600, 1_200, -600])
def test_a_restart_without_a_date_at_open_on_a_machine_that_is_off(
    ahead_s: int, tmp_path: Path
) -> None:
    """What the first answers say corrects what was begun before them."""
    history = late(tmp_path, ahead_s=ahead_s)
    for seconds in (600, 13, 700):
        history.run(seconds, date_at_open=history.clock.now_ms == history.start_ms)
    history.run(0.4 * 3600, date_at_open=False)
    check(history)


def test_dates_that_come_while_a_slice_is_under_way(tmp_path: Path) -> None:
    """A machine ahead, answers without a Date at first: what was begun too early is dropped."""
    dateless = 0

    def date_ms(now_ms: int) -> int | None:
        nonlocal dateless
        dateless -= 1
        return None if dateless >= 0 else now_ms

    # A slice has thirty pages: it is not read to its end when the first Date comes.
    history = late(tmp_path, date_ms=date_ms, parallel_calls=1, page_events=5)
    history.run(300)
    dateless, history.ahead_s = 28, 600
    history.run(800)
    check(history)


def test_a_jump_that_answers_agree_on_is_believed(tmp_path: Path) -> None:
    """A machine that is an hour behind, and told so only while it reads: nothing waits for it."""
    history = late(tmp_path, ahead_s=-3600)
    history.run(0.5 * 3600, date_at_open=False)
    check(history)
    late_ms = [history.queue.came_ms[e.event_id] - e.visible_ms for e in history.written]
    assert sorted(late_ms)[len(late_ms) // 2] <= 5_000
