"""A source keeps to api_rate, however much there is to read, and gives way when throttled."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from typing import Any

from fakes import (
    Clock,
    FakeClient,
    FakeHost,
    FakeParallelCalls,
    FakeQueue,
    Stop,
    audit_line,
    client_error,
)
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import NoLedger
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource


def calls_in(seconds: float, *, throttled: float = 0.0, **config: Any) -> int:
    """Calls made in so many seconds, with a backlog that lasts longer than that.

    throttled: the share of calls that are.
    """
    chance = random.Random(1)
    clock, logs = Clock(), SimulatedLogs(page_events=5)
    for number in range(5_000):
        logs.add(clock.now_ms - 60_000 + number * 10, audit_line(str(number)))
    times_s: list[float] = []

    def before(request: dict[str, Any]) -> None:
        times_s.append(clock.now_s)
        if chance.random() < throttled:
            raise client_error("ThrottlingException", "Rate exceeded")

    host = FakeHost()
    group = LogGroup(
        FakeClient(logs, clock, before, call_s=0.001),
        reader=host.reader,
        name=logs.name,
        stream_prefix="kube-apiserver-audit-",
    )
    settings = Config(shift=60, **config)
    source = CloudWatchSource(
        settings,
        "prod",
        group,
        NoLedger(),
        host,
        parallel_calls=FakeParallelCalls(clock, 5),
        wall_s=clock,
        monotonic_s=clock,
    )
    source.run(FakeQueue(), Stop(clock, clock.now_s + seconds))
    return len(times_s)


def test_a_backlog_is_read_at_the_rate() -> None:
    """Not faster (but for one second's burst), and hardly slower."""
    assert 58 <= calls_in(30, api_rate=2.0) <= 62
    assert 295 <= calls_in(30, api_rate=10.0) <= 310


def test_throttling_makes_calls_rare() -> None:
    """An account whose quota is used up by others is asked much less than it allows."""
    assert calls_in(120, throttled=1.0, api_rate=10.0) < 30


def test_some_throttling_lowers_the_rate() -> None:
    """Every tenth call is too much: fewer are made than back-off alone would leave."""
    assert 200 <= calls_in(120, throttled=0.1, api_rate=10.0) <= 700
