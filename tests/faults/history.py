"""Hours of one log group, read once as it is and once with something that stays bad."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls, FakeQueue, Stop, audit_line
from readers import payloads_of
from simulated_logs import LogEvent, SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
from k8saudit_eks.delivery.seen import KEY_BYTES
from k8saudit_eks.log_events import Frames
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

STREAM = "kube-apiserver-audit-"
_LINE = audit_line("00000000-0000-4000-8000-000000000000")
_SAMPLE_EVERY_S = 60.0

Before = Callable[[dict[str, Any]], dict[str, Any] | None]


class GrowingLogs(SimulatedLogs):
    """Events come in the order of their timestamps; those to come are not looked through.

    Attributes:
        served: events on all pages.
    """

    def __init__(self, coming: Sequence[LogEvent], page_events: int) -> None:
        super().__init__(page_events=page_events)
        self._coming = coming
        self._at = 0
        self.served = 0

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        coming = self._coming
        while self._at < len(coming) and coming[self._at].timestamp_ms <= now_ms:
            self.events.append(coming[self._at])
            self.streams.add(coming[self._at].stream)
            self._at += 1
        self.requests.clear()
        answer = super().filter_log_events(request, now_ms)
        self.served += len(answer["events"])
        return answer


class CountingStop(Stop):
    """Counts how often a source waits."""

    def __init__(self, clock: Clock, at_s: float) -> None:
        super().__init__(clock, at_s)
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        return super().wait(timeout)


class SamplingHost(FakeHost):
    """Looks every minute at how many ids are held."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._sampled_s = clock.now_s
        self.source: CloudWatchSource | None = None
        self.ids: list[int] = []

    def age(self, metric: Metric, since_s: float) -> None:
        super().age(metric, since_s)
        if self.source is not None and self._clock.now_s - self._sampled_s >= _SAMPLE_EVERY_S:
            self._sampled_s = self._clock.now_s
            self.ids.append(self.source.ids_held)


class EventQueueWithTimes(FakeQueue):
    """Remembers when each event came, by event id; keeps nothing else."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.came_ms: dict[str, int] = {}
        self.pushed = 0

    def push(self, frames: Frames) -> int:
        pushed = payloads_of(frames)
        for payload, _ in pushed:
            event_id = payload.partition(b'"event_id":"')[2].partition(b'"')[0].decode()
            self.came_ms.setdefault(event_id, self._clock.now_ms)
        self.pushed += len(pushed)
        return self.pushed if pushed else 0

    def delivered(self) -> int:
        return self.pushed


@dataclass
class History:
    """One log group, its reader and a clock that does not take its time.

    Attributes:
        rate: events a second, over so many streams that lag up to 2 s.
        late_share, late_ms: this share lags by something between these instead.
        hours: of events; then the log is silent.
        before: what goes wrong, as FakeClient has it.
        date_ms: of each answer, by AWS's time; None for no Date.
        ahead_s: by how much the machine's clock is ahead.
        folder: of the ledger.
    """

    folder: Path
    rate: float = 1.0
    hours: float = 1.25
    streams: int = 3
    parallel_calls: int = 5
    page_events: int = 10_000
    late_share: float = 0.0
    late_ms: tuple[int, int] = (0, 0)
    ahead_s: float = 0.0
    before: Before | None = None
    date_ms: Callable[[int], int | None] = field(default=lambda now_ms: now_ms)
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Full jitter, but the same each time.
        random.seed(1)
        self.clock = Clock()
        self.start_ms = self.clock.now_ms
        self.written = self._written()
        self.logs = GrowingLogs(self.written, self.page_events)
        self.host = SamplingHost(self.clock)
        self.queue = EventQueueWithTimes(self.clock)
        self.client = FakeClient(self.logs, self.clock, self._dated, call_s=0.1)
        self.path = self.folder / "group.ledger"
        self.calls = self.waits = 0

    def run(self, seconds: float, *, date_at_open: bool = True) -> None:
        """One process, ended cleanly."""
        # Opening asks twice: for a page, and whose log group it is.
        dates_ms = [self.date_ms(self.clock.now_ms) for _ in range(2 if date_at_open else 0)]
        group = LogGroup(
            self.client,
            reader=self.host.reader,
            name=self.logs.name,
            stream_prefix=STREAM,
            server_times_ms=[date_ms for date_ms in dates_ms if date_ms is not None],
        )
        source = CloudWatchSource(
            Config(**self.config),
            "prod",
            group,
            open_ledger(self.path, logging.getLogger("history")),
            self.host,
            parallel_calls=FakeParallelCalls(self.clock, self.parallel_calls),
            wall_s=lambda: self.clock.now_s + self.ahead_s,
            monotonic_s=self.clock,
        )
        self.host.source = source
        stop = CountingStop(self.clock, self.clock.now_s + seconds)
        source.run(self.queue, stop)
        self.waits += stop.waits
        source.close()

    @property
    def lost(self) -> list[LogEvent]:
        """What was visible a minute ago and has not come."""
        until_ms = self.clock.now_ms - 60_000
        came = self.queue.came_ms
        return [e for e in self.written if e.visible_ms < until_ms and e.event_id not in came]

    @property
    def repeated(self) -> int:
        """How many events came again."""
        return self.queue.pushed - len(self.queue.came_ms)

    def ledger_ids(self) -> int:
        """How many ids of delivered events the ledger holds; no process may run."""
        connection = sqlite3.connect(self.path)
        (size,) = connection.execute("SELECT total(length(digests)) FROM delivered").fetchone()
        connection.close()
        return int(size) // KEY_BYTES

    def _written(self) -> list[LogEvent]:
        chance = random.Random(2)
        events = []
        step_ms = 1000 / self.rate
        for number in range(int(self.hours * 3600 * self.rate)):
            # Steps of 10 ms: events share milliseconds.
            at_ms = self.start_ms + int(number * step_ms) // 10 * 10
            late = chance.random() < self.late_share
            visible_ms = at_ms + chance.randint(*(self.late_ms if late else (0, 2_000)))
            stream = f"{STREAM}{number % self.streams}"
            events.append(LogEvent(at_ms, visible_ms, f"{number:056d}", stream, _LINE, visible_ms))
        return events

    def _dated(self, request: dict[str, Any]) -> dict[str, Any]:
        """The right answer, or what `before` makes of it; with its Date."""
        self.calls += 1
        answer = self.before(request) if self.before is not None else None
        if answer is None:
            answer = self.client.answer(request)
        date_ms = self.date_ms(self.clock.now_ms)
        if date_ms is None:
            return answer
        date = formatdate(date_ms // 1000, usegmt=True)
        return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}


def later_ms(bad: History, good: History, but: set[str] = frozenset()) -> list[int]:  # type: ignore[assignment]
    """By how much each event came later in one history than in the other, ascending.

    but: event ids that are left out.
    """
    good_ms = good.queue.came_ms
    return sorted(
        came_ms - good_ms[event_id]
        for event_id, came_ms in bad.queue.came_ms.items()
        if event_id not in but
    )
