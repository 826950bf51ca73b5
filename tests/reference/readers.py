"""Which implementation of LogEventReader the tests run with: the one place that chooses.

The rehearsals of tests/faults, tests/model and tests/lives, and the benches of delivery,
run with either: KAE_LOG_EVENTS=native takes csrc/log_events.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from typing import Any, Protocol

from log_events import ReferenceReader

from k8saudit_eks.log_events import NO_STREAM, TIME_UNKNOWN, Frames, LogEventReader, LogEvents

# The variable's values.
REFERENCE, NATIVE = "reference", "native"
_VARIABLE = "KAE_LOG_EVENTS"


class OpenFrames(Frames, Protocol):
    """Frames whose events tests can look at. Both implementations are this, too."""

    def payloads(self) -> list[tuple[bytes, int]]:
        """(payload, time in ns) of each event that was not pushed."""


@functools.cache
def reader() -> LogEventReader:
    """The reader that tests are to use, the same each time.

    Raises:
        ValueError: the variable names no implementation.
    """
    chosen = os.environ.get(_VARIABLE, REFERENCE)
    if chosen == REFERENCE:
        return ReferenceReader()
    if chosen == NATIVE:
        return _native_reader()
    raise ValueError(f"{_VARIABLE} is {chosen}, and neither {REFERENCE} nor {NATIVE}")


def payloads_of(frames: Frames) -> list[tuple[bytes, int]]:
    """(payload, time in ns) of each event of frames that one of these readers made."""
    opened: Any = frames
    found: list[tuple[bytes, int]] = opened.payloads()
    return found


def log_events(events: Iterable[dict[str, Any]]) -> LogEvents:
    """Log events from dicts as boto3 gives them; of a message tests need not think."""
    added = reader().new()
    for event in events:
        name = event.get("logStreamName")
        added.add(
            event.get("message", "").encode(),
            event_id=event["eventId"],
            timestamp_ms=event["timestamp"],
            ingestion_time_ms=event.get("ingestionTime", TIME_UNKNOWN),
            stream=NO_STREAM if name is None else added.stream(name),
        )
    return added


def _native_reader() -> LogEventReader:
    """csrc/log_events, compiled once in this process."""
    # Compiling takes a while, and not every run needs it.
    from native_library import session_library

    from k8saudit_eks.native_log_events import NativeReader

    return NativeReader(*session_library())
