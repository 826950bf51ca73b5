"""Which implementation of LogEventReader the tests run with: the one place that chooses.

The rehearsals of tests/faults, tests/model and tests/lives, the unit tests of delivery and
its benches run with either. The variable KAE_LOG_EVENTS says which:

    reference         log_events.py in this folder; boto3's dicts are added one by one
    reference-bytes   the same, which reads the bytes of answers, too
    native            csrc/log_events
    native-bytes      the same, which reads the bytes of answers, too
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from typing import Any

from log_events import ReferenceReader

from k8saudit_eks.log_events import (
    NO_STREAM,
    TIME_UNKNOWN,
    Frames,
    LogEventReader,
    LogEvents,
    message_bytes,
)

_VARIABLE = "KAE_LOG_EVENTS"


@functools.cache
def reader() -> LogEventReader:
    """The reader that tests are to use, the same each time.

    Raises:
        ValueError: the variable names no implementation.
    """
    chosen, _ = _chosen()
    if chosen == "reference":
        return ReferenceReader()
    if chosen == "native":
        # Compiling takes a while, and not every run needs it.
        from native_library import session_library

        from k8saudit_eks.native_log_events import NativeReader

        return NativeReader(*session_library())
    raise ValueError(f"{_VARIABLE} is {chosen}: no implementation has that name")


def reads_bytes() -> bool:
    """Whether fakes of AWS give the reader their answers as bytes, as botocore's hook does."""
    return _chosen()[1] == "bytes"


def payloads_of(frames: Frames) -> list[tuple[bytes, int]]:
    """(payload, time in ns) of each event that was not pushed.

    For frames of both implementations, whatever is chosen.
    """
    of_either: Any = frames
    payloads: list[tuple[bytes, int]] = of_either.payloads()
    return payloads


def log_events(events: Iterable[Mapping[str, Any]]) -> LogEvents:
    """Log events from dicts as boto3 gives them; but for the timestamp, any member may lack."""
    added = reader().new()
    for event in events:
        name = event.get("logStreamName")
        added.add(
            message_bytes(event.get("message", "")),
            event_id=event.get("eventId", ""),
            timestamp_ms=event["timestamp"],
            ingestion_time_ms=event.get("ingestionTime", TIME_UNKNOWN),
            stream=NO_STREAM if name is None else added.stream(name),
        )
    return added


def _chosen() -> tuple[str, str]:
    name, _, answers = os.environ.get(_VARIABLE, "reference").partition("-")
    return name, answers
