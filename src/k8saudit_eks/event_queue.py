"""What a source sees of the host: a queue to push events to, counters, a logger.

The embedding (embed.py) implements these over the native queue; tests use plain
fakes. Sources know nothing else of the host.
"""

from __future__ import annotations

import logging
from typing import Protocol

from k8saudit_eks.log_events import Frames, LogEventReader
from k8saudit_eks.metrics import Metric


class QueueClosed(Exception):  # noqa: N818 - no error: the normal end of a capture
    """The capture was closed; whoever pushes must return."""


class EventQueue(Protocol):
    """The bounded queue between one capture's sources and the host.

    Every method may be called from any thread.
    """

    def push(self, frames: Frames) -> int:
        """Append events, waiting while the queue is full.

        Args:
            frames: made by the reader of the same host. They are empty afterwards.

        Returns:
            The sequence number of the last event pushed. Compare it with
            delivered(). Without an event it returns 0, which is always delivered.

        Raises:
            QueueClosed: the capture was closed before every event was taken.
        """

    def delivered(self) -> int:
        """The highest sequence number up to which the host has evaluated every event.

        An event counts once the host has come back for the next batch, so a
        crash at any moment loses nothing that is remembered by this number.
        """

    def set_progress(self, hundredths_percent: int) -> None:
        """How much of a finite source has been read: 0 to 10,000."""


class Host(Protocol):
    """What the plugin handle offers for as long as it lives; calls after that do nothing."""

    @property
    def log(self) -> logging.Logger:
        """Goes to the host's own log with matching severity. Never event contents above debug."""

    @property
    def reader(self) -> LogEventReader:
        """Makes the log events whose frames the queue takes."""

    def count(self, metric: Metric, amount: int = 1) -> None:
        """Add to a counter."""

    def gauge(self, metric: Metric, value: int) -> None:
        """Set a gauge."""

    def age(self, metric: Metric, since_s: float) -> None:
        """Set an age: the metric shows how long ago `since_s` was, whenever it is looked at.

        since_s: by time.monotonic(), in seconds; may be negative.
        """
