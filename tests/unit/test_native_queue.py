"""The Python side of the native queue and of frames."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from typing import Any

import native_library
import pytest
from readers import log_events

from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.native_log_events import NativeFrames, NativeReader
from k8saudit_eks.native_queue import NativeQueue

BEGINNING = b'{"k8saudit_eks":{"cluster":"prod"'


@pytest.fixture(scope="module")
def native() -> tuple[Any, Any]:
    """(ffi, lib)."""
    return native_library.session_library()


@pytest.fixture
def kae_queue(native: tuple[Any, Any]) -> Iterator[Any]:
    """The host's own reference to a queue for 100 events."""
    ffi, lib = native
    metrics = native_library.new_metrics(ffi)
    queue = lib.kae_queue_new(100, metrics)
    yield queue
    lib.kae_queue_close(queue, ffi.NULL)
    lib.kae_queue_unref(queue)


def line(audit_id: str) -> bytes:
    return (
        '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",'
        f'"auditID":"{audit_id}","stage":"ResponseComplete",'
        '"stageTimestamp":"2026-11-23T04:01:02.003004Z"}'
    ).encode()


def framed(native: tuple[Any, Any], *messages: bytes, unreadable_max: int = 9) -> NativeFrames:
    events = NativeReader(*native).new()
    stream = events.stream("s")
    for number, message in enumerate(messages):
        events.add(message, event_id=str(number), timestamp_ms=number, stream=stream)
    envelopes = [BEGINNING + b',"log_stream":"s"', BEGINNING]
    places = range(len(messages))
    return events.frame(places, envelopes, max_size_bytes=1 << 20, unreadable_max=unreadable_max)


class Refused(NativeFrames):
    """Frames that a queue refuses."""

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence

    def push(self, queue: object) -> int:
        return self._sequence


def test_a_refusal_is_the_end_of_the_capture(native: tuple[Any, Any], kae_queue: Any) -> None:
    """kae_push_refusal in push_refusal.cdef.h has no other reason."""
    queue = NativeQueue(*native, kae_queue)
    with pytest.raises(QueueClosed):
        queue.push(Refused(-1))
    assert queue.push(Refused(7)) == 7


def test_only_native_frames_can_be_pushed(native: tuple[Any, Any], kae_queue: Any) -> None:
    """Others would be taken for a pointer."""
    events = log_events([])
    frames = events.frame([], [b""], max_size_bytes=1, unreadable_max=0)
    if isinstance(frames, NativeFrames):
        pytest.skip("the tests run with the native reader")
    with pytest.raises(TypeError):
        NativeQueue(*native, kae_queue).push(frames)


def test_a_queue_outlives_the_open_instance(native: tuple[Any, Any]) -> None:
    """A poller that was left behind finds it closed, and frees it."""
    ffi, lib = native
    kae_queue = lib.kae_queue_new(1, native_library.new_metrics(ffi))
    queue = NativeQueue(ffi, lib, kae_queue)
    queue.set_capacity(10)
    queue.abandon()
    assert queue.delivered() == 0
    queue.set_progress(5)
    queue.end()
    queue.fail()
    del queue
    gc.collect()


def test_frames_say_what_became_of_each_log_event(native: tuple[Any, Any]) -> None:
    """By their places among the chosen."""
    frames = framed(native, line("a"), b"rubbish", b" ", line("b"), line("c")[:-30])
    assert list(frames.events_of) == [1, 1, 0, 1, 1]
    assert list(frames.unreadable) == [1]
    assert frames.truncated == 1
    events = [json.loads(payload) for payload, _ in frames.payloads()]
    assert [event["auditID"] for event in events] == ["a", "unreadable-1", "b", "c"]
    assert events[0]["k8saudit_eks"] == {"cluster": "prod", "log_stream": "s", "event_id": "0"}
    assert frames.payloads()[0][1] == 1_795_406_462_003_004_000
    none = framed(native, line("a"), b"rubbish", unreadable_max=0)
    assert (list(none.events_of), list(none.unreadable)) == ([1, 0], [1])


def test_a_wrong_place_or_number_of_envelopes_is_an_error(native: tuple[Any, Any]) -> None:
    """Of the caller; memory is not read there."""
    events = NativeReader(*native).new()
    events.add(line("a"))
    for places, envelopes in (([1], [BEGINNING]), ([-1], [BEGINNING]), ([0], [BEGINNING] * 2)):
        with pytest.raises(ValueError, match=r"envelopes for|no log event"):
            events.frame(places, envelopes, max_size_bytes=1 << 20, unreadable_max=0)


def test_pushed_events_reach_the_host(native: tuple[Any, Any], kae_queue: Any) -> None:
    """In their order, numbered from 1; the frames are empty then, and pushing nothing is 0."""
    ffi, lib = native
    queue = NativeQueue(ffi, lib, kae_queue)
    frames = framed(native, line("a"), line("b"))
    assert queue.push(framed(native)) == 0
    assert queue.push(frames) == 2
    assert frames.payloads() == []
    del frames
    gc.collect()
    count, batch = ffi.new("uint32_t *"), ffi.new("struct kae_abi_event ***")
    lib.kae_queue_next_batch(kae_queue, count, batch)
    assert (count[0], queue.delivered()) == (2, 0)
    lib.kae_queue_next_batch(kae_queue, count, batch)
    assert (count[0], queue.delivered()) == (0, 2)


def test_a_push_that_waits_leaves_python_running(native: tuple[Any, Any], kae_queue: Any) -> None:
    """The GIL is released, so that another thread can close the queue."""
    ffi, lib = native
    queue = NativeQueue(ffi, lib, kae_queue)
    queue.set_capacity(1)
    queue.push(framed(native, line("a")))
    refused = threading.Event()

    def push() -> None:
        try:
            queue.push(framed(native, line("b")))
        except QueueClosed:
            refused.set()

    thread = threading.Thread(target=push)
    thread.start()
    lib.kae_queue_close(kae_queue, ffi.NULL)
    thread.join(20)
    assert refused.is_set()
