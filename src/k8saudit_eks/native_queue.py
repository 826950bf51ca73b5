"""EventQueue over csrc/queue: a bounded queue in native memory."""

from __future__ import annotations

from typing import Any

from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.log_events import Frames
from k8saudit_eks.native_log_events import NativeFrames

# cffi's modules and pointers have no static type.
Ffi = Any
Lib = Any
CPointer = Any


class NativeQueue:
    """EventQueue over a kae_queue; holds a reference, so it may outlive the open instance.

    Any thread. cffi releases the GIL around each call, so that a push may wait.
    """

    def __init__(self, ffi: Ffi, lib: Lib, queue: CPointer) -> None:
        lib.kae_queue_ref(queue)
        self._ffi = ffi
        self._lib = lib
        self._queue = ffi.gc(queue, lib.kae_queue_unref)

    def set_capacity(self, events: int) -> None:
        if not self._lib.kae_queue_set_capacity(self._queue, events):
            raise MemoryError(f"no memory for a queue of {events} events (buffer_size)")

    def push(self, frames: Frames) -> int:
        """As EventQueue.push says; frames are those of a NativeReader's log events."""
        if not isinstance(frames, NativeFrames):
            raise TypeError(f"{type(frames).__name__} are not in native memory")
        sequence = frames.push(self._queue)
        if sequence >= 0:
            return sequence
        raise QueueClosed

    def delivered(self) -> int:
        delivered: int = self._lib.kae_queue_delivered(self._queue)
        return delivered

    def set_progress(self, hundredths_percent: int) -> None:
        self._lib.kae_queue_set_progress(self._queue, hundredths_percent)

    def end(self) -> None:
        """Tell the host that nothing more will come."""
        self._lib.kae_queue_end(self._queue)

    def fail(self) -> None:
        """Make the host stop, after set_error."""
        self._lib.kae_queue_fail(self._queue)

    def abandon(self) -> None:
        """Close an instance that the host destroys its handle without closing.

        Pushes are refused from now on, and the host's own reference is given up. What
        it had evaluated of its last batch is not known any more: that repeats.
        """
        self._lib.kae_queue_close(self._queue, self._ffi.NULL)
        self._lib.kae_queue_unref(self._queue)
