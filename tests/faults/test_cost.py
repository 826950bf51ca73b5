"""What reading costs, quiet and busy, and that busy times lose and repeat nothing.

Pages, and with them the rates, are a tenth of CloudWatch's: 250 events stand for a
page of 1 MB, 100 events/s for 1,000.
"""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Any

import pytest
from fakes import FakeClient, audit_line, client_error
from simulated_logs import SimulatedLogs
from test_source import Bench

from k8saudit_eks.metrics import Metric

PAGE_EVENTS = 250
# Each API server's shipper has a lag of its own.
LAGS_MS = {"a": 2_000, "b": 9_000, "c": 20_000}


class MeteredLogs(SimulatedLogs):
    """Counts calls and events given from a time on; events are made when they are visible."""

    def __init__(self) -> None:
        super().__init__(page_events=PAGE_EVENTS)
        self.since_ms = 0
        self.read: Counter[str] = Counter()
        self.coming: deque[tuple[int, int, str, str]] = deque()
        self.expected = 0
        self.bounded_at_s: Counter[int] = Counter()

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        while self.coming and self.coming[0][0] <= now_ms:
            visible_ms, at_ms, audit_id, stream = self.coming.popleft()
            self.add(at_ms, audit_line(audit_id), stream=stream, visible_ms=visible_ms)
        answer = super().filter_log_events(request, now_ms)
        if now_ms >= self.since_ms:
            self.read["calls"] += 1
            self.read["events"] += len(answer["events"])
            if "logStreamNames" in request:
                self.read["stream calls"] += 1
            elif request.get("endTime") is not None:
                self.read["bounded calls"] += 1
                self.bounded_at_s[now_ms // 1000] += 1
        return answer


def bench_of(**config: Any) -> tuple[Bench, MeteredLogs]:
    bench = Bench(**config)
    logs = MeteredLogs()
    bench.logs = logs
    bench.client = FakeClient(logs, bench.clock)
    return bench, logs


def fill(
    logs: MeteredLogs,
    begin_ms: int,
    begin_s: int,
    end_s: int,
    events_per_s: int,
    streams: str = "abc",
) -> None:
    """So many events a second, spread over the streams."""
    chance = random.Random(begin_s)
    coming = list(logs.coming)
    for second in range(begin_s, end_s):
        for _ in range(events_per_s):
            at_ms = begin_ms + second * 1000 + chance.randrange(1000)
            name = chance.choice(streams)
            visible_ms = at_ms + LAGS_MS.get(name, 1_000)
            stream = f"kube-apiserver-audit-{name}"
            coming.append((visible_ms, at_ms, str(len(coming)), stream))
    logs.coming = deque(sorted(coming))
    logs.expected = len(coming)


def assert_once(bench: Bench, expected: int) -> None:
    ids = bench.queue.audit_ids
    assert len(ids) == len(set(ids)), "repeated"
    assert len(ids) == expected, "lost"


@pytest.mark.parametrize("polling_interval", [1, 5, 60])
def test_busy_reading_costs_little_more_than_twice_the_data(polling_interval: int) -> None:
    """Calls are short: every event is read at most 2.3 times: head, settling, and some.

    As 1,000 events/s at 5 calls/s, with pages of 250 events: the ladder rests.
    """
    api_rate = 5 if polling_interval == 1 else 1.5
    bench, logs = bench_of(polling_interval=polling_interval, api_rate=api_rate)
    fill(logs, bench.start_ms, 0, 1000, 100)
    logs.since_ms = bench.start_ms + 500_000
    bench.run(1000)
    pages_of_events = 500 * 100 / PAGE_EVENTS
    assert logs.read["events"] / PAGE_EVENTS <= 2.3 * pages_of_events
    # A poll reads each stream once; scouts and settling slices come on top. A page of
    # this log group holds the events of 2.5 s.
    assert logs.read["calls"] <= 3 * 500 / polling_interval * 1.05 + 2.3 * pages_of_events
    assert logs.read["stream calls"] > 0
    # Settling reads are spread, and leave the head its calls.
    assert max(logs.bounded_at_s.values()) <= 8
    assert bench.host.counts[Metric.EVENTS_LATE] < 0.01 * len(logs.events)


@pytest.mark.parametrize("polling_interval", [1, 5, 60])
def test_quiet_reading_costs_one_call_a_poll_and_one_a_slice(polling_interval: int) -> None:
    """20 events/s: however long the overlap is, it fits the page."""
    bench, logs = bench_of(polling_interval=polling_interval)
    fill(logs, bench.start_ms, 0, 1500, 2)
    logs.since_ms = bench.start_ms + 500_000
    bench.run(1500)
    assert logs.read["calls"] <= 1.1 * (1000 / polling_interval + 1000 / 30)
    assert logs.read["stream calls"] == 0


def test_a_burst_with_a_new_stream_loses_and_repeats_nothing() -> None:
    """20, then 5,000, then 20 events/s: quiet, busy, quiet; the new stream is found soon."""
    bench, logs = bench_of(api_rate=25)
    fill(logs, bench.start_ms, 0, 100, 2)
    fill(logs, bench.start_ms, 100, 130, 500)
    fill(logs, bench.start_ms, 130, 160, 500, "abcd")
    fill(logs, bench.start_ms, 160, 600, 2, "abcd")
    read = logs.read
    phases: list[tuple[float, int]] = []

    def note(request: dict[str, Any]) -> None:
        if "logStreamNames" in request:
            phases.append((bench.clock.now_s - bench.start_ms / 1000, read["calls"]))

    bench.client.before = note
    bench.run(1000)
    assert_once(bench, logs.expected)
    first_s, last_s = phases[0][0], phases[-1][0]
    assert 100 <= first_s <= 130, "busy"
    assert last_s <= 300, "quiet again"
    assert bench.host.counts[Metric.EVENTS_LATE] < 0.01 * len(logs.events)


def test_a_stream_that_vanishes_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """CloudWatch refuses a deleted stream's name: that head ends, without a word or a wait."""
    bench, logs = bench_of()
    fill(logs, bench.start_ms, 0, 60, 100)
    fill(logs, bench.start_ms, 60, 200, 100, "bc")
    refused: list[float] = []

    def gone(request: dict[str, Any]) -> None:
        names = request.get("logStreamNames", [])
        if names == ["kube-apiserver-audit-a"] and bench.clock.now_ms > bench.start_ms + 70_000:
            refused.append(bench.clock.now_s)
            raise client_error("ResourceNotFoundException")

    bench.client.before = gone
    bench.run(800)
    # Its old events, which this log group keeps, make it known again a few times.
    assert 1 <= len(refused) <= 10
    assert len(refused) == bench.host.counts[Metric.API_ERRORS]
    assert not caplog.records
    assert_once(bench, logs.expected)


def test_a_busy_poll_waits_a_little_for_a_full_page() -> None:
    """Where a stream fills two thirds of a page in a poll, its pages come fuller than that."""
    bench, logs = bench_of(polling_interval=1, api_rate=8)
    # Of 250 events a page, a stream brings 165 a second.
    fill(logs, bench.start_ms, 0, 420, 495)
    logs.since_ms = bench.start_ms + 360_000
    bench.run(420)
    assert logs.read["calls"] <= 2.4 * 60 * 495 / PAGE_EVENTS


def test_disorder_within_a_busy_stream_is_followed() -> None:
    """Events up to 4 s out of order in each stream: the heads look back as far, not settling."""
    bench, logs = bench_of(polling_interval=5)
    chance = random.Random(7)
    coming = []
    for number in range(40_000):
        at_ms = bench.start_ms + number * 10
        stream = f"kube-apiserver-audit-{chance.choice('abc')}"
        coming.append((at_ms + chance.randrange(4_000), at_ms, str(number), stream))
    logs.coming = deque(sorted(coming))
    bench.run(420)
    assert logs.read["stream calls"] > 0
    assert bench.host.counts[Metric.EVENTS_LATE] < 0.01 * 40_000
