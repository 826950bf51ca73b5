"""LogEventReader over Python objects, with the oracle's framing.

What the native one must do as well, in code that is easy to read. It is less strict in one
thing: it takes ids and names with escapes in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

# The oracle.
from framing import Framed, Origin, frame
from repair import close

from k8saudit_eks.delivery.seen import KEY_BYTES
from k8saudit_eks.log_events import (
    DOCUMENT_MAX_BYTES,
    NO_STREAM,
    TIME_UNKNOWN,
    DocumentSizeError,
    Form,
)

STREAMS_MAX = 256
TIME_MAX_MS = 2**63 - 1

_LIST = {Form.ANSWER: "events", Form.SUBSCRIPTION: "logEvents"}
_NEEDED = {
    Form.ANSWER: {"eventId": str, "timestamp": int, "message": str},
    Form.SUBSCRIPTION: {"id": str, "timestamp": int, "message": str},
}
_OPTIONAL: dict[Form, dict[str, type]] = {
    Form.ANSWER: {"ingestionTime": int, "logStreamName": str},
    Form.SUBSCRIPTION: {},
}


class UnusualError(ValueError):
    """A document is not in the usual form."""


class ReferenceFrames:
    """Frames; `framed` is what the queue would get."""

    def __init__(
        self, events_of: Sequence[int], unreadable: Sequence[int], framed: Sequence[Framed]
    ) -> None:
        self.events_of = events_of
        self.unreadable = unreadable
        self.truncated = sum(event.truncated for event in framed)
        self.framed = framed

    def payloads(self) -> list[tuple[bytes, int]]:
        """(payload, time in ns) of each event: the same method has NativeFrames."""
        return [(event.payload, event.time_ns) for event in self.framed]


class ReferenceLogEvents:
    """LogEvents and AddedLogEvents."""

    def __init__(self) -> None:
        self.timestamps_ms: list[int] = []
        self.ingestion_times_ms: list[int] = []
        self.streams: list[int] = []
        self.keys: list[bytes] = []
        self.stream_names: list[str] = []
        self.rest = b""
        self._messages: list[str] = []
        self._event_ids: list[str] = []

    def __len__(self) -> int:
        return len(self.keys)

    def event_id(self, place: int) -> str:
        return self._event_ids[place]

    def stream(self, name: str) -> int:
        if name not in self.stream_names:
            self.stream_names.append(name)
        return self.stream_names.index(name)

    def add(
        self,
        message: bytes,
        *,
        event_id: str = "",
        timestamp_ms: int = TIME_UNKNOWN,
        ingestion_time_ms: int = TIME_UNKNOWN,
        stream: int = NO_STREAM,
    ) -> None:
        self._messages.append(message.decode("utf-8", "replace"))
        self._event_ids.append(event_id)
        self.timestamps_ms.append(timestamp_ms)
        self.ingestion_times_ms.append(ingestion_time_ms)
        self.streams.append(stream)
        self.keys.append(key_of(event_id))

    def frame(
        self,
        places: Sequence[int],
        envelopes: Sequence[bytes],
        *,
        max_size_bytes: int,
        unreadable_max: int,
    ) -> ReferenceFrames:
        if len(envelopes) != len(self.stream_names) + 1:
            raise ValueError("there must be an envelope for each stream, and one more")
        events_of: list[int] = []
        unreadable: list[int] = []
        all_framed: list[Framed] = []
        for number, place in enumerate(places):
            framed = self._frame(place, envelopes[self.streams[place]], max_size_bytes)
            if framed and framed[-1].unreadable:
                if len(unreadable) >= unreadable_max:
                    framed = framed[:-1]
                unreadable.append(number)
            events_of.append(len(framed))
            all_framed += framed
        return ReferenceFrames(events_of, unreadable, all_framed)

    def _frame(self, place: int, envelope: bytes, max_size_bytes: int) -> tuple[Framed, ...]:
        origin = Origin()
        origin.prefix = envelope.decode()
        return frame(
            self._messages[place],
            origin=origin,
            close=close,
            event_id=self._event_ids[place],
            ingestion_time_ms=_known(self.ingestion_times_ms[place]),
            timestamp_ms=_known(self.timestamps_ms[place]),
            max_size_bytes=max_size_bytes,
        )


class ReferenceReader:
    """LogEventReader."""

    def read(self, document: bytes, form: Form) -> ReferenceLogEvents | None:
        if len(document) > DOCUMENT_MAX_BYTES:
            raise DocumentSizeError
        try:
            return _read(document, form)
        # RecursionError: json.loads of what is too deep.
        except (ValueError, RecursionError):
            return None

    def new(self) -> ReferenceLogEvents:
        return ReferenceLogEvents()


def key_of(event_id: str) -> bytes:
    """The digest that stands for an event id; zeros for none."""
    if not event_id:
        return bytes(KEY_BYTES)
    return blake2b(event_id.encode("utf-8", "replace"), digest_size=KEY_BYTES).digest()


def _read(document: bytes, form: Form) -> ReferenceLogEvents:
    whole = json.loads(document.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    listed = whole.get(_LIST[form]) if isinstance(whole, dict) else None
    if not isinstance(listed, list):
        raise UnusualError("no list of log events")
    events = ReferenceLogEvents()
    for event in listed:
        _check(event, form)
        name = event.get("logStreamName")
        events.add(
            event["message"].encode(),
            event_id=event["eventId" if form is Form.ANSWER else "id"],
            timestamp_ms=event["timestamp"],
            ingestion_time_ms=event.get("ingestionTime", TIME_UNKNOWN),
            stream=NO_STREAM if name is None else events.stream(name),
        )
    if len(events.stream_names) > STREAMS_MAX:
        raise UnusualError("too many streams")
    events.rest = json.dumps({**whole, _LIST[form]: []}).encode()
    return events


def _check(event: Any, form: Form) -> None:
    known = _NEEDED[form] | _OPTIONAL[form]
    if not isinstance(event, dict) or not _NEEDED[form].keys() <= event.keys() <= known.keys():
        raise UnusualError("not the members of a log event")
    for name, value in event.items():
        if type(value) is not known[name]:
            raise UnusualError(f"{name} is of another type")
        if isinstance(value, int) and not 0 <= value <= TIME_MAX_MS:
            raise UnusualError(f"{name} is no time")
        if isinstance(value, str):
            # No lone surrogates.
            value.encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise UnusualError("a member stands twice")
    return members


def _refuse(constant: str) -> None:
    raise UnusualError(f"{constant} is not JSON")


def _known(time_ms: int) -> int | None:
    return None if time_ms == TIME_UNKNOWN else time_ms
