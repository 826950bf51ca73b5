"""LogEventReader over csrc/log_events: texts stay in native memory.

Everything here takes (ffi, lib), which embed.py binds to the embedded module, and tests and
benches to a library that they load themselves (cffi's ABI mode). cffi releases the GIL
around each call, and passes the memory of bytes without a copy. One object belongs to one
thread at a time; a reader to any number.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from k8saudit_eks.log_events import (
    DOCUMENT_MAX_BYTES,
    NO_STREAM,
    TIME_UNKNOWN,
    DocumentSizeError,
    Form,
)

# cffi's modules and pointers have no static type.
Ffi = Any
Lib = Any
CPointer = Any


class NativeReader:
    """LogEventReader."""

    def __init__(self, ffi: Ffi, lib: Lib) -> None:
        self._ffi = ffi
        self._lib = lib

    def read(self, document: bytes, form: Form) -> NativeLogEvents | None:
        if len(document) > DOCUMENT_MAX_BYTES:
            raise DocumentSizeError
        refusal = self._ffi.new("int32_t *")
        events = self._lib.kae_log_events_read(document, len(document), form, refusal)
        if events:
            return NativeLogEvents(self._ffi, self._lib, events)
        if refusal[0] == self._lib.KAE_READ_NO_MEMORY:
            raise MemoryError("no memory left to read log events")
        return None

    def new(self) -> NativeAddedLogEvents:
        return NativeAddedLogEvents(self._ffi, self._lib)


class _Arrays(NamedTuple):
    """One entry for each log event."""

    timestamps_ms: Sequence[int]
    ingestion_times_ms: Sequence[int]
    streams: Sequence[int]
    keys: Sequence[bytes]


class NativeLogEvents:
    """LogEvents over a kae_log_events, which it owns."""

    def __init__(self, ffi: Ffi, lib: Lib, events: CPointer) -> None:
        self._ffi = ffi
        self._lib = lib
        self._events = ffi.gc(events, lib.kae_log_events_free)

    def __len__(self) -> int:
        count: int = self._view().count
        return count

    @property
    def timestamps_ms(self) -> Sequence[int]:
        return self._arrays.timestamps_ms

    @property
    def ingestion_times_ms(self) -> Sequence[int]:
        return self._arrays.ingestion_times_ms

    @property
    def streams(self) -> Sequence[int]:
        return self._arrays.streams

    @property
    def keys(self) -> Sequence[bytes]:
        return self._arrays.keys

    @cached_property
    def _names(self) -> list[str]:
        return [
            self._text(self._lib.kae_log_events_stream, place).decode()
            for place in range(self._view().stream_count)
        ]

    @property
    def stream_names(self) -> Sequence[str]:
        return self._names

    @property
    def rest(self) -> bytes:
        return self._text(self._lib.kae_log_events_rest)

    def event_id(self, place: int) -> str:
        return self._text(self._lib.kae_log_events_id, place).decode()

    def frame(
        self,
        places: Sequence[int],
        envelopes: Sequence[bytes],
        *,
        max_size_bytes: int,
        unreadable_max: int,
    ) -> NativeFrames:
        """As LogEvents.frame says.

        Raises:
            ValueError: a place, or the number of envelopes, is wrong.
            MemoryError: there is none left.
        """
        ffi = self._ffi
        if len(envelopes) != len(self.stream_names) + 1:
            raise ValueError(f"{len(envelopes)} envelopes for {len(self.stream_names)} streams")
        if places and not 0 <= min(places) <= max(places) < len(self):
            raise ValueError("there is no log event at one of the places")
        chosen = array.array("I", places)
        # Both lists keep alive what the texts point to, until the call has returned.
        starts = [ffi.from_buffer("char[]", envelope) for envelope in envelopes]
        texts = ffi.new(
            "struct kae_text[]",
            [(start, len(envelope)) for start, envelope in zip(starts, envelopes, strict=True)],
        )
        frames = self._lib.kae_log_events_frame(
            self._events,
            ffi.from_buffer("uint32_t[]", chosen),
            len(chosen),
            texts,
            len(envelopes),
            max_size_bytes,
            unreadable_max,
        )
        if not frames:
            raise MemoryError("no memory left to frame log events")
        return NativeFrames(ffi, self._lib, frames)

    @cached_property
    def _arrays(self) -> _Arrays:
        view = self._view()
        count = view.count
        if not count:
            return _Arrays([], [], [], [])
        key_bytes = self._lib.KAE_KEY_BYTES
        keys = self._ffi.buffer(view.keys, count * key_bytes)
        return _Arrays(
            self._ffi.unpack(view.timestamps_ms, count),
            self._ffi.unpack(view.ingestion_times_ms, count),
            self._ffi.unpack(view.streams, count),
            list(chain.from_iterable(struct.iter_unpack(f"{key_bytes}s", keys))),
        )

    def _view(self) -> CPointer:
        view = self._ffi.new("struct kae_log_events_view *")
        self._lib.kae_log_events_view(self._events, view)
        return view

    def _text(self, ask: CPointer, *place: int) -> bytes:
        """What one of the functions that fill in a kae_text answers."""
        text = self._ffi.new("struct kae_text *")
        ask(self._events, *place, text)
        return bytes(self._ffi.unpack(text.start, text.len_bytes)) if text.len_bytes else b""


class NativeAddedLogEvents(NativeLogEvents):
    """AddedLogEvents. Names of streams are kept here: native memory has their places only."""

    def __init__(self, ffi: Ffi, lib: Lib) -> None:
        events = lib.kae_log_events_new()
        if not events:
            raise MemoryError("no memory left for log events")
        super().__init__(ffi, lib, events)
        self._places: dict[str, int] = {}
        self._added_names: list[str] = []

    @property
    def stream_names(self) -> Sequence[str]:
        return self._added_names

    def stream(self, name: str) -> int:
        place = self._places.setdefault(name, len(self._places))
        if place == len(self._added_names):
            self._added_names.append(name)
        return place

    def add(
        self,
        message: bytes,
        *,
        event_id: str = "",
        timestamp_ms: int = TIME_UNKNOWN,
        ingestion_time_ms: int = TIME_UNKNOWN,
        stream: int = NO_STREAM,
    ) -> None:
        """As AddedLogEvents.add says. Raises MemoryError."""
        # What a JSON escape can hold and UTF-8 can't becomes "?", in the key as in the id.
        name = event_id.encode("utf-8", "replace")
        added = self._lib.kae_log_events_add(
            self._events,
            message,
            len(message),
            name,
            len(name),
            timestamp_ms,
            ingestion_time_ms,
            stream,
        )
        self.__dict__.pop("_arrays", None)
        if not added:
            raise MemoryError("no memory left for a log event")


class NativeFrames:
    """Frames over a kae_frames, which it owns; NativeQueue.push empties it."""

    def __init__(self, ffi: Ffi, lib: Lib, frames: CPointer) -> None:
        self._ffi = ffi
        self._lib = lib
        self._frames = ffi.gc(frames, lib.kae_frames_free)
        view = ffi.new("struct kae_frames_view *")
        lib.kae_frames_view(self._frames, view)
        self.events_of: Sequence[int] = []
        self.unreadable: Sequence[int] = []
        self.truncated: int = view.truncated
        self._count: int = view.events
        if view.chosen:
            self.events_of = ffi.unpack(view.events_of, view.chosen)
            marks = ffi.buffer(view.unreadable_of, view.chosen)[:]
            if any(marks):
                self.unreadable = [place for place, mark in enumerate(marks) if mark]

    def push(self, queue: CPointer) -> int:
        """Move all events to a kae_queue; the sequence number, or a kae_push_refusal."""
        sequence: int = self._lib.kae_frames_push(self._frames, queue)
        return sequence

    def payloads(self) -> list[tuple[bytes, int]]:
        """(payload, time in ns) of each event that was not pushed: for tests and tools."""
        found = []
        text, time_ns = self._ffi.new("struct kae_text *"), self._ffi.new("uint64_t *")
        for place in range(self._count):
            if self._lib.kae_frames_payload(self._frames, place, text, time_ns):
                payload = self._ffi.unpack(text.start, text.len_bytes)
                found.append((bytes(payload), int(time_ns[0])))
        return found
