"""A host, a queue, a clock and a CloudWatch client without network, threads or waiting."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Benches load this file, too.
sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("reference", "native")]

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from read_answers import ReadAnswers
from readers import payloads_of, reader, reads_bytes
from simulated_logs import RefusedRequest, SimulatedLogs

from k8saudit_eks.aws.errors import ReadError
from k8saudit_eks.aws.log_group import Page
from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.log_events import Frames
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.cloudwatch.parallel_calls import Call

STREAM_PREFIX = "kube-apiserver-audit-"


def audit_line(audit_id: str, **changes: Any) -> str:
    """A small audit event as the API server writes it."""
    return json.dumps(
        {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": audit_id,
            "stage": "ResponseComplete",
            "requestURI": "/api/v1/namespaces/default/pods",
            "verb": "get",
            "user": {"username": "alice"},
            **changes,
            "stageTimestamp": "2026-01-01T00:00:00.000000Z",
        },
        separators=(",", ":"),
    )


class Clock:
    """Time that moves when somebody waits."""

    def __init__(self, now_s: float = 1_767_225_600.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    @property
    def now_ms(self) -> int:
        return round(self.now_s * 1000)


class Stop(threading.Event):
    """Waiting advances the clock; the stop comes at a time, after that much waiting."""

    def __init__(self, clock: Clock, at_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._at_s = at_s

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._clock.now_s += timeout
        if self._clock.now_s >= self._at_s:
            self.set()
        return self.is_set()


class FakeParallelCalls:
    """Calls side by side, on the clock: together they take as long as the longest."""

    def __init__(self, clock: Clock, most: int) -> None:
        self.most = most
        self._clock = clock

    def make(self, calls: Sequence[Call], stop: threading.Event) -> list[Page | ReadError]:
        began_s, ended_s = self._clock.now_s, self._clock.now_s
        answers: list[Page | ReadError] = []
        for call in calls:
            self._clock.now_s = began_s
            try:
                answers.append(call())
            except ReadError as error:
                answers.append(error)
            ended_s = max(ended_s, self._clock.now_s)
        self._clock.now_s = ended_s
        return answers


class FakeHost:
    def __init__(self) -> None:
        self.reader = reader()
        self.log = logging.getLogger("test.k8saudit_eks")
        self.counts: Counter[Metric] = Counter()
        self.gauges: dict[Metric, int] = {}
        self.since_s: dict[Metric, float] = {}

    def count(self, metric: Metric, amount: int = 1) -> None:
        self.counts[metric] += amount

    def gauge(self, metric: Metric, value: int) -> None:
        self.gauges[metric] = value

    def age(self, metric: Metric, since_s: float) -> None:
        self.since_s[metric] = since_s


class FakeQueue:
    """Takes everything; evaluates at once unless `lag` events stay with the host."""

    def __init__(self, lag: int = 0) -> None:
        self.payloads: list[bytes] = []
        self.times_ns: list[int] = []
        self.lag = lag
        self.closes_after: int | None = None

    def push(self, frames: Frames) -> int:
        pushed = payloads_of(frames)
        for payload, time_ns in pushed:
            if self.closes_after is not None and len(self.payloads) >= self.closes_after:
                raise QueueClosed
            self.payloads.append(payload)
            self.times_ns.append(time_ns)
        return len(self.payloads) if pushed else 0

    def delivered(self) -> int:
        return max(0, len(self.payloads) - self.lag)

    def set_progress(self, hundredths_percent: int) -> None:
        pass

    @property
    def audit_ids(self) -> list[str]:
        return [json.loads(payload)["auditID"] for payload in self.payloads]

    @property
    def evaluated_ids(self) -> list[str]:
        return self.audit_ids[: self.delivered()]


class FakeClient:
    """boto3's client over a SimulatedLogs; `before` may raise or change what comes.

    If the tests' reader reads bytes, it reads those of every answer.
    """

    def __init__(
        self,
        logs: SimulatedLogs,
        clock: Clock,
        before: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda request: None,
        call_s: float = 0.01,
    ) -> None:
        self.logs = logs
        self.before = before
        self._clock = clock
        self._call_s = call_s

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self._clock.now_s += self._call_s
        instead = self.before(request)
        return self.read(self.answer(request) if instead is None else instead)

    def read(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer as the plugin gets it."""
        return ReadAnswers(reader(), STREAM_PREFIX)(answer) if reads_bytes() else answer

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The log group's own answer now."""
        try:
            return self.logs.filter_log_events(request, self._clock.now_ms)
        except RefusedRequest as refused:
            raise client_error(refused.code, refused.message, refused.status) from None

    def describe_log_groups(self, **request: Any) -> dict[str, Any]:
        return {"logGroups": []}


def client_error(
    code: str, message: str = "", status: int = 400, operation: str = "FilterLogEvents"
) -> ClientError:
    """What botocore raises for an error answer."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        operation,
    )
