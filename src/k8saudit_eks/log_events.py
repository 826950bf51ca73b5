"""Log events as flat arrays, and framed for the queue: what sources and delivery see of them.

In the plugin csrc/log_events implements this (native_log_events.py binds it): texts stay in
native memory, and only what is decided upon becomes Python objects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol

# Of an ingestion time or a timestamp.
TIME_UNKNOWN: Final = -1
NO_STREAM: Final = -1
# As in log_events.cdef.h: log events with longer ones are malformed.
EVENT_ID_MAX_BYTES: Final = 256
STREAM_NAME_MAX_BYTES: Final = 2048
# KAE_DOCUMENT_MAX_BYTES of log_events.cdef.h.
DOCUMENT_MAX_BYTES: Final = 64 * 1024 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")


class Form(IntEnum):
    """Which list a document's log events stand in: kae_form of log_events.cdef.h."""

    ANSWER = 0
    SUBSCRIPTION = 1


class DocumentSizeError(Exception):
    """A document has more than DOCUMENT_MAX_BYTES."""


class Frames(Protocol):
    """Events that are ready for the queue; they can be pushed once.

    Attributes:
        events_of: for each chosen log event how many events it became; 0 for a blank
            line, for another kind of object, and where unreadable_max was reached.
        unreadable: the places, among the chosen, of log events in which something is no
            audit event.
        truncated: how many of the events were cut, and repaired.
    """

    events_of: Sequence[int]
    unreadable: Sequence[int]
    truncated: int


class LogEvents(Protocol):
    """The log events of one answer or document. Entry i of each sequence is log event i.

    Attributes:
        timestamps_ms: milliseconds since the epoch.
        ingestion_times_ms: the same, or TIME_UNKNOWN.
        streams: places in stream_names, or NO_STREAM.
        keys: digests of the event ids (delivery/seen.py).
        stream_names: each once.
        rest: the document without its log events, JSON if that is; empty if there was none.
    """

    @property
    def timestamps_ms(self) -> Sequence[int]: ...

    @property
    def ingestion_times_ms(self) -> Sequence[int]: ...

    @property
    def streams(self) -> Sequence[int]: ...

    @property
    def keys(self) -> Sequence[bytes]: ...

    @property
    def stream_names(self) -> Sequence[str]: ...

    @property
    def rest(self) -> bytes: ...

    def __len__(self) -> int: ...

    def event_id(self, place: int) -> str:
        """CloudWatch's eventId; empty if it is not known."""

    def frame(
        self,
        places: Sequence[int],
        envelopes: Sequence[bytes],
        *,
        max_size_bytes: int,
        unreadable_max: int,
    ) -> Frames:
        """The audit events in the log events at `places`, in that order.

        Args:
            envelopes: envelope.py's beginning of the envelope for each of stream_names,
                and one more for log events without a stream.
            max_size_bytes: events longer than this, without the envelope, are cut and
                repaired like truncated lines.
            unreadable_max: so many made-up events at most stand for what can't be read.

        Never raises on account of what was logged.
        """


class AddedLogEvents(LogEvents, Protocol):
    """Log events that are added one by one, in any order. Sequences grow with them."""

    def stream(self, name: str) -> int:
        """The place of a stream's name; it gets one if it has none yet."""

    def add(
        self,
        message: bytes,
        *,
        event_id: str = "",
        timestamp_ms: int = TIME_UNKNOWN,
        ingestion_time_ms: int = TIME_UNKNOWN,
        stream: int = NO_STREAM,
    ) -> None:
        """Add one. The message is a line as it was logged; ill-formed UTF-8 becomes U+FFFD."""


class LogEventReader(Protocol):
    """Makes LogEvents. Any thread."""

    def read(self, document: bytes, form: Form) -> LogEvents | None:
        """The log events of a document that has the usual form in every detail; else None.

        What surrounds the log events is only stepped over: json.loads takes `rest` if, and
        only if, it takes the document, and then reads the same log events.

        Raises:
            DocumentSizeError: it has more than 64 MiB.
        """

    def new(self) -> AddedLogEvents:
        """Without any log event yet."""


def message_bytes(message: str) -> bytes:
    """A parsed message as AddedLogEvents.add takes it: each lone surrogate becomes U+FFFD.

    JSON's escapes can hold one, UTF-8 can't.
    """
    try:
        return message.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", message).encode()
