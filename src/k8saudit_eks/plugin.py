"""One plugin handle: its configuration, its captures and their threads.

Knows nothing of the ABI (embed.py) and nothing of AWS (aws.py).
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.open_params import ReplayParams, parse_open_params
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.sources import Source

# How long close() waits for the thread, which comes out of a push, a back-off or a
# pause between polls at once. One that a network call keeps (a read may take 20 s) is
# left behind: it finds the stop event set and its queue closed when it comes back,
# and holds references to everything that it still touches. There is no clean way to
# take a socket in use away from boto3.
_JOIN_TIMEOUT_S = 0.05
# How long close() keeps the host in all. A disk that hangs keeps the source's own
# close() longer, in a thread that is left behind in the same way.
_CLOSE_TIMEOUT_S = 0.09

# Signals that the kernel raises at a thread's own instruction: blocking them would
# only turn a crash report into a silent kill.
_SYNCHRONOUS_SIGNALS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}

OnEnd = Callable[[BaseException | None], None]


class Capture:
    """One open instance: a source and the thread it runs in."""

    def __init__(self, source: Source, queue: EventQueue, host: Host, on_end: OnEnd) -> None:
        self._source = source
        self._queue = queue
        self._host = host
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=source.name[:15], daemon=True)

    def start(self) -> None:
        """Start reading; a source that can't be read is closed.

        Raises:
            OpenError: the machine has no thread to give.
        """
        try:
            _start(self._thread)
        except RuntimeError as error:
            self._source.close()
            raise OpenError(
                f"{self._source.name} can't be read, since the system has no thread to give: "
                f"raise the limit of processes and threads (ulimit -u, or the container's pids "
                f"limit)"
            ) from error

    def _run(self) -> None:
        try:
            self._source.run(self._queue, self._stop)
        except QueueClosed:
            pass
        except BaseException as error:  # the last line of defence: the host must know
            if not self._stop.is_set():
                self._host.log.error("reading %s ended: %s", self._source.name, error)
                self._on_end(error)
            return
        self._on_end(None)

    def close(self) -> None:
        """Stop the thread and let the source write down what was delivered.

        Comes back after _CLOSE_TIMEOUT_S at the latest, if a thread can be had.
        """
        until_s = time.monotonic() + _CLOSE_TIMEOUT_S
        self._stop.set()
        self._thread.join(_JOIN_TIMEOUT_S)
        closing = threading.Thread(target=self._close_source, name="closing", daemon=True)
        try:
            _start(closing)
        except RuntimeError:
            self._close_source()
            return
        closing.join(max(0.0, until_s - time.monotonic()))

    def _close_source(self) -> None:
        try:
            self._source.close()
        except Exception as error:  # the host goes on, and so do its other captures
            self._host.log.error("closing %s failed: %s", self._source.name, error)


def _start(thread: threading.Thread) -> None:
    """Start a thread that leaves every signal to the host's threads."""
    mask = signal.valid_signals() - _SYNCHRONOUS_SIGNALS
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, mask)
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


class Plugin:
    """One plugin handle between init and destroy."""

    def __init__(self, init_config: str, host: Host) -> None:
        """Raise ConfigError when init_config can't be used."""
        self.config: Config = parse_init_config(init_config)
        self._host = host

    def open(self, params: str, queue: EventQueue, on_end: OnEnd) -> Capture:
        """Open what params name and start reading it into queue.

        on_end is called once, from the capture's thread, with None at a clean end
        and with the error otherwise. Raises ConfigError or OpenError when params
        can't be used or the source can't be read.
        """
        capture = Capture(self._open_source(params), queue, self._host, on_end)
        capture.start()
        return capture

    def _open_source(self, params: str) -> Source:
        # The sources are imported where they are opened: boto3 costs time and
        # memory that a replay, or a host that only validates, does not have to pay.
        target = parse_open_params(params)
        if isinstance(target, ReplayParams):
            from k8saudit_eks.sources.replay.source import open_replay

            return open_replay(target.path, self.config, self._host)
        from k8saudit_eks.sources.cloudwatch.source import open_cloudwatch

        return open_cloudwatch(self.config, target.cluster, self._host)

    def list_open_params(self) -> list[dict[str, str]]:
        """Values that open() takes: the clusters whose audit log group can be seen.

        Each has value, desc and separator. An account that can't be asked has none
        to list; the reason is logged.
        """
        from k8saudit_eks.aws.log_group import list_eks_clusters

        try:
            clusters = list_eks_clusters(self.config)
        except Exception as error:  # a suggestion list must not refuse the whole host
            self._host.log.warning("can't list the clusters: %s", error)
            clusters = []
        return [
            {"value": cluster, "desc": f"EKS cluster {cluster}", "separator": ""}
            for cluster in clusters
        ]
