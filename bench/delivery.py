#!/usr/bin/env python3
"""What delivery promises and what it costs, in numbers.

    .venv/bin/python bench/delivery.py [--markdown]

The real source reads simulated log groups; the clock is simulated too, so hours take
seconds. Nothing here needs a network. Prints each figure beside its limit and ends
with 1 when one is exceeded. --markdown prints the table of docs/delivery.md.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

# The simulated log group is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from fakes import Clock, FakeClient, FakeHost, FakeLanes, FakeQueue, Stop, audit_line
from fault_plan import Fault, FaultPlan
from rehearsal import Rehearsal
from scenario import Scenario
from simulated_logs import LogEvent, SimulatedLogs

from k8saudit_eks.aws import LogGroup
from k8saudit_eks.config import Config
from k8saudit_eks.delivery.ledger import Ledger, Mark, NoLedger, Remembered
from k8saudit_eks.delivery.seen import Key, SeenIds
from k8saudit_eks.delivery.sqlite_ledger import open_ledger
from k8saudit_eks.sources.cloudwatch import CloudWatchSource

# An audit event of 2 KB: 500 fill a page of 1 MB.
PAGE_EVENTS = 500
LINE = audit_line("00000000-0000-4000-8000-000000000000")
LATE_WINDOW_S = 300
SLICE_S = 30
DOWNTIME_S = 3600
# When streams fall silent, so that what was written last is read before the end.
QUIET_S = 700


@dataclass
class Figure:
    """One measured number and what it may be at most."""

    what: str
    value: float
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


@dataclass
class Stream:
    """One API server: events a second at a time (seconds since the start), and its lag."""

    name: str
    rate: Callable[[float], float]
    lag_ms: int


class CountingQueue(FakeQueue):
    """Counts events and different ones; keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed = 0
        self.ids: set[bytes] = set()

    def push(self, payloads: Sequence[bytes], times_ns: Sequence[int]) -> int:
        self.pushed += len(payloads)
        for payload in payloads:
            self.ids.add(payload.partition(b'"event_id":"')[2].partition(b'"')[0])
        return self.pushed

    def delivered(self) -> int:
        return self.pushed


@dataclass
class Traffic:
    """Streams that are written to while a source reads them."""

    streams: Sequence[Stream]
    config: Config
    ledger: Ledger = field(default_factory=NoLedger)
    call_s: float = 0.05
    lanes: int = 5

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.start_ms = self.clock.now_ms
        self.logs = SimulatedLogs(page_events=PAGE_EVENTS)
        self.written = 0
        self.host, self.queue = FakeHost(), CountingQueue()
        self._writing = self._write()
        self._next: LogEvent | None = next(self._writing)
        self.client = FakeClient(self.logs, self.clock, self._before, self.call_s)
        self.calls_at_s: list[float] = []

    def run(self, seconds: float) -> None:
        group = LogGroup(self.client, name=self.logs.name, stream_prefix="kube-apiserver-audit-")
        source = CloudWatchSource(
            self.config,
            "prod",
            group,
            self.ledger,
            self.host,
            lanes=FakeLanes(self.clock, self.lanes),
            wall_s=self.clock,
            monotonic_s=self.clock,
        )
        source.run(self.queue, Stop(self.clock, self.clock.now_s + seconds))

    def calls(self, start_s: float, end_s: float) -> int:
        """Between two times since the start."""
        return sum(start_s <= at_s < end_s for at_s in self.calls_at_s)

    @property
    def lost(self) -> int:
        visible = sum(event.visible_ms <= self.clock.now_ms for event in self.logs.events)
        return visible - len(self.queue.ids)

    @property
    def repeated(self) -> int:
        return self.queue.pushed - len(self.queue.ids)

    def _before(self, request: dict[str, Any]) -> None:
        now_ms = self.clock.now_ms
        self.calls_at_s.append((now_ms - self.start_ms) / 1000)
        while self._next is not None and self._next.timestamp_ms <= now_ms:
            self.logs.events.append(self._next)
            self.logs.streams.add(self._next.stream)
            self._next = next(self._writing, None)

    def _write(self) -> Iterator[LogEvent]:
        """Events in the order of their timestamps, until every stream is silent."""
        due = [0.0] * len(self.streams)
        step_ms = self.start_ms
        while any(stream.rate((step_ms - self.start_ms) / 1000) for stream in self.streams):
            batch = []
            for position, stream in enumerate(self.streams):
                due[position] += stream.rate((step_ms - self.start_ms) / 1000) / 10
                while due[position] >= 1:
                    due[position] -= 1
                    self.written += 1
                    at_ms = step_ms + self.written % 100
                    visible_ms = at_ms + stream.lag_ms
                    event_id = f"{self.written:056d}"
                    batch.append(
                        LogEvent(at_ms, visible_ms, event_id, stream.name, LINE, visible_ms)
                    )
            yield from sorted(batch)
            step_ms += 100


def three_streams(rate: float) -> list[Stream]:
    lags_ms = (2_000, 8_000, 20_000)
    return [
        Stream(f"kube-apiserver-audit-{lag_ms}", lambda at_s: rate / 3, lag_ms)
        for lag_ms in lags_ms
    ]


