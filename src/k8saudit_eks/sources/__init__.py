"""Where events come from.

A source is opened in the host's thread, where everything that can be refused is
refused with one sentence, and then runs in a thread of its own until it ends or
is stopped.
"""

from __future__ import annotations

import threading
from typing import Protocol

from k8saudit_eks.event_queue import EventQueue


class Source(Protocol):
    """One log group, or one set of files."""

    @property
    def name(self) -> str:
        """Short name for threads and log lines, e.g. the cluster's."""

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        """Read and push events until the source ends, the stop event is set or the queue closes.

        Returning means the source has ended: the host is told once the queue is
        empty. Raising means the same, with an error that stops the host; sources
        raise PluginError only where going on would hide events.
        """

    def close(self) -> None:
        """Write down what was delivered and free everything.

        Called once, in a thread of its own, after run() has returned or, if a
        network call keeps it, while run() is still on its way out. The host waits
        for it only for a moment.
        """
