"""The plain path: log events that botocore has parsed.

It serves where answers.py has nothing: before botocore 1.36, and for answers that are not in
the usual form. Both paths give the same log events for the same answer.
"""

from __future__ import annotations

from typing import Any, Final

from k8saudit_eks.log_events import (
    EVENT_ID_MAX_BYTES,
    NO_STREAM,
    STREAM_NAME_MAX_BYTES,
    TIME_UNKNOWN,
    AddedLogEvents,
    LogEventReader,
    message_bytes,
)

# CloudWatch's timestamps are 64 bits long; SQLite's integers, too.
_TIME_MAX_MS: Final = 2**63 - 1


def add_well_formed(
    events: list[Any], reader: LogEventReader, stream_prefix: str
) -> tuple[AddedLogEvents, int]:
    """The log events of streams with the prefix, and how many entries are no log events.

    Those lack an event id, a timestamp or a text, or their id or the name of their stream is
    none that CloudWatch would give.
    """
    added = reader.new()
    malformed = 0
    for event in events:
        if not _is_log_event(event):
            malformed += 1
            continue
        name = event.get("logStreamName")
        # Some local servers ignore logStreamNamePrefix.
        if name is not None and not name.startswith(stream_prefix):
            continue
        ingestion_time_ms = event.get("ingestionTime")
        added.add(
            message_bytes(event["message"]),
            event_id=event["eventId"],
            timestamp_ms=event["timestamp"],
            ingestion_time_ms=ingestion_time_ms if _is_time(ingestion_time_ms) else TIME_UNKNOWN,
            stream=NO_STREAM if name is None else added.stream(name),
        )
    return added, malformed


def _is_log_event(event: Any) -> bool:
    return (
        type(event) is dict
        and _is_time(event.get("timestamp"))
        and _is_text(event.get("eventId"), EVENT_ID_MAX_BYTES)
        and type(event.get("message")) is str
        and (
            event.get("logStreamName") is None
            or _is_text(event["logStreamName"], STREAM_NAME_MAX_BYTES)
        )
    )


def _is_text(value: Any, most_bytes: int) -> bool:
    """Not empty, and without the halves of surrogates that a JSON escape can hold.

    Two of those would become one: events with such ids would be taken for each other.
    """
    if type(value) is not str:
        return False
    try:
        return 0 < len(value.encode()) <= most_bytes
    except UnicodeEncodeError:
        return False


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _TIME_MAX_MS
