"""The CloudWatch Logs source: one cluster's audit log, polled."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from k8saudit_eks.audit import Framed, Origin, frame
from k8saudit_eks.aws import LogGroup, Page, open_log_group
from k8saudit_eks.aws_errors import Failure, ReadError, code_of
from k8saudit_eks.config import Config
from k8saudit_eks.delivery.acknowledge import Acknowledger
from k8saudit_eks.delivery.budget import PROCESS, CallBudget
from k8saudit_eks.delivery.clock import ServerClock
from k8saudit_eks.delivery.ledger import Ledger
from k8saudit_eks.delivery.seen import SeenIds
from k8saudit_eks.delivery.state_dir import ledger_of
from k8saudit_eks.delivery.window import News, Read, Window
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.metrics import Metric

# Events a push at most: what was evaluated is written down between pushes.
PUSH_EVENTS = 256
# How often the host's progress is looked at while something waits to be written down.
_ACKNOWLEDGE_EVERY_S = 0.05
_LOG_EVERY_S = 60.0
_PROGRESS_EVERY_S = 10.0
_BACK_OFF_FIRST_S = 0.5
_BACK_OFF_MAX_S = 20.0


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
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """budget: without it, one of this source's own at config.api_rate."""
        self.name = cluster
        self._budget = budget or CallBudget(config.api_rate, monotonic_s)
        self._config = config
        self._log_group = log_group
        self._host = host
        self._monotonic_s = monotonic_s
        self._clock = ServerClock(wall_s, monotonic_s)
        self._clock.observe(log_group.server_time_ms)
        self._acknowledger = Acknowledger(ledger)
        self._seen = SeenIds()
        remembered = ledger.load()
        self._seen.load(remembered.keys)
        self._remembered_ms = remembered.settled_ms
        self._origins: dict[str | None, Origin] = {}
        self._queue: EventQueue | None = None
        self._failures = 0
        # Whether a failure was logged that its end has to be logged of, too.
        self._reported = False
        self._logged_at_s: dict[str, float] = {}
        self._progress_at_s: float | None = None

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        """Poll until stopped. Whatever AWS answers, this goes on."""
        self._queue = queue
        window = self._window()
        try:
            while not stop.is_set():
                now_ms = self._clock.now_ms()
                self._host.gauge(Metric.LAG_MILLISECONDS, max(0, now_ms - window.settled_ms))
                self._report_backlog(window.behind_ms(now_ms))
                step = window.next_read(now_ms)
                if isinstance(step, int):
                    self._wait(stop, step / 1000)
                    continue
                page = self._page(window, step, stop)
                if page is not None:
                    now_ms = self._clock.now_ms()
                    self._deliver(window.page(step, page.events, page.next_token, now_ms))
        except QueueClosed:
            return

    def close(self) -> None:
        """Write down what the host has evaluated."""
        self._acknowledger.close(self._queue.delivered() if self._queue is not None else 0)

    def _window(self) -> Window:
        now_ms = self._clock.now_ms()
        config = self._config
        first_ms = now_ms - config.shift * 1000
        if self._remembered_ms is not None:
            first_ms = self._resume_ms(self._remembered_ms, first_ms, now_ms)
        # A restart before anything is settled must begin where this start begins.
        self._acknowledger.settle(first_ms)
        self._acknowledger.commit(0)
        return Window(
            settled_ms=first_ms,
            seen=self._seen,
            late_window_ms=config.late_window * 1000,
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
        resume_ms = max(remembered_ms, min(first_ms, now_ms - self._config.max_catch_up * 1000))
        log.info("%s: reading goes on %d s back", name, (now_ms - resume_ms) // 1000)
        if resume_ms > remembered_ms:
            log.error(
                "%s: %d s of the audit log before that are not read: raise max_catch_up to read "
                "more after a downtime",
                name,
                (resume_ms - remembered_ms) // 1000,
            )
        return resume_ms

    def _page(self, window: Window, read: Read, stop: threading.Event) -> Page | None:
        """One call; None after a failure and the wait that it costs, or when stopped."""
        wait_s = self._budget.take()
        if wait_s > 0:
            self._wait(stop, wait_s)
            if stop.is_set():
                return None
        self._host.count(Metric.API_CALLS)
        try:
            page = self._log_group.page(
                read.start_ms,
                read.end_ms,
                streams=read.streams,
                token=read.token,
                limit=read.limit,
            )
        except ReadError as error:
            self._failed(error, window, read, stop)
            return None
        self._failures = 0
        if self._reported:
            self._host.log.info("%s: CloudWatch Logs answers again", self.name)
            self._reported = False
        self._clock.observe(page.server_time_ms)
        return page

    def _failed(self, error: ReadError, window: Window, read: Read, stop: threading.Event) -> None:
        if stop.is_set():
            return
        if error.kind is Failure.THROTTLED:
            self._host.count(Metric.API_THROTTLES)
            self._budget.throttled()
        else:
            self._host.count(Metric.API_ERRORS)
        if error.kind is Failure.TOKEN_REFUSED:
            window.restart(read)
        if read.streams and _is_gone(error):
            # The stream was deleted; the log group is asked as a whole when none is left.
            window.stream_is_gone(read, self._clock.now_ms())
            return
        report = self._host.log.error if error.kind is Failure.LASTING else self._host.log.warning
        if self._may_log(error.kind.value):
            report("%s: %s", self.name, error)
            self._reported = True
        self._failures += 1
        longest_s = min(_BACK_OFF_MAX_S, _BACK_OFF_FIRST_S * 2.0 ** min(self._failures, 10))
        # Full jitter spreads the clients of one account; it is no secret.
        self._wait(stop, random.uniform(0, longest_s))  # noqa: S311

    def _deliver(self, news: News) -> None:
        """Frame and push what is new, in pushes of at most PUSH_EVENTS."""
        host = self._host
        if news.duplicates:
            host.count(Metric.DUPLICATES_SUPPRESSED, news.duplicates)
        if news.late:
            host.count(Metric.EVENTS_LATE, news.late)
        for start in range(0, len(news.events), PUSH_EVENTS):
            framed_lines = [
                self._framed(event) for event in news.events[start : start + PUSH_EVENTS]
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
            self._acknowledger.settle(news.settled_ms)

    def _framed(self, event: dict[str, object]) -> tuple[Framed, ...]:
        stream = event.get("logStreamName")
        stream_name = stream if isinstance(stream, str) else None
        origin = self._origins.get(stream_name)
        if origin is None:
            origin = self._origins[stream_name] = Origin(
                cluster=self.name,
                region=self._log_group.region,
                account=self._log_group.account,
                log_group=self._log_group.name,
                log_stream=stream_name,
            )
        message = event.get("message", "")
        ingestion_ms = event.get("ingestionTime")
        timestamp_ms = event["timestamp"]
        event_id = event["eventId"]
        # aws.LogGroup.page has checked these.
        assert isinstance(message, str) and isinstance(event_id, str)  # noqa: S101, PT018
        assert isinstance(timestamp_ms, int)  # noqa: S101
        framed = frame(
            message,
            origin=origin,
            event_id=event_id,
            ingestion_time_ms=ingestion_ms if isinstance(ingestion_ms, int) else None,
            timestamp_ms=timestamp_ms,
            max_size_bytes=self._config.max_event_size,
        )
        if not framed:
            self._host.count(Metric.EVENTS_INVALID)
            if self._may_log("invalid"):
                self._host.log.warning(
                    "%s: log event %s is no audit event, or cut too early to repair; it is passed "
                    "over and counted",
                    self.name,
                    event_id,
                )
        return framed

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

    def _report_backlog(self, behind_ms: int) -> None:
        """Say every ten seconds how a backlog shrinks, and when it is gone."""
        now_s, last_s = self._monotonic_s(), self._progress_at_s
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

    def _may_log(self, subject: str) -> bool:
        """At most once a minute for each subject."""
        now_s = self._monotonic_s()
        last_s = self._logged_at_s.get(subject)
        if last_s is not None and now_s - last_s < _LOG_EVERY_S:
            return False
        self._logged_at_s[subject] = now_s
        return True


def _is_gone(error: ReadError) -> bool:
    """Whether AWS says that there is no such log stream, or log group."""
    cause = error.__cause__
    return isinstance(cause, Exception) and code_of(cause) == "ResourceNotFoundException"
