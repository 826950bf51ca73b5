"""Catching up after a downtime: at the speed of the call budget, oldest first, with a word."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import json
import logging
import random
import re

import pytest
from fakes import FakeClient, client_error
from test_cost import PAGE_EVENTS, bench_of, fill
from test_source import MemoryLedger


def test_a_backlog_is_read_once_at_the_budgets_speed(caplog: pytest.LogCaptureFixture) -> None:
    """One hour at 500 events/s, 10 calls/s: no call is wasted, progress is told each 10 s.

    Answers take 400 ms: read one after the other, there would be 2.5 pages/s.
    """
    bench, logs = bench_of(api_rate=10, max_catch_up=7200)
    bench.parallel_calls = 10
    bench.client = FakeClient(logs, bench.clock, call_s=0.4)
    bench.ledger = MemoryLedger()
    bench.ledger.settled_ms = bench.start_ms
    fill(logs, bench.start_ms, 0, 3600, 50)
    bench.clock.now_s += 3600
    logs.since_ms = 0
    began_s = bench.clock.now_s
    caught_up_s = []
    caplog.set_level(logging.INFO)

    def note(request: object) -> None:
        if any("caught up" in record.message for record in caplog.records) and not caught_up_s:
            caught_up_s.append(bench.clock.now_s - began_s)

    bench.client.before = note
    bench.run(900)
    pages = 3600 * 50 / PAGE_EVENTS
    # A slice of 30 s is 6 full pages: none of them is left half empty.
    assert caught_up_s
    assert caught_up_s[0] <= 1.1 * pages / 10
    left_s = [
        int(found[1])
        for record in caplog.records
        if (found := re.search(r"catching up: (\d+) s", record.message))
    ]
    assert len(left_s) >= 5
    assert left_s == sorted(left_s, reverse=True)
    ids = [json.loads(payload)["auditID"] for payload in bench.queue.payloads]
    assert len(ids) == len(set(ids)) == logs.expected
    # Oldest first, as many slices of 30 s side by side as calls are made.
    newest_ns = 0
    for time_ns in bench.queue.times_ns:
        newest_ns = max(newest_ns, time_ns)
        assert time_ns > newest_ns - 11 * 30 * 1_000_000_000


def test_a_backlog_shrinks_although_some_calls_always_fail() -> None:
    """A fifth throttled, a twentieth 5xx, ten calls at a time: back-off does not pile up."""
    bench, logs = bench_of(api_rate=10, max_catch_up=7200)
    bench.ledger = MemoryLedger()
    bench.ledger.settled_ms = bench.start_ms
    bench.parallel_calls = 10
    fill(logs, bench.start_ms, 0, 1800, 50)
    bench.clock.now_s += 1800
    chance = random.Random(3)

    def go_wrong(request: object) -> None:
        roll = chance.random()
        if roll < 0.2:
            raise client_error("ThrottlingException", "Rate exceeded")
        if roll < 0.25:
            raise client_error("ServiceUnavailableException", status=503)

    bench.client = FakeClient(logs, bench.clock, go_wrong, call_s=0.4)
    # 360 pages: alone and unthrottled, 36 s.
    bench.run(240)
    ids = bench.queue.audit_ids
    assert len(ids) == len(set(ids)) == logs.expected


def test_a_backlog_of_few_events_takes_few_calls() -> None:
    """Ten minutes with hardly an event: ever longer slices, and the head after a second."""
    bench, logs = bench_of(api_rate=5, shift=600)
    bench.aws_clock_ms = bench.clock.now_ms
    bench.parallel_calls = 5
    fill(logs, bench.start_ms - 600_000, 0, 600, 1)
    bench.run(1)
    # The rest is not visible yet.
    assert len(bench.queue.audit_ids) >= 580
    assert logs.read["calls"] <= 6
