"""Frames a line in every way there is, and says where the ways differ.

Three ways: the oracle (tests/reference), the native framing of a line that was added, and
that of a document which holds the line as a string.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import native_library
from log_events import ReferenceReader

from k8saudit_eks.log_events import TIME_UNKNOWN, Form, LogEvents
from k8saudit_eks.native_log_events import NativeReader

TIME_MS = 1_767_225_600_123
MAX_SIZE_BYTES = 1 << 20
ENVELOPE = b'{"k8saudit_eks":{"cluster":"prod","region":"eu-west-1"'
START = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a'
END = '","stage":"ResponseComplete","stageTimestamp":"2026-01-01T00:00:00.000000Z"}'


class Framed(NamedTuple):
    """What became of the log events at the places."""

    events_of: list[int]
    unreadable: list[int]
    truncated: int
    payloads: list[tuple[bytes, int]]


class Known(NamedTuple):
    """What is known of a line beside its text."""

    event_id: str = "38473847"
    timestamp_ms: int = TIME_MS
    ingestion_time_ms: int = TIME_MS + 500

    def is_of_documents(self) -> bool:
        """Whether a document can say it, in the form that read() takes."""
        escaped = json.dumps(self.event_id, ensure_ascii=False)[1:-1]
        return escaped == self.event_id != "" and self.timestamp_ms >= 0


USUAL = Known()


def frames_of(
    events: LogEvents,
    *,
    places: Sequence[int] | None = None,
    max_size_bytes: int = MAX_SIZE_BYTES,
    unreadable_max: int = 1000,
) -> Framed:
    chosen = range(len(events)) if places is None else places
    envelopes = [ENVELOPE] * (len(events.stream_names) + 1)
    frames: Any = events.frame(
        chosen, envelopes, max_size_bytes=max_size_bytes, unreadable_max=unreadable_max
    )
    return Framed(
        list(frames.events_of), list(frames.unreadable), frames.truncated, frames.payloads()
    )


def native_reader() -> NativeReader:
    return NativeReader(*native_library.session_library())


def document(line: str, known: Known, *, ensure_ascii: bool = True) -> bytes:
    """An answer of FilterLogEvents with one log event; the id stands in it as it is."""
    members = [f'"eventId":"{known.event_id}"', f'"timestamp":{known.timestamp_ms}']
    members.append(f'"message":{json.dumps(line, ensure_ascii=ensure_ascii)}')
    if known.ingestion_time_ms != TIME_UNKNOWN:
        members.append(f'"ingestionTime":{known.ingestion_time_ms}')
    return ('{"events":[{' + ",".join(members) + "}]}").encode()


def expected(line: bytes, known: Known = USUAL, **limits: int) -> Framed:
    """What the oracle makes of it."""
    events = ReferenceReader().new()
    events.add(line, **known._asdict())
    return frames_of(events, **limits)


def agree(line: bytes, known: Known = USUAL, **limits: int) -> Framed:
    """Asserts that all ways give the same; returns it."""
    reader = native_reader()
    added = reader.new()
    added.add(line, **known._asdict())
    ways: list[LogEvents] = [added]
    if known.is_of_documents():
        text = line.decode("utf-8", "replace")
        for ensure_ascii in (True, False):
            read = reader.read(document(text, known, ensure_ascii=ensure_ascii), Form.ANSWER)
            assert read is not None
            ways.append(read)
    before_ns = time.time_ns()
    wanted = expected(line, known, **limits)
    for events in ways:
        assert_same(frames_of(events, **limits), wanted, range(before_ns, time.time_ns() + 1))
    return wanted


def assert_same(got: Framed, wanted: Framed, now_ns: range) -> None:
    """Times are the same, or both are the present: no time was known."""
    assert got[:3] == wanted[:3]
    assert len(got.payloads) == len(wanted.payloads)
    for (payload, time_ns), (other, other_ns) in zip(got.payloads, wanted.payloads, strict=True):
        assert time_ns == other_ns or (time_ns in now_ns and other_ns in now_ns)
        if payload != other:
            # Only what an event id becomes may be written differently.
            assert _parts(payload) == _parts(other)


def _parts(payload: bytes) -> tuple[Any, Any]:
    """The envelope, and what comes behind it: bytes, or JSON where it holds the event id."""
    text = payload.decode()
    decoder = json.JSONDecoder(object_pairs_hook=list)
    envelope, end = decoder.raw_decode(text, len('{"k8saudit_eks":'))
    behind = text[end:]
    if '"auditID":"unreadable-' in behind:
        return envelope, decoder.decode("{" + behind[1:])
    return envelope, behind
