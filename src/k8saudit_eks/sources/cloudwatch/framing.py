"""From CloudWatch's log events to what the host is given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.envelope import beginning
from k8saudit_eks.event_queue import Host
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.log_events import Frames, LogEvents
from k8saudit_eks.metrics import Metric

_UNREADABLE_EVERY_S = 1.0
# Envelopes that are kept: EKS begins new log streams all the time.
_STREAMS_KEPT = 256


class Framer:
    """Frames one log group's events; counts and reports those that can't be. One thread."""

    def __init__(
        self,
        cluster: str,
        log_group: LogGroup,
        host: Host,
        limiter: LogLimiter,
        *,
        max_size_bytes: int,
    ) -> None:
        """max_size_bytes: of an event without its envelope; longer ones are cut and repaired."""
        self._cluster = cluster
        self._host = host
        self._limiter = limiter
        self._max_size_bytes = max_size_bytes
        self._envelope = lru_cache(_STREAMS_KEPT)(
            partial(
                beginning,
                cluster=cluster,
                region=log_group.region,
                account=log_group.account,
                log_group=log_group.name,
            )
        )
        self._names: tuple[str | None, ...] = ()
        self._envelopes: list[bytes] = []

    def frame(self, events: LogEvents, places: Sequence[int]) -> Frames:
        """The audit events of the log events at these places.

        Where a log event holds something else, one that says so may be in its place.
        """
        # Whoever makes lines unreadable must not fill the queue with events about them.
        may_say_so = self._limiter.is_due("unreadable", every_s=_UNREADABLE_EVERY_S)
        frames = events.frame(
            places,
            self._envelopes_of((*events.stream_names, None)),
            max_size_bytes=self._max_size_bytes,
            unreadable_max=int(may_say_so),
        )
        if may_say_so and frames.unreadable:
            self._limiter.may("unreadable", every_s=_UNREADABLE_EVERY_S)
        if frames.truncated:
            self._host.count(Metric.EVENTS_TRUNCATED, frames.truncated)
        if frames.unreadable or 0 in frames.events_of:
            self._report_invalid(events, places, frames)
        return frames

    def _envelopes_of(self, names: tuple[str | None, ...]) -> list[bytes]:
        """One for each log stream; kept from push to push, which are mostly of one page."""
        if names != self._names:
            self._names = names
            self._envelopes = [self._envelope(log_stream=name) for name in names]
        return self._envelopes

    def _report_invalid(self, events: LogEvents, places: Sequence[int], frames: Frames) -> None:
        """Of what is blank, or of another kind, nothing is made, but it counts as well."""
        without_event = {number for number, made in enumerate(frames.events_of) if made == 0}
        invalid = without_event.union(frames.unreadable)
        self._host.count(Metric.EVENTS_INVALID, len(invalid))
        if self._limiter.may("invalid"):
            self._host.log.warning(
                "%s: log event %s is not an audit event, or was cut too early to repair: the "
                "plugin counts it and delivers an event that says so, at most one a second",
                self._cluster,
                events.event_id(places[min(invalid)]),
            )
