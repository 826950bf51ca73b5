"""A source under a plan of what goes wrong, with a clock that does not take its time."""

from __future__ import annotations

import json
import random
from typing import Any

from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls, FakeQueue, Stop
from fault_plan import FaultPlan
from going_wrong import go_wrong
from scenario import Scenario, Truth
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import NoLedger
from k8saudit_eks.log_events import Frames
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource


class TimedQueue(FakeQueue):
    """Remembers when each event came, in milliseconds."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.pushed_ms: list[int] = []

    def push(self, frames: Frames) -> int:
        self.pushed_ms += [self._clock.now_ms] * sum(frames.events_of)
        return super().push(frames)


class Rehearsal:
    """A source, a simulated log group and a plan of what goes wrong.

    run() once, then check().
    """

    def __init__(self, scenario: Scenario, plan: FaultPlan, seed: int, **config: Any) -> None:
        # Full jitter, but the same each time.
        random.seed(seed)
        self.clock = Clock()
        self.start_ms = self.clock.now_ms
        self.logs = SimulatedLogs(page_events=200)
        self.plan = plan
        self.host = FakeHost()
        self.queue = TimedQueue(self.clock)
        self.truth: Truth = scenario.write(self.logs, self.start_ms, seed)
        self.client = FakeClient(self.logs, self.clock, self.go_wrong)
        settings = Config(**config)
        group = LogGroup(
            self.client,
            reader=self.host.reader,
            name=self.logs.name,
            stream_prefix=settings.log_stream_prefix,
        )
        self.source = CloudWatchSource(
            settings,
            "prod",
            group,
            NoLedger(),
            self.host,
            parallel_calls=FakeParallelCalls(self.clock, 3),
            wall_s=self.clock,
            monotonic_s=self.clock,
        )

    # The fakes' `before`.
    def go_wrong(self, request: dict[str, Any]) -> dict[str, Any] | None:
        fault = self.plan.fault(request, self.clock.now_ms)
        return go_wrong(fault, request, self.logs, self.clock, self.plan.chance)

    def run(self, seconds: float) -> None:
        self.source.run(self.queue, Stop(self.clock, self.clock.now_s + seconds))

    def waits_ms(self) -> list[int]:
        """How long each event was visible before it came."""
        visible_ms = {
            json.loads(event.message)["auditID"]: event.visible_ms for event in self.logs.events
        }
        came = zip(self.queue.audit_ids, self.queue.pushed_ms, strict=True)
        return [at_ms - max(visible_ms[audit_id], self.start_ms) for audit_id, at_ms in came]

    def check(self) -> None:
        """Nothing lost, nothing twice."""
        ids = self.queue.audit_ids
        assert self.truth.audit_ids - set(ids) == set(), "lost"
        assert len(ids) == len(self.truth.audit_ids), "repeated"