def faults() -> Iterator[Figure]:
    """10,000 events through every kind of trouble."""
    rates = {Fault.EMPTY_PAGE: 0.1, Fault.THROTTLE: 0.2, Fault.SERVER_ERROR: 0.05}
    rehearsal = Rehearsal(Scenario(10_000, 600_000), FaultPlan(1, rates), 1)
    rehearsal.run(1500)
    ids = rehearsal.queue.audit_ids
    title = "10,000 events, late, throttled, empty pages, 5xx"
    yield Figure(f"{title}: lost", len(rehearsal.truth.audit_ids - set(ids)), 0)
    yield Figure(f"{title}: repeated", len(ids) - len(set(ids)), 0)


def promptness() -> Iterator[Figure]:
    """Typical events, those within 5 s, come with the first poll after they are visible."""
    scenario = Scenario(5_000, 600_000, late_share=0)
    rehearsal = Rehearsal(scenario, FaultPlan(), 2, polling_interval=5)
    rehearsal.run(1000)
    visible_ms = {event.event_id: event.visible_ms for event in rehearsal.logs.events}
    waits_ms = sorted(
        pushed_ms - visible_ms[payload.partition(b'"event_id":"')[2][:56].decode()]
        for payload, pushed_ms in zip(
            rehearsal.queue.payloads, rehearsal.queue.pushed_ms, strict=True
        )
    )
    # A poll, the call itself, and a settling read's before it.
    limit_ms = 5_000 + 200
    later = sum(wait_ms > limit_ms for wait_ms in waits_ms)
    share = 100 * later / len(waits_ms)
    yield Figure("typical events that missed the first poll after they were visible", share, 1, "%")


def cost() -> Iterator[Figure]:
    """Calls in steady state."""
    start_s, end_s = 400.0, 640.0
    for rate in (1000, 20):
        for interval in (1, 5, 60):
            config = Config(polling_interval=interval, late_window=LATE_WINDOW_S, api_rate=10)
            traffic = Traffic(three_streams(rate), config)
            traffic.run(end_s)
            calls = traffic.calls(start_s, end_s)
            where = f"{rate} events/s, a poll every {interval} s"
            yield Figure(f"{where}: repeated", traffic.repeated, 0)
            if rate == 1000:
                pages = rate * (end_s - start_s) / PAGE_EVENTS
                yield Figure(f"{where}: pages read a page of events", calls / pages, 2.3)
            else:
                polls = (end_s - start_s) / interval * ceil(rate * interval / PAGE_EVENTS)
                slices = (end_s - start_s) / SLICE_S * ceil(rate * SLICE_S / PAGE_EVENTS)
                ratio = calls / (polls + slices)
                yield Figure(f"{where}: calls, of the pages of a poll and of a slice", ratio, 1.1)


def burst() -> Iterator[Figure]:
    """20 to 5,000 events/s and back, and a new stream in the middle."""

    def old(at_s: float) -> float:
        if at_s >= QUIET_S:
            return 0
        return 2500 if 100 <= at_s < 160 else 20

    def new(at_s: float) -> float:
        return 2500 if 120 <= at_s < 160 else 0

    streams = [
        Stream("kube-apiserver-audit-old", old, 3_000),
        Stream("kube-apiserver-audit-new", new, 10_000),
    ]
    traffic = Traffic(streams, Config(api_rate=20))
    traffic.run(QUIET_S + 30)
    yield Figure("20 to 5,000 events/s and back: lost", traffic.lost, 0)
    yield Figure("20 to 5,000 events/s and back: repeated", traffic.repeated, 0)


def memory() -> Iterator[Figure]:
    """Ids of 300 s at 1,000 events/s, and writing them down."""
    tracemalloc.start()
    seen = SeenIds()
    keys: list[Key | None] = []
    for number in range(330_000):
        key = seen.add(number, f"{number:056d}")
        if number < 60_000:
            keys.append(key)
    size_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    yield Figure("ids of 330 s at 1,000 events/s in memory", size_mb, 40, "MB")
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder, "ledger.sqlite"), logging.getLogger("bench"))
        ledger.load()
        before_s = time.process_time()
        # The host takes batches of 128; what is done is written twenty times a second.
        for first in range(0, 60_000, 50):
            ledger.write([key for key in keys[first : first + 50] if key], Mark(first), first)
        spent_s = time.process_time() - before_s
        ledger.close()
    yield Figure("ledger writing at 1,000 events/s", 100 * spent_s / 60, 5, "% of a core")


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
    group = LogGroup(client, name=logs.name, stream_prefix="kube-apiserver-audit-")
    host = FakeHost()
    source = CloudWatchSource(
        Config(api_rate=calls_per_s, max_catch_up=2 * DOWNTIME_S),
        "prod",
        group,
        YesterdaysLedger(start_ms),
        host,
        lanes=FakeLanes(clock, calls_per_s),
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
        f"{title}: caught up in, of the {least_s:.0f} s that 10 pages/s take",
        (finished_s or 600) / least_s,
        1.1,
        "x",
    )
    yield Figure(f"{title}: CPU time a page, of 100 ms", 1000 * spent_s / pages, 50, "ms")


def main() -> int:
    logging.disable(logging.CRITICAL)
    markdown = "--markdown" in sys.argv
    if markdown:
        print("| | measured | at most |\n|---|---|---|")
    missed = 0
    measures = (faults, promptness, cost, burst, memory, backlog)
    for measure in measures:
        for figure in measure():
            value = f"{figure.value:.4g} {figure.unit}".strip()
            limit = f"{figure.limit:g} {figure.unit}".strip()
            missed += not figure.holds
            if markdown:
                print(f"| {figure.what} | {value} | {limit} |")
            else:
                verdict = "" if figure.holds else "   EXCEEDED"
                print(f"{figure.what}: {value} (at most {limit}){verdict}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
