"""The CloudWatch Logs source: one cluster's audit log, polled."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import ceil

from k8saudit_eks.aws import LogGroup, open_log_group
from k8saudit_eks.aws_errors import Failure
from k8saudit_eks.aws_session import CONNECTIONS_MAX
from k8saudit_eks.config import Config
from k8saudit_eks.delivery.acknowledge import Acknowledger
from k8saudit_eks.delivery.budget import PROCESS, CallBudget
from k8saudit_eks.delivery.clock import AHEAD_MAX_MS, ServerClock
from k8saudit_eks.delivery.ledger import Ledger, Mark
from k8saudit_eks.delivery.seen import SeenIds
from k8saudit_eks.delivery.settling import SLICE_MS
from k8saudit_eks.delivery.state_dir import ledger_of
from k8saudit_eks.delivery.window import News, Window
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.host_log import Sparing
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.calls import Answer, Calls
from k8saudit_eks.sources.framing import Framer
from k8saudit_eks.sources.lanes import Lanes, ThreadLanes

# Events a push at most: what was evaluated is written down between pushes.
PUSH_EVENTS = 256
# How often the host's progress is looked at while something waits to be written down.
_ACKNOWLEDGE_EVERY_S = 0.05
_PROGRESS_EVERY_S = 10.0


def open_cloudwatch(config: Config, cluster: str, host: Host) -> CloudWatchSource:
    """Open a cluster's audit log.

    Raises:
        OpenError: it can't be read, or another process reads it with the same
            state_dir; one sentence with the cure.
    """
    log_group = open_log_group(config, cluster)
    ledger = ledger_of(config, log_group.region, log_group.name, host.log)
    # Without the permission that tells the account, the way to it stands for it.
    account = log_group.account or (config.profile, config.role_arn)
    owner = (account, log_group.region, config.endpoint_url)
    budget = PROCESS.of(owner, config.api_rate, time.monotonic)
    return CloudWatchSource(config, cluster, log_group, ledger, host, budget=budget)


class CloudWatchSource:
    """Implements sources.Source for one log group."""

    def __init__(
        self,
        config: Config,
        cluster: str,
        log_group: LogGroup,
        ledger: Ledger,
        host: Host,
        *,
        budget: CallBudget | None = None,
        lanes: Lanes | None = None,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            budget: without it, one of this source's own at config.api_rate.
            lanes: without them, as many threads as calls are allowed in a second.
        """
        self.name = cluster
        self._config = config
        self._host = host
        self._monotonic_s = monotonic_s
        # By AWS's clock, late_window must have passed when an interval is settled.
        self._late_window_ms = config.late_window * 1000 + AHEAD_MAX_MS
        self._clock = ServerClock(wall_s, monotonic_s)
        self._clock.observe(log_group.server_time_ms)
        # Not ahead of AWS's clock: a first start must not pass over what is written now.
        self._opened_ms = min(self._clock.now_ms(), log_group.server_time_ms or sys.maxsize)
        sparing = Sparing(monotonic_s)
        self._calls = Calls(
            cluster,
            log_group,
            host,
            budget or CallBudget(config.api_rate, monotonic_s),
            lanes or ThreadLanes(min(ceil(config.api_rate), CONNECTIONS_MAX)),
            sparing,
        )
        self._framer = Framer(
            cluster, log_group, host, sparing, max_size_bytes=config.max_event_size
        )
        self._acknowledger = Acknowledger(ledger)
        self._seen = SeenIds()
        remembered = ledger.load()
        self._seen.load(remembered.keys)
        self._remembered_ms = remembered.settled_ms
        self._queue: EventQueue | None = None
        self._progress_at_s: float | None = None

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        """Poll until stopped. Whatever AWS answers, this goes on."""
        self._queue = queue
        window = self._window()
        try:
            while not stop.is_set():
                now_ms = self._clock.now_ms()
                self._acknowledger.alive(now_ms)
                self._report_lag(window, now_ms)
                reads = window.next_reads(now_ms, self._calls.most)
                if isinstance(reads, int):
                    self._wait(stop, reads / 1000)
                    continue
                self._wait(stop, self._calls.reserve(len(reads)))
                if stop.is_set():
                    return
                answers = self._calls.make(reads, stop)
                if all(isinstance(answer.result, Failure) for answer in answers):
                    window.refused(reads)
                self._observe(answers)
                for answer in answers:
                    self._take(window, answer)
                self._wait(stop, self._back_off_s(window))
        except QueueClosed:
            return

    def close(self) -> None:
        """Write down what the host has evaluated."""
        self._acknowledger.close(self._queue.delivered() if self._queue is not None else 0)

    def _window(self) -> Window:
        now_ms = self._clock.now_ms()
        config = self._config
        first_ms = self._opened_ms - config.shift * 1000
        if self._remembered_ms is not None:
            first_ms = self._resume_ms(self._remembered_ms, first_ms, now_ms)
        # A restart before anything is settled must begin where this start begins.
        self._acknowledger.settle(Mark(first_ms))
        self._acknowledger.commit(0)
        return Window(
            settled_ms=first_ms,
            seen=self._seen,
            late_window_ms=self._late_window_ms,
            polling_interval_ms=config.polling_interval * 1000,
        )

    def _resume_ms(self, remembered_ms: int, first_ms: int, now_ms: int) -> int:
        """Where an earlier capture stopped, as far as max_catch_up reaches."""
        log, name = self._host.log, self.name
        if remembered_ms > now_ms:
            log.warning(
                "%s: the ledger says that all is read up to %d s from now: it was written by a "
                "wrong clock, and reading begins as at a first start",
                name,
                (remembered_ms - now_ms) // 1000,
            )
            return first_ms
        resume_ms = remembered_ms
        max_catch_up_ms = self._config.max_catch_up * 1000
        # The mark was behind before the downtime, too: that much is no part of it.
        if now_ms - remembered_ms - self._late_window_ms - 2 * SLICE_MS > max_catch_up_ms:
            resume_ms = max(remembered_ms, min(first_ms, now_ms - max_catch_up_ms))
        log.info("%s: reading goes on %d s back", name, (now_ms - resume_ms) // 1000)
        if resume_ms > remembered_ms:
            log.error(
                "%s: %d s of the audit log before that are not read: raise max_catch_up to read "
                "more after a downtime",
                name,
                (resume_ms - remembered_ms) // 1000,
            )
        return resume_ms

    def _back_off_s(self, window: Window) -> float:
        back_off_s = self._calls.back_off_s()
        patience_ms = window.patience_ms(self._clock.now_ms())
        return back_off_s if patience_ms is None else min(back_off_s, patience_ms / 1000)

    def _observe(self, answers: Sequence[Answer]) -> None:
        """Before a full queue makes them old: of calls side by side, the last Date."""
        pages = [answer.result for answer in answers if not isinstance(answer.result, Failure)]
        dates_ms = [page.server_time_ms for page in pages if page.server_time_ms is not None]
        self._clock.observe(max(dates_ms, default=None))

    def _take(self, window: Window, answer: Answer) -> None:
        read, result = answer
        if result is Failure.TOKEN_REFUSED:
            window.token_is_refused(read)
        elif result is Failure.STREAM_GONE:
            # The log group is asked as a whole when no stream is left.
            window.stream_is_gone(read, self._clock.now_ms())
        elif not isinstance(result, Failure):
            now_ms = self._clock.now_ms()
            self._deliver(window.page(read, result.events, result.next_token, now_ms))

    def _deliver(self, news: News) -> None:
        """Frame and push what is new, in pushes of at most PUSH_EVENTS."""
        host = self._host
        if news.duplicates:
            host.count(Metric.DUPLICATES_SUPPRESSED, news.duplicates)
        if news.late:
            host.count(Metric.EVENTS_LATE, news.late)
        for start in range(0, len(news.events), PUSH_EVENTS):
            framed_lines = [
                self._framer.frame(event) for event in news.events[start : start + PUSH_EVENTS]
            ]
            framed = [event for events in framed_lines for event in events]
            truncated = sum(event.truncated for event in framed)
            if truncated:
                host.count(Metric.EVENTS_TRUNCATED, truncated)
            self._acknowledger.about_to_push(
                news.keys[start : start + PUSH_EVENTS], [len(events) for events in framed_lines]
            )
            queue = self._queue
            assert queue is not None  # noqa: S101 (run() set it)
            queue.push([event.payload for event in framed], [event.time_ns for event in framed])
            self._acknowledger.commit(queue.delivered())
        if news.settled_ms is not None:
            self._acknowledger.settle(Mark(news.settled_ms))

    def _wait(self, stop: threading.Event, wait_s: float) -> None:
        """Wait, and write down what the host finishes meanwhile."""
        until_s = self._monotonic_s() + wait_s
        while not stop.is_set():
            if self._queue is not None:
                self._acknowledger.commit(self._queue.delivered())
            left_s = until_s - self._monotonic_s()
            if left_s <= 0:
                return
            if self._acknowledger.waiting:
                left_s = min(left_s, _ACKNOWLEDGE_EVERY_S)
            stop.wait(left_s)

    def _report_lag(self, window: Window, now_ms: int) -> None:
        """Keep the metric; say every ten seconds how a backlog shrinks, and when it is gone."""
        now_s, last_s = self._monotonic_s(), self._progress_at_s
        self._host.age(Metric.LAG_MILLISECONDS, now_s - (now_ms - window.settled_ms) / 1000)
        behind_ms = window.behind_ms(now_ms)
        if behind_ms == 0:
            if last_s is not None:
                self._host.log.info("%s: caught up", self.name)
            self._progress_at_s = None
        elif last_s is None or now_s - last_s >= _PROGRESS_EVERY_S:
            self._progress_at_s = now_s
            self._host.log.info(
                "%s: catching up: %d s of the audit log still to be read",
                self.name,
                behind_ms // 1000,
            )
