"""One moment, stream or event that stays bad for an hour, and all the others' promptness.

Each history is read twice, with and without it, and compared event by event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bad_moment import BadMoment, BadStream, Trouble
from history import STREAM, History, later_ms

from k8saudit_eks.metrics import Metric

MINUTE_MS = 60_000
POLL_MS = 5_000
# What is as near to a bad moment may wait with it.
NEAR_MS = 1_000
BAD_AT_MS = 10 * MINUTE_MS + 3_210
HOUR_S = 3_600


def spoil(history: History, bad: BadMoment | BadStream) -> None:
    history.before = lambda request: bad.answer(request, history.logs, history.clock.now_ms)


def bad_moment(history: History, trouble: Trouble, minutes: int = 60) -> BadMoment:
    """Bad from the start until so many minutes after it was written."""
    at_ms = history.start_ms + BAD_AT_MS
    return BadMoment(at_ms, history.start_ms, at_ms + minutes * MINUTE_MS, trouble)


def near(history: History, at_ms: int) -> set[str]:
    return {e.event_id for e in history.written if abs(e.timestamp_ms - at_ms) <= NEAR_MS}


def compare(bad: History, good: History, at_ms: int) -> None:
    """Nothing lost or repeated; others come within two polls, and a few calls, as without it."""
    assert bad.lost == []
    assert bad.repeated == 0
    assert len(bad.queue.came_ms) == len(good.queue.came_ms) == len(good.written)
    later = later_ms(bad, good, near(bad, at_ms))
    assert later[-1] <= 2 * POLL_MS + 500, (
        f"{sum(ms > 2 * POLL_MS for ms in later)} of {len(later)}"
    )
    assert max(bad.host.ids) <= 1.1 * max(good.host.ids) + 100


Good = Callable[..., History]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    """A history without any trouble that has run for so many seconds; the same one if there is."""
    known: dict[str, History] = {}

    def read(seconds: float, **how: Any) -> History:
        key = f"{seconds} {how}"
        if key not in known:
            known[key] = History(tmp_path_factory.mktemp("good"), **how)
            known[key].run(seconds)
        return known[key]

    return read


@pytest.mark.parametrize(
    ("rate", "trouble"),
    [(1.0, Trouble.REFUSED), (1.0, Trouble.PAGE_REFUSED), (20.0, Trouble.REFUSED)],
)
def test_a_moment_refused_for_an_hour(
    rate: float, trouble: Trouble, good: Good, tmp_path: Path
) -> None:
    """The head passes it, settling goes on beyond it, and it comes once it can be read."""
    bad = History(tmp_path, rate=rate)
    moment = bad_moment(bad, trouble)
    spoil(bad, moment)
    bad.run(1.4 * HOUR_S)
    compare(bad, good(1.4 * HOUR_S, rate=rate), moment.at_ms)


@pytest.mark.parametrize("trouble", [Trouble.ENDLESS, Trouble.SAME_TOKEN])
@pytest.mark.parametrize("parallel_calls", [1, 5])
def test_a_chain_of_empty_pages_without_end_for_an_hour(
    parallel_calls: int, trouble: Trouble, good: Good, tmp_path: Path
) -> None:
    """It takes no turn that belongs to others, and its events come once it ends."""
    bad = History(tmp_path, rate=1.0, parallel_calls=parallel_calls)
    moment = bad_moment(bad, trouble)
    spoil(bad, moment)
    bad.run(1.4 * HOUR_S)
    compare(bad, good(1.4 * HOUR_S, rate=1.0), moment.at_ms)


@pytest.mark.parametrize("trouble", list(Trouble))
def test_a_moment_that_is_bad_when_it_is_settled(
    trouble: Trouble, good: Good, tmp_path: Path
) -> None:
    """What was read before goes bad for half an hour, and then nothing has to come again."""
    bad = History(tmp_path, rate=2.0, hours=0.6)
    at_ms = bad.start_ms + BAD_AT_MS
    moment = BadMoment(at_ms, at_ms + 30_000, at_ms + 30 * MINUTE_MS, trouble)
    spoil(bad, moment)
    bad.run(0.8 * HOUR_S)
    compare(bad, good(0.8 * HOUR_S, rate=2.0, hours=0.6), moment.at_ms)


def test_a_stream_refused_in_a_busy_log_group(good: Good, tmp_path: Path) -> None:
    """Whoever asks for it by name must not let the others wait."""
    how: dict[str, Any] = {
        "rate": 20.0,
        "hours": 0.5,
        "page_events": 100,
        "config": {"api_rate": 10.0},
    }
    bad = History(tmp_path, **how)
    spoil(bad, BadStream(f"{STREAM}1", bad.start_ms, bad.start_ms + 40 * MINUTE_MS))
    bad.run(0.7 * HOUR_S)
    others = {e.event_id for e in bad.written if e.stream == f"{STREAM}1"}
    assert bad.lost == []
    assert bad.repeated == 0
    assert later_ms(bad, good(0.7 * HOUR_S, **how), others)[-1] <= 2 * POLL_MS


@pytest.mark.parametrize("missing", ["eventId", "timestamp"])
def test_an_event_without_its_id_or_time(
    missing: str, good: Good, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is passed over, counted and logged; the others of its page come."""
    bad = History(tmp_path, rate=1.0, hours=0.5)
    (broken,) = [e for e in bad.written if e.event_id.endswith("0600")]

    def before(request: dict[str, Any]) -> dict[str, Any]:
        answer = bad.client.answer(request)
        for event in answer["events"]:
            if event["eventId"] == broken.event_id:
                del event[missing]
        return answer

    bad.before = before
    bad.run(0.7 * HOUR_S)
    assert [e.event_id for e in bad.lost] == [broken.event_id]
    assert bad.repeated == 0
    assert later_ms(bad, good(0.7 * HOUR_S, rate=1.0, hours=0.5))[-1] <= 2 * POLL_MS
    assert bad.host.counts[Metric.EVENTS_INVALID] >= 1
    assert bad.host.counts[Metric.API_ERRORS] == 0
    assert any(record.levelno >= logging.WARNING for record in caplog.records)


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.ENDLESS])
def test_ids_and_ledger_stay_few_while_a_moment_is_bad_and_a_restart_goes_on(
    trouble: Trouble, tmp_path: Path
) -> None:
    """The mark goes on; what is missing is remembered across a restart and comes when it can."""
    history = History(tmp_path, rate=5.0)
    moment = bad_moment(history, trouble)
    spoil(history, moment)
    history.run(HOUR_S)
    # late_window, two slices, what the clock may be ahead and a bucket of ids.
    assert max(history.host.ids) <= 5 * (300 + 2 * 30 + 6 + 10 + 30)
    assert history.ledger_ids() <= 5 * (300 + 2 * 30 + 6 + 10 + 30)
    assert {e.event_id for e in history.lost} <= near(history, moment.at_ms)
    history.run(0.4 * HOUR_S)
    assert history.lost == []
    assert history.repeated == 0


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.ENDLESS])
def test_a_moment_that_is_never_read_is_given_up(
    trouble: Trouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once it is older than max_catch_up and late_window: an error, and the seconds counted."""
    config = {"max_catch_up": 600}
    history = History(tmp_path, rate=1.0, hours=0.7, config=config)
    moment = replace(bad_moment(history, trouble), until_ms=1 << 60)
    spoil(history, moment)
    history.run((BAD_AT_MS + 850_000) / 1000)
    assert history.host.counts[Metric.SECONDS_GIVEN_UP] == 0
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
    history.run(0.5 * HOUR_S)
    assert 1 <= history.host.counts[Metric.SECONDS_GIVEN_UP] <= 3
    (error,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert "given up" in error
    assert {e.event_id for e in history.lost} <= near(history, moment.at_ms)
    # Whatever comes of it afterwards, it is over.
    caplog.clear()
    history.run(600)
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
