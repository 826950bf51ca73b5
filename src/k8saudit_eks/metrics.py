"""Every metric of the plugin: the single source for the native counters and the docs.

Falco exposes them as ``falcosecurity_plugins_k8saudit_eks_<name>_total`` and cuts
_kb, _bytes, _mb, _perc, _percentage, _ratio, _ns, _ts, _sec and _total out of names,
wherever they stand; no name here contains one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class MetricSpec:
    """One metric: its name in the host's output, whether it only grows, what it says."""

    name: str
    monotonic: bool
    description: str


class Metric(Enum):
    """The metrics; a member's position is its index in the native array."""

    EVENTS_DELIVERED = MetricSpec(
        "events_delivered", True, "events handed to the host and evaluated by it"
    )
    EVENTS_INVALID = MetricSpec(
        "events_invalid", True, "log lines that are no audit event and were passed over"
    )
    EVENTS_UNPARSABLE = MetricSpec(
        "events_unparsable", True, "delivered events whose JSON could not be parsed"
    )
    EVENTS_TRUNCATED = MetricSpec(
        "events_truncated", True, "truncated log lines repaired and delivered"
    )
    EVENTS_LATE = MetricSpec(
        "events_late", True, "events that became visible late and were found by the settling read"
    )
    DUPLICATES_SUPPRESSED = MetricSpec(
        "duplicates_suppressed", True, "events read again and not delivered again"
    )
    API_CALLS = MetricSpec("api_calls", True, "calls made to CloudWatch Logs")
    API_THROTTLES = MetricSpec("api_throttles", True, "calls that CloudWatch Logs throttled")
    API_ERRORS = MetricSpec("api_errors", True, "calls that failed for another reason")
    QUEUE_DEPTH = MetricSpec("queue_depth", False, "events waiting for the host")
    LAG_MILLISECONDS = MetricSpec(
        "lag_milliseconds", False, "age of the oldest moment not yet known to be complete"
    )

    @property
    def index(self) -> int:
        """Position in the native metrics array."""
        return _INDEX[self]


_INDEX = {metric: position for position, metric in enumerate(Metric)}
