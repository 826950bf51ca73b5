"""Log groups that are written to while the real source reads them, on a simulated clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The simulated log group is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls, FakeQueue, Stop, audit_line
from readers import payloads_of
from simulated_logs import LogEvent, SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import Ledger, NoLedger
from k8saudit_eks.log_events import Frames
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

# An audit event of 2 KB: 500 fill a page of 1 MB.
PAGE_EVENTS = 500
LINE = audit_line("00000000-0000-4000-8000-000000000000")


@dataclass
class Stream:
    """One API server: events a second at a time (seconds since the start), and its lag."""

    name: str
    rate: Callable[[float], float]
    lag_ms: int


class CountingLogs(SimulatedLogs):
    """Counts the events that are served."""

    served = 0

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        answer = super().filter_log_events(request, now_ms)
        self.served += len(answer["events"])
        return answer


class CountingQueue(FakeQueue):
    """Counts events and different ones; keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed = 0
        self.ids: set[bytes] = set()

    def push(self, frames: Frames) -> int:
        payloads = payloads_of(frames)
        self.pushed += len(payloads)
        for payload, _ in payloads:
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
    parallel_calls: int = 5

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.start_ms = self.clock.now_ms
        self.logs = CountingLogs(page_events=PAGE_EVENTS)
        self.written = 0
        self.host, self.queue = FakeHost(), CountingQueue()
        self._writing = self._write()
        self._next: LogEvent | None = next(self._writing)
        self.client = FakeClient(self.logs, self.clock, self._before, self.call_s)
        self.calls_at_s: list[float] = []

    def run(self, seconds: float) -> None:
        group = LogGroup(
            self.client,
            reader=self.host.reader,
            name=self.logs.name,
            stream_prefix="kube-apiserver-audit-",
        )
        source = CloudWatchSource(
            self.config,
            "prod",
            group,
            self.ledger,
            self.host,
            parallel_calls=FakeParallelCalls(self.clock, self.parallel_calls),
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
