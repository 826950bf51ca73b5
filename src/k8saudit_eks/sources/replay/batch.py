"""From records to the queue: log events on their way, framed and pushed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from k8saudit_eks.event_queue import EventQueue, Host
from k8saudit_eks.log_events import NO_STREAM, TIME_UNKNOWN, AddedLogEvents, LogEvents
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.replay.exported import Exported
from k8saudit_eks.sources.replay.origins import Origins
from k8saudit_eks.sources.replay.records import Record

_BATCH_EVENTS = 500
# Large events must not make a batch that waits long for room in the queue.
_BATCH_BYTES = 4 * 1024 * 1024

# Called with the line and the item of a log event in which something is no audit event.
PassedOver = Callable[[int, int], None]


class Batch:
    """Frames what is added, in its order, and pushes it.

    The log events of one batch have the log group and the account in common, and come from
    one file.
    """

    def __init__(
        self, queue: EventQueue, host: Host, origins: Origins, *, max_size_bytes: int
    ) -> None:
        self.pushed = 0
        self._queue = queue
        self._host = host
        self._origins = origins
        self._max_size_bytes = max_size_bytes
        self._shared: tuple[str | None, str | None] = None, None
        self._begin()

    def _begin(self) -> None:
        self._events: AddedLogEvents = self._host.reader.new()
        self._lines: list[tuple[int, int]] = []
        self._bytes = 0

    def add(self, record: Record, log_stream: str | None, passed_over: PassedOver) -> bool:
        """Add one record; True when that made it push."""
        shared = record.log_group, record.account
        if shared != self._shared:
            self.push(passed_over)
            self._shared = shared
        # Where there is no log line an empty one is added, which is passed over in its turn.
        message = record.message or b""
        self._events.add(
            message,
            event_id=record.event_id or "",
            timestamp_ms=_known(record.timestamp_ms),
            ingestion_time_ms=_known(record.ingestion_time_ms),
            stream=NO_STREAM if log_stream is None else self._events.stream(log_stream),
        )
        self._lines.append((record.line, record.item))
        self._bytes += len(message)
        if len(self._lines) < _BATCH_EVENTS and self._bytes < _BATCH_BYTES:
            return False
        self.push(passed_over)
        return True

    def push(self, passed_over: PassedOver) -> None:
        """Push what was added."""
        if not self._lines:
            return
        events, lines = self._events, self._lines
        self._begin()
        names: list[str | None] = [*events.stream_names, None]
        self._push(
            events, range(len(lines)), self._envelopes(self._shared, names), lines, passed_over
        )

    def push_document(
        self, document: Exported, folder_stream: str | None, passed_over: PassedOver
    ) -> int:
        """Push a document's log events; how many there are of other log streams.

        folder_stream: of log events for which the document names none.
        """
        self.push(passed_over)
        events = document.events
        names = [name or folder_stream for name in events.stream_names]
        # The last one is at NO_STREAM.
        names.append(document.log_stream or folder_stream)
        is_audit = [name is None or self._origins.is_audit_stream(name) for name in names]
        places = [place for place, stream in enumerate(events.streams) if is_audit[stream]]
        envelopes = self._envelopes((document.log_group, document.account), names)
        for start in range(0, len(places), _BATCH_EVENTS):
            chosen = places[start : start + _BATCH_EVENTS]
            lines = [(document.line, place + 1) for place in chosen]
            self._push(events, chosen, envelopes, lines, passed_over)
        return len(events) - len(places)

    def _envelopes(
        self, shared: tuple[str | None, str | None], log_streams: Sequence[str | None]
    ) -> list[bytes]:
        log_group, account = shared
        return [self._origins.envelope(log_group, name, account) for name in log_streams]

    def _push(
        self,
        events: LogEvents,
        places: Sequence[int],
        envelopes: Sequence[bytes],
        lines: Sequence[tuple[int, int]],
        passed_over: PassedOver,
    ) -> None:
        # Whoever replays a file reads the log, too: no event is made up in it.
        frames = events.frame(
            places, envelopes, max_size_bytes=self._max_size_bytes, unreadable_max=0
        )
        pushed = sum(frames.events_of)
        if frames.unreadable or not all(frames.events_of):
            partly = set(frames.unreadable)
            for position, (count, (line, item)) in enumerate(
                zip(frames.events_of, lines, strict=True)
            ):
                if not count or position in partly:
                    passed_over(line, item)
        truncated = frames.truncated
        if pushed:
            self._queue.push(frames)
        self.pushed += pushed
        if truncated:
            self._host.count(Metric.EVENTS_TRUNCATED, truncated)


def _known(time_ms: int | None) -> int:
    return time_ms if time_ms is not None and 0 <= time_ms < 2**63 else TIME_UNKNOWN
