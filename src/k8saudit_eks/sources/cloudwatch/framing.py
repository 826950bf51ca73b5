"""From CloudWatch's log events to what the host is given."""

from __future__ import annotations

from typing import Any

from k8saudit_eks.audit import Framed, Origin, frame
from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.event_queue import Host
from k8saudit_eks.host_log import LogLimiter
from k8saudit_eks.metrics import Metric

_UNREADABLE_EVERY_S = 1.0


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
        """max_size_bytes: of a framed event; longer ones are cut as truncated lines are."""
        self._cluster = cluster
        self._log_group = log_group
        self._host = host
        self._limiter = limiter
        self._max_size_bytes = max_size_bytes
        self._origins: dict[str | None, Origin] = {}

    def frame(self, event: dict[str, Any]) -> tuple[Framed, ...]:
        """The audit events of one log event, as aws.Page gives it.

        Where it holds something else, the last may be one that says so (audit.py).
        """
        stream = event.get("logStreamName")
        ingestion_ms = event.get("ingestionTime")
        framed = frame(
            event.get("message", ""),
            origin=self._origin(stream if isinstance(stream, str) else None),
            close=self._host.close_json,
            event_id=event["eventId"],
            ingestion_time_ms=ingestion_ms if isinstance(ingestion_ms, int) else None,
            timestamp_ms=event["timestamp"],
            max_size_bytes=self._max_size_bytes,
        )
        if framed and not framed[-1].unreadable:
            return framed
        self._host.count(Metric.EVENTS_INVALID)
        if self._limiter.may("invalid"):
            self._host.log.warning(
                "%s: log event %s is not an audit event, or was cut too early to repair: the "
                "plugin counts it and delivers an event that says so, at most one a second",
                self._cluster,
                event["eventId"],
            )
        # Whoever makes lines unreadable must not fill the queue with events about them.
        may_say_so = framed and self._limiter.may("unreadable", every_s=_UNREADABLE_EVERY_S)
        return framed if may_say_so else framed[:-1]

    def _origin(self, stream: str | None) -> Origin:
        origin = self._origins.get(stream)
        if origin is None:
            origin = self._origins[stream] = Origin(
                cluster=self._cluster,
                region=self._log_group.region,
                account=self._log_group.account,
                log_group=self._log_group.name,
                log_stream=stream,
            )
        return origin
