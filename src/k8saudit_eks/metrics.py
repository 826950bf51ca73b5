"""Every metric of the plugin: the single source for the native counters and the docs.

Falco exposes them as ``falcosecurity_plugins_k8saudit_eks_<name>_total`` and cuts
_kb, _bytes, _mb, _perc, _percentage, _ratio, _ns, _ts, _sec and _total out of names,
wherever they stand; no name here contains one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a metric's value is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    AGE = "age"
    """Milliseconds since a moment; grows by itself whenever it is looked at."""


@dataclass(frozen=True)
class MetricSpec:
    """One metric: its name in the host's output, what its value is, what it says."""

    name: str
    kind: Kind
    description: str


class Metric(Enum):
    """The metrics; a member's position is its index in the native array."""

    EVENTS_DELIVERED = MetricSpec(
        "events_delivered", Kind.COUNTER, "events that Falco has taken and evaluated"
    )
    EVENTS_INVALID = MetricSpec(
        "events_invalid", Kind.COUNTER, "log lines that hold no readable audit event"
    )
    EVENTS_UNPARSABLE = MetricSpec(
        "events_unparsable",
        Kind.COUNTER,
        "delivered events whose JSON could not be parsed, or only in part",
    )
    EVENTS_TRUNCATED = MetricSpec(
        "events_truncated", Kind.COUNTER, "log lines that were cut, repaired and delivered"
    )
    EVENTS_LATE = MetricSpec(
        "events_late",
        Kind.COUNTER,
        "late events that only the settling read found",
    )
    DUPLICATES_SUPPRESSED = MetricSpec(
        "duplicates_suppressed", Kind.COUNTER, "events that were read again and not delivered again"
    )
    API_CALLS = MetricSpec("api_calls", Kind.COUNTER, "calls to CloudWatch Logs")
    API_THROTTLES = MetricSpec(
        "api_throttles", Kind.COUNTER, "calls that CloudWatch Logs throttled"
    )
    API_ERRORS = MetricSpec("api_errors", Kind.COUNTER, "calls that failed for another reason")
    QUEUE_DEPTH = MetricSpec("queue_depth", Kind.GAUGE, "events that wait for Falco")
    LAG_MILLISECONDS = MetricSpec(
        "lag_milliseconds",
        Kind.AGE,
        "age of the settled mark: everything before it was read for the last time, except gaps",
    )

    SECONDS_GIVEN_UP = MetricSpec(
        "seconds_given_up",
        Kind.COUNTER,
        "seconds of the audit log that are given up: the rules may miss events",
    )
    GAPS = MetricSpec(
        "gaps",
        Kind.GAUGE,
        "ranges of time that CloudWatch Logs refuses while it answers other calls",
    )
    RUNGS_RESTING = MetricSpec(
        "rungs_resting",
        Kind.GAUGE,
        "rungs of the ladder that rest: late events may then wait for the settling read",
    )
    STATE_DIR_BROKEN = MetricSpec(
        "state_dir_broken",
        Kind.GAUGE,
        "1 while `state_dir` is set and can't be written, otherwise 0",
    )

    @property
    def index(self) -> int:
        """Position in the native metrics array."""
        return _INDEX[self]


_INDEX = {metric: position for position, metric in enumerate(Metric)}
