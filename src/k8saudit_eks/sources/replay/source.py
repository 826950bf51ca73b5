"""The replay source: audit events from files, through the same path as live ones.

It ends at the end of the last file, so rules can be tested without AWS:
open_params `file:///path`.
"""

from __future__ import annotations

import functools
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from k8saudit_eks.config.table import Config
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.log_events import DocumentSizeError
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources import Source
from k8saudit_eks.sources.replay.batch import Batch, PassedOver
from k8saudit_eks.sources.replay.exported import Exported
from k8saudit_eks.sources.replay.files import OpenFile, ReplayFile, find
from k8saudit_eks.sources.replay.origins import Origins
from k8saudit_eks.sources.replay.records import MAX_DOCUMENT_BYTES, Record, records

_REPORT_INTERVAL_S = 60.0


def open_replay(
    path: Path | str, config: Config, host: Host, *, clock: Callable[[], float] = time.monotonic
) -> Source:
    """Open a file or folder of audit events.

    Args:
        path: a file, or a folder that is read with everything below it.
        config: max_event_size and log_stream_prefix apply, log_group names
            the cluster where a file says which log group it comes from.
        host: counts and logs what is passed over.
        clock: seconds, for the pace of reports.

    Raises:
        OpenError: something can't be read; says what, and what to do.
    """
    return _Replay(Path(path), find(Path(path)), config, host, clock)


class _Replay:
    def __init__(
        self,
        path: Path,
        files: tuple[ReplayFile, ...],
        config: Config,
        host: Host,
        clock: Callable[[], float],
    ) -> None:
        self._files = files
        self._host = host
        self._max_size_bytes = config.max_event_size
        self._origins = Origins(config)
        self._passed_over = _PassedOver(host, clock)
        self._total_bytes = sum(file.size_bytes for file in files)
        self._name = f"replay {path.name or path}"

    @property
    def name(self) -> str:
        return self._name

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        batch = Batch(queue, self._host, self._origins, max_size_bytes=self._max_size_bytes)
        finished_bytes = 0
        try:
            for file in self._files:
                passed_over = functools.partial(self._passed_over.line, file)
                if not self._read(file, batch, passed_over, queue, finished_bytes, stop):
                    return
                batch.push(passed_over)
                finished_bytes += file.size_bytes
        except QueueClosed:
            return
        queue.set_progress(10_000)
        self._passed_over.report_rest()
        self._report_end(batch.pushed)

    def close(self) -> None:
        """Nothing is remembered between replays."""

    def _read(
        self,
        file: ReplayFile,
        batch: Batch,
        passed_over: PassedOver,
        queue: EventQueue,
        finished_bytes: int,
        stop: threading.Event,
    ) -> bool:
        """Push one file's events but for the last batch; False when the capture was stopped."""
        line = 0
        try:
            with OpenFile(file.path) as opened:
                stream = self._origins.stream_of_folder(file.path)
                for record in records(opened.content, self._host.reader):
                    line = record.line
                    if stop.is_set():
                        return False
                    if not self._take(record, stream, batch, passed_over):
                        continue
                    done_bytes = finished_bytes + opened.position_bytes()
                    # The last hundredth belongs to the end of the replay.
                    progress = done_bytes * 10_000 // max(1, self._total_bytes)
                    queue.set_progress(min(9_999, progress))
        except DocumentSizeError:
            self._give_up(
                file,
                line,
                f"a single JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MiB: "
                "write one event on each line, e.g. with jq -c '.[]'",
            )
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or "its compression is damaged or cut"
            self._give_up(file, line, f"unreadable ({reason}): download it again")
        return not stop.is_set()

    def _take(
        self,
        record: Record | Exported,
        folder_stream: str | None,
        batch: Batch,
        passed_over: PassedOver,
    ) -> bool:
        """Add what was read to the batch; True when that pushed events."""
        if isinstance(record, Exported):
            others = batch.push_document(record, folder_stream, passed_over)
            self._passed_over.other_streams += others
            return True
        stream = record.log_stream or folder_stream
        if stream is not None and not self._origins.is_audit_stream(stream):
            self._passed_over.other_streams += 1
            return False
        return batch.add(record, stream, passed_over)

    def _give_up(self, file: ReplayFile, line: int, reason: str) -> None:
        self._host.count(Metric.EVENTS_INVALID)
        self._host.log.error(
            "replay: the rest of %s after line %d is skipped, because it is %s",
            file.name,
            line,
            reason,
        )

    def _report_end(self, pushed: int) -> None:
        log = self._host.log.info if pushed else self._host.log.warning
        advice = "" if pushed else ": check that they hold Kubernetes audit events"
        if not pushed and self._passed_over.other_streams:
            advice = ": check log_stream_prefix"
        log(
            "replay: events: %d, files: %d, lines that are not audit events: %d, lines of other "
            "log streams: %d%s",
            pushed,
            len(self._files),
            self._passed_over.lines,
            self._passed_over.other_streams,
            advice,
        )


class _PassedOver:
    """Counts what is no audit event; says where, at once and then once a minute."""

    def __init__(self, host: Host, clock: Callable[[], float]) -> None:
        self.lines = 0
        self.other_streams = 0
        self._host = host
        self._clock = clock
        self._unreported = 0
        self._last = ""
        self._next_report_s: float | None = None

    def line(self, file: ReplayFile, line: int, item: int) -> None:
        """item: its place in a document of several, from 1; or 0."""
        self.lines += 1
        self._unreported += 1
        self._last = f"{file.name} line {line}" + (f", item {item}" if item else "")
        self._host.count(Metric.EVENTS_INVALID)
        now_s = self._clock()
        if self._next_report_s is None or now_s >= self._next_report_s:
            self._next_report_s = now_s + _REPORT_INTERVAL_S
            self.report_rest()

    def report_rest(self) -> None:
        """Say what was passed over since the last report."""
        if self._unreported:
            self._host.log.warning(
                "replay: lines skipped because they are not audit events: %d, the last one at %s",
                self._unreported,
                self._last,
            )
        self._unreported = 0
