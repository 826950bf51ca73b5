"""Which implementation of LogEventReader the tests run with: the one place that chooses.

The rehearsals of tests/faults, tests/model and tests/lives, the unit tests of delivery and
its benches run with any of these:

    reference         log_events.py in this folder; boto3's dicts are added one by one
    reference-bytes   the same, which reads the bytes of answers, too
    native            csrc/log_events
    native-bytes      the same, which reads the bytes of answers, too: as in a host

What the variable KAE_LOG_EVENTS names is used for everything. Without it that is
native-bytes, and tests marked `both_ways` run once more with reference (tests/conftest.py).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from log_events import ReferenceReader

from k8saudit_eks.log_events import (
    NO_STREAM,
    TIME_UNKNOWN,
    Frames,
    LogEventReader,
    LogEvents,
    message_bytes,
)

_VARIABLE: Final = "KAE_LOG_EVENTS"
WAYS: Final = ("reference", "reference-bytes", "native", "native-bytes")
ASKED: Final = os.environ.get(_VARIABLE)
# The last one counts.
_chosen = [ASKED or "native-bytes"]
if _chosen[0] not in WAYS:
    raise ValueError(f"{_VARIABLE} is {_chosen[0]}: it is one of {', '.join(WAYS)}")


@contextmanager
def chosen(way: str) -> Iterator[None]:
    """Run with this one of WAYS; what was made before stays as it is."""
    assert way in WAYS
    _chosen.append(way)
    try:
        yield
    finally:
        _chosen.pop()


def reader() -> LogEventReader:
    """The reader that tests are to use now."""
    return _native() if _chosen[-1].startswith("native") else ReferenceReader()


def reads_bytes() -> bool:
    """Whether fakes of AWS give the reader their answers as bytes, as botocore's hook does."""
    return _chosen[-1].endswith("-bytes")


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


@functools.cache
def _native() -> LogEventReader:
    # Compiling may take a while, and not every run needs it.
    from native_library import session_library

    from k8saudit_eks.native_log_events import NativeReader

    return NativeReader(*session_library())
