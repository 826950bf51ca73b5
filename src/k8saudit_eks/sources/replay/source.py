"""The replay source: audit events from files, through the same path as live ones.

It ends at the end of the last file, so rules can be tested without AWS:
open_params `file:///path`.
"""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from k8saudit_eks.audit import Origin, frame
from k8saudit_eks.config.table import Config
from k8saudit_eks.event_queue import EventQueue, Host, QueueClosed
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources import Source
from k8saudit_eks.sources.replay.files import OpenFile, ReplayFile, find
from k8saudit_eks.sources.replay.records import (
    MAX_DOCUMENT_BYTES,
    DocumentSizeError,
    Record,
    records,
)

_PAGE_EVENTS = 500
# Large events must not make a page that waits long for room in the queue.
_PAGE_BYTES = 4 * 1024 * 1024
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
        self._origins = _Origins(config)
        self._passed_over = _PassedOver(host, clock)
        self._total_bytes = sum(file.size_bytes for file in files)
        self._name = f"replay {path.name or path}"

    @property
    def name(self) -> str:
        return self._name

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        page = _Page(queue, self._host)
        finished_bytes = 0
        try:
            for file in self._files:
                if not self._read(file, page, finished_bytes, stop):
                    return
                finished_bytes += file.size_bytes
            page.push()
        except QueueClosed:
            return
        queue.set_progress(10_000)
        self._passed_over.report_rest()
        self._report_end(page.pushed)

    def close(self) -> None:
        """Nothing is remembered between replays."""

    def _read(
        self, file: ReplayFile, page: _Page, finished_bytes: int, stop: threading.Event
    ) -> bool:
        """Push one file's events; False when the capture was stopped."""
        line = 0
        try:
            with OpenFile(file.path) as opened:
                stream = self._origins.stream_of_folder(file.path)
                for record in records(opened.content):
                    line = record.line
                    if stop.is_set():
                        return False
                    if not self._take(record, stream, file, page):
                        continue
                    page.push()
                    page.show_progress(finished_bytes + opened.position_bytes(), self._total_bytes)
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

    def _take(self, record: Record, stream: str | None, file: ReplayFile, page: _Page) -> bool:
        """Frame one record; True when the page is full."""
        stream = record.log_stream or stream
        if stream is not None and not self._origins.is_audit_stream(stream):
            self._passed_over.other_streams += 1
            return False
        framed = (
            frame(
                record.message,
                origin=self._origins.of(record.log_group, stream, record.account),
                close=self._host.close_json,
                event_id=record.event_id,
                ingestion_time_ms=record.ingestion_time_ms,
                timestamp_ms=record.timestamp_ms,
                max_size_bytes=self._max_size_bytes,
            )
            if record.message is not None
            else ()
        )
        # Whoever replays a file reads the log, too: no event is made up in it.
        events = [event for event in framed if not event.unreadable]
        if not events or len(events) < len(framed):
            self._passed_over.line(file, record)
        full = False
        for event in events:
            full = page.add(event.payload, event.time_ns, event.truncated)
        return full

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


class _Page:
    """Events on their way to the queue, pushed together."""

    def __init__(self, queue: EventQueue, host: Host) -> None:
        self.pushed = 0
        self._queue = queue
        self._host = host
        self._payloads: list[bytes] = []
        self._times_ns: list[int] = []
        self._bytes = 0
        self._truncated = 0

    def add(self, payload: bytes, time_ns: int, truncated: bool) -> bool:
        """True when it is time to push."""
        self._payloads.append(payload)
        self._times_ns.append(time_ns)
        self._bytes += len(payload)
        self._truncated += truncated
        return len(self._payloads) >= _PAGE_EVENTS or self._bytes >= _PAGE_BYTES

    def push(self) -> None:
        if self._payloads:
            self._queue.push(self._payloads, self._times_ns)
        self.pushed += len(self._payloads)
        if self._truncated:
            self._host.count(Metric.EVENTS_TRUNCATED, self._truncated)
        self._payloads, self._times_ns = [], []
        self._bytes = self._truncated = 0

    def show_progress(self, done_bytes: int, total_bytes: int) -> None:
        # The last hundredth belongs to the end of the replay.
        self._queue.set_progress(min(9_999, done_bytes * 10_000 // max(1, total_bytes)))


class _Origins:
    """Envelopes' origins by log group, stream and account, each made once."""

    def __init__(self, config: Config) -> None:
        before, _, after = config.log_group.partition("{cluster}")
        self._cluster = re.compile(f"{re.escape(before)}(.+?){re.escape(after)}")
        self._fixed_group = "{cluster}" not in config.log_group
        self._prefix, _, _ = config.log_stream_prefix.partition("{cluster}")
        self._known: dict[tuple[str | None, str | None, str | None], Origin] = {}

    def is_audit_stream(self, log_stream: str) -> bool:
        return log_stream.startswith(self._prefix)

    def stream_of_folder(self, path: Path) -> str | None:
        """Exports to S3 keep each stream in a folder of its name."""
        folder = path.parent.name
        return folder if self._prefix and folder.startswith(self._prefix) else None

    def of(self, log_group: str | None, log_stream: str | None, account: str | None) -> Origin:
        key = (log_group, log_stream, account)
        origin = self._known.get(key)
        if origin is None:
            cluster = None
            if log_group is not None and not self._fixed_group:
                match = self._cluster.fullmatch(log_group)
                cluster = match[1] if match else None
            origin = self._known[key] = Origin(
                cluster=cluster, account=account, log_group=log_group, log_stream=log_stream
            )
        return origin


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

    def line(self, file: ReplayFile, record: Record) -> None:
        self.lines += 1
        self._unreported += 1
        item = f", item {record.item}" if record.item else ""
        self._last = f"{file.name} line {record.line}{item}"
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
