"""A downtime is caught up as fast as calls are allowed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The simulated log group is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from delivery_figures import Figure
from delivery_traffic import LINE, PAGE_EVENTS, CountingQueue
from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls, Stop
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import NoLedger, Remembered
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

DOWNTIME_S = 3600


class YesterdaysLedger(NoLedger):
    """Everything was settled up to a time."""

    def __init__(self, settled_ms: int) -> None:
        self._settled_ms = settled_ms

    def load(self) -> Remembered:
        return Remembered(self._settled_ms, ())


class EvenLogs(SimulatedLogs):
    """An hour of events at the same distance, computed when they are asked for."""

    def __init__(self, start_ms: int, events: int, step_ms: int) -> None:
        super().__init__(page_events=PAGE_EVENTS)
        self._start_ms = start_ms
        self._events = events
        self._step_ms = step_ms

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        start_ms, end_ms = request["startTime"], request.get("endTime", now_ms)
        first = max(0, -(-(start_ms - self._start_ms) // self._step_ms))
        first = int(request.get("nextToken", first))
        behind = min(self._events, (end_ms - self._start_ms) // self._step_ms + 1)
        last = min(behind, first + PAGE_EVENTS)
        events = []
        for number in range(first, last):
            at_ms = self._start_ms + number * self._step_ms
            events.append(
                {
                    "logStreamName": "kube-apiserver-audit-a",
                    "timestamp": at_ms,
                    "message": LINE,
                    "ingestionTime": at_ms,
                    "eventId": f"{number:056d}",
                }
            )
        more = {"nextToken": str(last)} if last < behind else {}
        return {"events": events, **more}


def backlog() -> Iterator[Figure]:
    """An hour's downtime at 500 events/s is read as fast as calls are allowed."""
    rate, calls_per_s, call_s = 500, 10, 0.4
    clock = Clock()
    start_ms = clock.now_ms
    events = DOWNTIME_S * rate
    clock.now_s += DOWNTIME_S
    began_s = clock.now_s
    answering_s = 0.0
    queue = CountingQueue()
    finished_s = None

    class Client(FakeClient):
        def filter_log_events(self, **request: Any) -> dict[str, Any]:
            nonlocal answering_s, finished_s
            if finished_s is None and queue.pushed >= events:
                finished_s = clock.now_s - began_s
            before_s = time.process_time()
            page = super().filter_log_events(**request)
            answering_s += time.process_time() - before_s
            return page

    logs = EvenLogs(start_ms, events, 1000 // rate)
    client = Client(logs, clock, call_s=call_s)
    host = FakeHost()
    group = LogGroup(
        client, reader=host.reader, name=logs.name, stream_prefix="kube-apiserver-audit-"
    )
    source = CloudWatchSource(
        Config(api_rate=calls_per_s, max_catch_up=2 * DOWNTIME_S),
        "prod",
        group,
        YesterdaysLedger(start_ms),
        host,
        parallel_calls=FakeParallelCalls(clock, calls_per_s),
        wall_s=clock,
        monotonic_s=clock,
    )
    before_s = time.process_time()
    source.run(queue, Stop(clock, began_s + 600))
    spent_s = time.process_time() - before_s - answering_s
    pages = events / PAGE_EVENTS
    title = "1 h of backlog, 1.8 M events, answers of 400 ms"
    yield Figure(f"{title}: lost", events - len(queue.ids), 0)
    yield Figure(f"{title}: repeated", queue.pushed - len(queue.ids), 0)
    least_s = pages / calls_per_s
    yield Figure(
        f"{title}: time to catch up / the {least_s:.0f} s that 10 pages/s take",
        (finished_s or 600) / least_s,
        1.1,
        "x",
    )
    yield Figure(
        f"{title}: CPU time for a page, one every 100 ms", 1000 * spent_s / pages, 50, "ms"
    )
