"""Calls to CloudWatch Logs: within the budget, counted, and patient with what fails."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from k8saudit_eks.aws.errors import Failure, ReadError
from k8saudit_eks.aws.log_group import LogGroup, Page
from k8saudit_eks.delivery.polling.budget import CallBudget
from k8saudit_eks.delivery.polling.read import Read
from k8saudit_eks.event_queue import Host
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.cloudwatch.parallel_calls import ParallelCalls

_BACK_OFF_FIRST_S = 0.5
_BACK_OFF_MAX_S = 20.0
# Longer than a call to a host that does not answer takes.
_SLOW_S = 30.0


class Answer(NamedTuple):
    """What one request brought: a page, or why there is none; and AWS's clock, if it tells it."""

    read: Read
    result: Page | Failure
    server_time_ms: int | None


class Calls:
    """One log group's calls. One thread."""

    def __init__(
        self,
        name: str,
        log_group: LogGroup,
        host: Host,
        budget: CallBudget,
        parallel_calls: ParallelCalls,
        limiter: LogLimiter,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """name: of the source, for the log."""
        self._name = name
        self._log_group = log_group
        self._host = host
        self._budget = budget
        self._parallel_calls = parallel_calls
        self._limiter = limiter
        self._throttles = 0
        self._monotonic_s = monotonic_s
        # Whether a failure was logged that its end has to be logged of, too.
        self._reported = False

    @property
    def most(self) -> int:
        """How many may be made at the same time: a second's calls at the present rate."""
        return max(1, min(self._parallel_calls.most, int(self._budget.calls_per_s)))

    @property
    def has_spare(self) -> bool:
        """Whether the budget leaves calls for what can wait."""
        return self._budget.has_spare

    def reserve(self, calls: int) -> float:
        """Take so many calls from the budget; how many seconds to wait before make()."""
        return max(self._budget.take() for _ in range(calls))

    def make(self, reads: Sequence[Read], stop: threading.Event) -> list[Answer]:
        """Ask for each read's next page, at the same time; nothing after a stop.

        Failures are counted, and logged at most once a minute.
        """
        self._host.count(Metric.API_CALLS, len(reads))
        began_s = self._monotonic_s()
        results = self._parallel_calls.make([partial(self._page, read) for read in reads], stop)
        if stop.is_set():
            # What failed may have failed because of the stop; the rest is read again.
            return []
        self._mention_slowness(self._monotonic_s() - began_s)
        errors = [result for result in results if isinstance(result, ReadError)]
        for error in errors:
            self._failed(error)
        if any(error.kind is Failure.THROTTLED for error in errors):
            self._budget.throttled()
        if len(errors) < len(results):
            self._succeeded(wholly=not errors)
        if any(error.kind is Failure.THROTTLED for error in errors):
            self._throttles += 1
        return [
            Answer(
                read,
                result.kind if isinstance(result, ReadError) else result,
                result.server_time_ms,
            )
            for read, result in zip(reads, results, strict=True)
        ]

    def back_off_s(self) -> float:
        """How long to leave AWS alone after the last make(), in seconds; 0 if it throttles none."""
        if self._throttles == 0:
            return 0.0
        longest_s = min(_BACK_OFF_MAX_S, _BACK_OFF_FIRST_S * 2.0 ** min(self._throttles, 10))
        # Full jitter spreads the clients of one account; it is no secret.
        return random.uniform(0, longest_s)  # noqa: S311

    def _page(self, read: Read) -> Page:
        """Any thread: touches the AWS client only."""
        return self._log_group.page(
            read.start_ms, read.end_ms, streams=read.streams, token=read.token
        )

    def _succeeded(self, *, wholly: bool) -> None:
        # One page among failures is enough: of many calls at a time, some fail nearly
        # always where a fifth is throttled, and back-off would grow without end.
        self._throttles = 0
        if self._reported and wholly:
            self._host.log.info("%s: CloudWatch Logs answers again", self._name)
            self._reported = False

    def _mention_slowness(self, took_s: float) -> None:
        """Timeouts are those of one read of a socket: an answer that trickles takes longer."""
        if took_s >= _SLOW_S and self._limiter.may("slow"):
            self._host.log.warning(
                "%s: it took %d s to get an answer from CloudWatch Logs: check whether the "
                "network, a proxy or the source of the credentials is slow; nothing is lost",
                self._name,
                took_s,
            )

    def _failed(self, error: ReadError) -> None:
        throttled = error.kind is Failure.THROTTLED
        self._host.count(Metric.API_THROTTLES if throttled else Metric.API_ERRORS)
        if error.kind is Failure.STREAM_GONE:
            return
        report = self._host.log.error if error.kind is Failure.LASTING else self._host.log.warning
        if self._limiter.may(error.kind.value):
            report("%s: %s", self._name, error)
            self._reported = True
