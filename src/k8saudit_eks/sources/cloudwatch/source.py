"""The CloudWatch Logs source: one cluster's audit log, polled."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import ceil

from k8saudit_eks.aws.errors import Failure
from k8saudit_eks.aws.log_group import LogGroup, open_log_group
from k8saudit_eks.aws.session import CONNECTIONS_MAX
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.acknowledge import Acknowledger
from k8saudit_eks.delivery.ledger.protocol import Ledger, Mark
from k8saudit_eks.delivery.ledger.state_dir import ledger_of
from k8saudit_eks.delivery.polling.budget import PROCESS, CallBudget
from k8saudit_eks.delivery.polling.clock import AHEAD_MAX_MS, ServerClock
from k8saudit_eks.delivery.polling.settling import SLICE_MS
from k8saudit_eks.delivery.polling.window import PageResult, Window
from k8saudit_eks.delivery.seen import SeenIds
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.log_events import LogEvents
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.cloudwatch.calls import Answer, Calls
from k8saudit_eks.sources.cloudwatch.framing import Framer
from k8saudit_eks.sources.cloudwatch.parallel_calls import ParallelCalls, ThreadedCalls

# Events a push at most: what was evaluated is written down between pushes.
PUSH_EVENTS = 256
# How often the host's progress is looked at while something waits to be written down.
_ACKNOWLEDGE_EVERY_S = 0.05
_PROGRESS_EVERY_S = 10.0
# An event that took this share of late_window to become visible is worth a warning.
_LATE_SHARE = 0.8
# Keys that wait for the host beyond a full queue: a push, the batch in the host's
# hands, and as much again.
_KEYS_BEYOND_QUEUE = 3 * PUSH_EVENTS


def open_cloudwatch(config: Config, cluster: str, host: Host) -> CloudWatchSource:
    """Open a cluster's audit log.

    Raises:
        OpenError: it can't be read, or another process reads it with the same
            state_dir; one sentence that says what to do.
    """
    log_group = open_log_group(config, cluster, host.reader)
    ledger = open_ledger_of(config, log_group.region, log_group.name, host.log)
    # Without the permission that tells the account, the way to it stands for it.
    account = log_group.account or (config.profile, config.role_arn)
    owner = (account, log_group.region, config.endpoint_url)
    budget = PROCESS.of(owner, config.api_rate, time.monotonic)
    return CloudWatchSource(config, cluster, log_group, ledger, host, budget=budget)


def open_ledger_of(
    config: Config, region: str | None, log_group: str, log: logging.Logger
) -> Ledger:
    """The log group's ledger. Raises OpenError as ledger_of does."""
    way = {
        "profile": config.profile,
        "role_arn": config.role_arn,
        "endpoint_url": config.endpoint_url,
    }
    return ledger_of(config.state_dir, region, log_group, way, log)


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
        parallel_calls: ParallelCalls | None = None,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            budget: without it, one of this source's own at config.api_rate.
            parallel_calls: without them, as many threads as calls are allowed in a second.
        """
        self.name = cluster
        self._config = config
        self._host = host
        self._monotonic_s = monotonic_s
        # By AWS's clock, late_window must have passed when an interval is settled.
        self._late_window_ms = config.late_window * 1000 + AHEAD_MAX_MS
        self._clock = ServerClock(wall_s, monotonic_s)
        for server_time_ms in log_group.server_times_ms:
            self._clock.correct(server_time_ms)
        # Not ahead of AWS's clock: a first start must not pass over what is written now.
        self._opened_ms = min(self._clock.now_ms(), *log_group.server_times_ms, sys.maxsize)
        self._limiter = LogLimiter(monotonic_s)
        self._calls = Calls(
            cluster,
            log_group,
            host,
            budget or CallBudget(config.api_rate, monotonic_s),
            parallel_calls or ThreadedCalls(min(ceil(config.api_rate), CONNECTIONS_MAX)),
            self._limiter,
        )
        self._framer = Framer(
            cluster, log_group, host, self._limiter, max_size_bytes=config.max_event_size
        )
        self._ledger = ledger
        self._acknowledger = Acknowledger(ledger)
        self._seen = SeenIds()
        remembered = ledger.load()
        self._seen.load(remembered.keys)
        self._remembered = remembered
        self._queue: EventQueue | None = None
        self._progress_at_s: float | None = None
        self._is_mark_in_doubt = False

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        """Poll until stopped. Whatever AWS answers, this goes on."""
        self._queue = queue
        window = self._window()
        try:
            while not stop.is_set():
                now_ms = self._clock.now_ms()
                self._report(window, now_ms)
                reads = window.next_reads(
                    now_ms,
                    self._calls.most,
                    has_spare=self._calls.has_spare,
                    is_clock_sure=self._clock.is_sure,
                )
                if isinstance(reads, int):
                    self._wait(stop, reads / 1000)
                    continue
                self._wait(stop, self._calls.reserve(len(reads)))
                if stop.is_set():
                    return
                answers = self._calls.make(reads, stop)
                self._correct_clock(window, answers)
                if self._is_mark_in_doubt and self._clock.is_sure:
                    window = self._window_when_sure(window)
                for answer in answers:
                    self._take(window, answer, stop)
                self._wait(stop, self._calls.back_off_s())
        except QueueClosed:
            return

    @property
    def ids_held(self) -> int:
        """How many ids of delivered events are kept in memory."""
        return len(self._seen)

    def close(self) -> None:
        """Write down what the host has evaluated."""
        self._acknowledger.close(self._queue.delivered() if self._queue is not None else 0)

    def _window(self) -> Window:
        """Reading as it begins: at the ledger's mark as long as the clock is in doubt."""
        remembered_ms = self._remembered.settled_ms
        if remembered_ms is None:
            return self._window_from(self._opened_ms - self._config.shift * 1000)
        if not self._clock.is_sure:
            self._is_mark_in_doubt = True
            return self._window_from(remembered_ms)
        return self._window_from(self._resume_ms(remembered_ms))

    def _window_from(self, first_ms: int) -> Window:
        config, gaps = self._config, self._remembered.gaps
        # A restart before anything is settled must begin where this start begins.
        self._acknowledger.settle(Mark(first_ms, gaps))
        self._acknowledger.commit(0)
        return Window(
            settled_ms=first_ms,
            seen=self._seen,
            now_ms=self._clock.now_ms(),
            late_window_ms=self._late_window_ms,
            polling_interval_ms=config.polling_interval * 1000,
            give_up_after_ms=config.max_catch_up * 1000 + self._late_window_ms,
            gaps=gaps,
        )

    def _window_when_sure(self, window: Window) -> Window:
        """The clock is sure for the first time: does reading begin where it should?"""
        self._is_mark_in_doubt = False
        remembered_ms = self._remembered.settled_ms or 0
        resume_ms = self._resume_ms(remembered_ms)
        return window if resume_ms == remembered_ms else self._window_from(resume_ms)

    def _resume_ms(self, remembered_ms: int) -> int:
        """Where an earlier capture stopped, as far as max_catch_up reaches."""
        log, name = self._host.log, self.name
        now_ms = self._clock.now_ms()
        first_ms = min(self._opened_ms, now_ms) - self._config.shift * 1000
        if remembered_ms > now_ms:
            log.warning(
                "%s: the ledger says that all is read up to %d s from now: a wrong clock wrote "
                "it, so reading begins as at a first start",
                name,
                (remembered_ms - now_ms) // 1000,
            )
            return first_ms
        resume_ms = remembered_ms
        max_catch_up_ms = self._config.max_catch_up * 1000
        # The mark was behind before the downtime, too: that much is no part of it. A ledger
        # of version 0.100 does not say when the process ended.
        ended_ms = max(
            remembered_ms + self._late_window_ms + 2 * SLICE_MS, self._remembered.alive_ms or 0
        )
        if now_ms - ended_ms > max_catch_up_ms:
            resume_ms = max(remembered_ms, min(first_ms, now_ms - max_catch_up_ms))
        log.info("%s: reading continues from %d s ago", name, (now_ms - resume_ms) // 1000)
        if resume_ms > remembered_ms:
            self._given_up(
                resume_ms - remembered_ms, "raise max_catch_up to read more after a downtime"
            )
        return resume_ms

    def _given_up(self, given_up_ms: int, why: str) -> None:
        """Events may be lost: the one thing that must not go unsaid."""
        self._host.count(Metric.SECONDS_GIVEN_UP, max(1, round(given_up_ms / 1000)))
        self._host.log.error(
            "%s: %d s of the audit log are given up and not read: %s",
            self.name,
            ceil(given_up_ms / 1000),
            why,
        )

    def _correct_clock(self, window: Window, answers: Sequence[Answer]) -> None:
        """Before a full queue makes their Dates old."""
        for answer in answers:
            # An answer that never came tells no time; one that refuses may.
            if isinstance(answer.result, Failure) and answer.server_time_ms is None:
                continue
            correction_ms = self._clock.correct(answer.server_time_ms)
            if correction_ms < 0:
                window.clock_was_ahead()
            if correction_ms and self._limiter.may("clock"):
                self._host.log.warning(
                    "%s: this machine's clock is %d s %s AWS's, so the plugin uses AWS's time: "
                    "check NTP",
                    self.name,
                    abs(correction_ms) // 1000,
                    "ahead of" if correction_ms < 0 else "behind",
                )

    def _take(self, window: Window, answer: Answer, stop: threading.Event) -> None:
        read, result, _ = answer
        now_ms = self._clock.now_ms()
        if not isinstance(result, Failure):
            if result.malformed:
                self._malformed(result.malformed)
            page = window.page(read, result.events, result.next_token, now_ms)
            self._deliver(result.events, page, stop)
        elif result is Failure.TOKEN_REFUSED:
            window.token_is_refused(read, now_ms)
        elif result is Failure.STREAM_GONE:
            # The log group is asked as a whole when no stream is left.
            window.stream_is_gone(read)
        elif result is not Failure.THROTTLED:
            window.refused(read, now_ms)
        mark = window.take_mark()
        if mark is not None:
            self._acknowledger.settle(mark)

    def _malformed(self, events: int) -> None:
        self._host.count(Metric.EVENTS_INVALID, events)
        if self._limiter.may("malformed"):
            self._host.log.error(
                "%s: %d log events came without eventId, timestamp or text, so the "
                "plugin can't deliver them: check endpoint_url, and proxies between this machine "
                "and AWS",
                self.name,
                events,
            )

    def _deliver(self, events: LogEvents, page: PageResult, stop: threading.Event) -> None:
        """Frame and push what is new, in pushes of at most PUSH_EVENTS."""
        host = self._host
        if page.duplicates:
            host.count(Metric.DUPLICATES_SUPPRESSED, page.duplicates)
        if page.late:
            host.count(Metric.EVENTS_LATE, page.late)
        for start in range(0, len(page.fresh), PUSH_EVENTS):
            end = start + PUSH_EVENTS
            frames = self._framer.frame(events, page.fresh[start:end])
            self._acknowledger.about_to_push(page.keys[start:end], frames.events_of)
            queue = self._queue
            assert queue is not None  # noqa: S101 (run() set it)
            queue.push(frames)
            # However long the host made it wait, this process lives.
            self._acknowledger.alive(self._clock.now_ms())
            self._acknowledger.commit(queue.delivered())
            self._wait_for_host(queue, stop)
        if page.delay_ms > _LATE_SHARE * self._late_window_ms and self._limiter.may("late"):
            host.log.warning(
                "%s: an event became visible %d s after its time; an event that takes longer "
                "than late_window (%d s) is lost: raise late_window",
                self.name,
                page.delay_ms // 1000,
                self._config.late_window,
            )

    def _wait_for_host(self, queue: EventQueue, stop: threading.Event) -> None:
        """Lines that are no audit events fill no queue: their keys must not pile up."""
        most = self._config.buffer_size + _KEYS_BEYOND_QUEUE
        while self._acknowledger.pending > most:
            if stop.wait(_ACKNOWLEDGE_EVERY_S):
                raise QueueClosed
            self._acknowledger.alive(self._clock.now_ms())
            self._acknowledger.commit(queue.delivered())

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

    def _report(self, window: Window, now_ms: int) -> None:
        """Keep the metrics; say every ten seconds how a backlog shrinks, and when it is gone."""
        host = self._host
        now_s, last_s = self._monotonic_s(), self._progress_at_s
        host.age(Metric.LAG_MILLISECONDS, now_s - (now_ms - window.settled_ms) / 1000)
        host.gauge(Metric.GAPS, len(window.gaps))
        host.gauge(Metric.RUNGS_RESTING, window.rungs_resting)
        is_broken = self._config.state_dir is not None and not self._ledger.outlives_process
        host.gauge(Metric.STATE_DIR_BROKEN, int(is_broken))
        self._acknowledger.alive(now_ms)
        given_up_ms = window.give_up(now_ms) if self._clock.is_sure else 0
        if given_up_ms:
            self._given_up(given_up_ms, "AWS refused to the end to return that part")
        behind_ms = window.behind_ms(now_ms)
        if behind_ms == 0:
            if last_s is not None:
                host.log.info("%s: caught up", self.name)
            self._progress_at_s = None
        elif last_s is None or now_s - last_s >= _PROGRESS_EVERY_S:
            self._progress_at_s = now_s
            host.log.info(
                "%s: catching up: %d s of the audit log are still unread",
                self.name,
                behind_ms // 1000,
            )
