"""The Python side of the native log events: ownership, laziness, refusals."""

from __future__ import annotations

import gc
import json
import re
from typing import Any

import native_library
import pytest

from k8saudit_eks.log_events import (
    DOCUMENT_MAX_BYTES,
    NO_STREAM,
    TIME_UNKNOWN,
    DocumentSizeError,
    Form,
    LogEventReader,
)
from k8saudit_eks.native_log_events import NativeReader

CDEF = native_library.CSRC / "log_events" / "log_events.cdef.h"


@pytest.fixture(scope="module")
def native() -> tuple[Any, Any]:
    """(ffi, lib)."""
    return native_library.session_library()


@pytest.fixture
def reader(native: tuple[Any, Any]) -> NativeReader:
    return NativeReader(*native)


def answer(count: int, **more: object) -> bytes:
    """An answer of FilterLogEvents, with log events of three streams."""
    events = [
        {
            "logStreamName": f"s{number % 3}",
            "timestamp": 1000 + number,
            "message": f"m\n{number}",
            "ingestionTime": 2000 + number,
            "eventId": f"e{number}",
        }
        for number in range(count)
    ]
    return json.dumps({"events": events, "nextToken": "t", **more}).encode()


def test_the_limit_is_that_of_the_native_code(native: tuple[Any, Any]) -> None:
    """Python refuses before any byte is copied; the number stands in two places."""
    assert native[1].KAE_DOCUMENT_MAX_BYTES == DOCUMENT_MAX_BYTES
    found = re.findall(r"KAE_TIME_UNKNOWN = (-?\d+)|KAE_NO_STREAM = (-?\d+)", CDEF.read_text())
    assert [int(a or b) for a, b in found] == [TIME_UNKNOWN, NO_STREAM]


def test_a_document_becomes_flat_arrays(reader: NativeReader) -> None:
    """Entry i of each belongs to log event i; the objects live as long as they are used."""
    protocol: LogEventReader = reader
    events = protocol.read(answer(7), Form.ANSWER)
    assert events is not None
    gc.collect()
    assert len(events) == 7
    assert events.timestamps_ms == [1000 + number for number in range(7)]
    assert events.ingestion_times_ms == [2000 + number for number in range(7)]
    assert events.stream_names == ["s0", "s1", "s2"]
    assert events.streams == [0, 1, 2, 0, 1, 2, 0]
    assert [events.event_id(place) for place in range(8)] == [*(f"e{n}" for n in range(7)), ""]
    assert len(set(events.keys)) == 7
    assert {type(key) for key in events.keys} == {bytes}
    assert events.keys is events.keys  # made once
    assert json.loads(events.rest) == {"events": [], "nextToken": "t"}


def test_no_log_event_is_no_error(reader: NativeReader) -> None:
    """An empty page has empty sequences."""
    for events in (reader.read(b'{"events":[]}', Form.ANSWER), reader.new()):
        assert events is not None
        assert len(events) == 0
        assert [*events.timestamps_ms, *events.streams, *events.keys] == []
        assert events.stream_names == []
        assert events.event_id(0) == ""


def test_what_differs_is_declined(reader: NativeReader) -> None:
    """None is no error: the plain path judges."""
    for document in (b"", b"{}", b'{"events":[{}]}', answer(1)[:-1], answer(1, x=1) + b"x"):
        assert reader.read(document, Form.ANSWER) is None
    assert reader.read(answer(1), Form.SUBSCRIPTION) is None


def test_a_document_that_is_too_long_is_refused(reader: NativeReader) -> None:
    """It is an error and not declined: whoever reads JSON leniently must not look either."""
    with pytest.raises(DocumentSizeError):
        reader.read(bytes(DOCUMENT_MAX_BYTES + 1), Form.ANSWER)


def test_log_events_are_added_one_by_one(reader: NativeReader) -> None:
    """Sequences grow with them, also after they were looked at."""
    events = reader.new()
    assert (events.stream("a"), events.stream("b"), events.stream("a")) == (0, 1, 0)
    events.add(b"x", event_id="1", timestamp_ms=5, ingestion_time_ms=6, stream=1)
    assert events.timestamps_ms == [5]
    events.add(b"\xff")
    assert (events.timestamps_ms, events.ingestion_times_ms) == ([5, -1], [6, -1])
    assert events.streams == [1, NO_STREAM]
    assert events.stream_names == ["a", "b"]
    assert events.keys[1] == bytes(15)
    assert events.rest == b""


def test_ids_of_both_ways_share_a_key(reader: NativeReader) -> None:
    """An event is known again, whichever path read it first."""
    read, added = reader.read(answer(1), Form.ANSWER), reader.new()
    added.add(b"", event_id="e0")
    assert read is not None
    assert read.keys == added.keys
    added.add(b"", event_id="\ud800")  # a JSON escape can hold it
    assert added.event_id(1) == "?"


def test_short_memory_is_an_error_of_its_own(native: tuple[Any, Any]) -> None:
    """It is not declined: the plain path would need more of it."""

    class Short:
        KAE_READ_NO_MEMORY = native[1].KAE_READ_NO_MEMORY
        kae_log_events_new = staticmethod(lambda: native[0].NULL)

        @staticmethod
        def kae_log_events_read(_document: bytes, _len: int, _form: int, refusal: Any) -> Any:
            refusal[0] = native[1].KAE_READ_NO_MEMORY
            return native[0].NULL

    short = NativeReader(native[0], Short())
    with pytest.raises(MemoryError):
        short.read(b"{}", Form.ANSWER)
    with pytest.raises(MemoryError):
        short.new()
