"""The oracle of csrc/log_events' framing: from a log line to the payload and time of events.

A payload is the audit event as it was
logged, with one extra first member that says where it came from:

    {"k8saudit_eks":{"cluster":"prod","region":"eu-west-1","account":"1234…",
     "log_group":"/aws/eks/prod/cluster","log_stream":"kube-apiserver-audit-…",
     "event_id":"3847…","ingestion_time_ms":1767225600123,"truncated":true},
     "kind":"Event",…}

Members that are unknown are left out; "truncated" is there only when it is true.
A line from which no audit event can be read becomes one that is made up: truncated,
with an auditID that says so and without the level that comes before a real one's auditID,
so that no client's can look like it. Nothing done to a line hides that it came.
The envelope comes first so that a member of the same name in the log can't
shadow it: readers take the first.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from closed_json import Close, Closed

from k8saudit_eks.envelope import beginning
from k8saudit_eks.rfc3339 import MAX_TIME_NS, parse_time_ns

__all__ = ["Framed", "Origin", "frame", "parse_time_ns"]

# What EKS's log shipper puts at the end of a line that it cut.
TRUNCATED_SUFFIX = "[Truncated...]"

# The API server writes the members in the order of the Go struct
# (k8s.io/apiserver/pkg/apis/audit/v1 Event), without blanks: a line that starts
# and ends like this needs no JSON parser here. Whatever is wrong between, its auditID is
# answered: the extractor reads up to there.
_EVENT_START = re.compile(
    r'\{"kind":"Event","apiVersion":"audit\.k8s\.io/\w{1,16}","level":"\w{1,32}","auditID":"',
    re.ASCII,
)

# Can't be spoofed from inside a string: an unescaped quote behind a comma opens a
# string, "stageTimestamp" is then all of it, and the colon makes it a member's
# name. It can still be a member of an object the user sent (requestObject) or of
# the annotations: the last one in the line is taken, only annotations may follow,
# and it must agree with CloudWatch's own timestamp.
_STAGE_TIMESTAMP = ',"stageTimestamp":"'
_ANNOTATIONS = ',"annotations":{"'
_PLAUSIBLE_NS = 3600 * 10**9

_API_GROUP = "audit.k8s.io/"
_BETWEEN_ITEMS = re.compile(rb"[ \t\r\n,]*+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Framed(NamedTuple):
    """One event as the queue takes it.

    Attributes:
        payload: UTF-8 JSON.
        time_ns: nanoseconds since the epoch.
        truncated: it was cut, and repaired.
        unreadable: it is made up, in the place of what could not be read.
    """

    payload: bytes
    time_ns: int
    truncated: bool
    unreadable: bool = False


class Origin:
    """Where lines come from; make one per log stream or file and keep it.

    Unknown parts are None and are left out of the envelope.
    """

    __slots__ = ("prefix",)

    def __init__(
        self,
        *,
        cluster: str | None = None,
        region: str | None = None,
        account: str | None = None,
        log_group: str | None = None,
        log_stream: str | None = None,
    ) -> None:
        self.prefix = beginning(
            cluster=cluster,
            region=region,
            account=account,
            log_group=log_group,
            log_stream=log_stream,
        ).decode()

    def envelope(
        self, event_id: str | None, ingestion_time_ms: int | None, truncated: bool = False
    ) -> str:
        """Everything before the audit event's own first member, comma included."""
        text = self.prefix
        separator = "" if text[-1] == "{" else ","
        if event_id:
            text += f'{separator}"event_id":{json.dumps(event_id)}'
            separator = ","
        if ingestion_time_ms is not None:
            text += f'{separator}"ingestion_time_ms":{ingestion_time_ms}'
            separator = ","
        if truncated:
            text += f'{separator}"truncated":true'
        return text + "},"


def frame(
    message: str,
    *,
    origin: Origin,
    close: Close,
    event_id: str | None = None,
    ingestion_time_ms: int | None = None,
    timestamp_ms: int | None = None,
    max_size_bytes: int | None = None,
) -> tuple[Framed, ...]:
    """Turn one log line into the events it holds.

    Args:
        message: the line as it was logged; nothing about it is trusted.
        origin: where it comes from.
        close: reads JSON, whole or cut.
        event_id: CloudWatch's eventId.
        ingestion_time_ms: CloudWatch's ingestionTime.
        timestamp_ms: CloudWatch's timestamp, the time of an event that has no
            stageTimestamp of its own.
        max_size_bytes: events longer than this (without the envelope) are cut
            and repaired like truncated lines.

    Returns:
        One event for an audit event, several for an EventList, an unreadable one for
        anything else; of a list, one for all its items that are no events. None for a
        blank line and for a whole JSON object that names another kind: the API server
        writes kind and apiVersion before anything that a client can choose. Never raises
        on account of the message.
    """
    # A plain line: no parser, one encoding, one concatenation.
    if (
        message[-1:] == "}"
        and _EVENT_START.match(message)
        and (max_size_bytes is None or len(message) <= max_size_bytes)
        and "\0" not in message
    ):
        time_ns = _plain_stage_time_ns(message, timestamp_ms)
        if time_ns is not None:
            try:
                payload = (origin.envelope(event_id, ingestion_time_ms) + message[1:]).encode()
            except UnicodeEncodeError:
                pass
            else:
                if max_size_bytes is None or len(payload) <= max_size_bytes:
                    return (Framed(payload, time_ns, False),)
    fallback_ns = _fallback_time_ns(timestamp_ms, ingestion_time_ms)
    line = _Line(origin, close, event_id, ingestion_time_ms, fallback_ns, max_size_bytes)
    return line.frame(message)


def _plain_stage_time_ns(message: str, timestamp_ms: int | None) -> int | None:
    """stageTimestamp of a line as the API server writes it; None when in any doubt."""
    start = message.rfind(_STAGE_TIMESTAMP)
    if start < 0:
        return None
    start += len(_STAGE_TIMESTAMP)
    end = message.find('"', start, start + 40)
    if end < 0:
        return None
    rest = end + 1
    if rest != len(message) - 1 and not message.startswith(_ANNOTATIONS, rest):
        return None
    time_ns = parse_time_ns(message[start:end])
    if time_ns is None:
        return None
    if timestamp_ms is not None and abs(time_ns - timestamp_ms * 10**6) > _PLAUSIBLE_NS:
        return None
    return time_ns


@dataclass(frozen=True)
class _Line:
    """What is known of a line that needs a look at all of it; arguments as in frame()."""

    origin: Origin
    close: Close
    event_id: str | None
    ingestion_time_ms: int | None
    fallback_ns: int | None
    max_size_bytes: int | None

    def frame(self, message: str) -> tuple[Framed, ...]:
        text = message.strip("\ufeff \t\r\n")
        if not text:
            return ()
        # Neither can stand in JSON as it is; both are kept as what they stand for.
        if "\0" in text:
            text = text.replace("\0", "\\u0000")
        try:
            line = text.encode()
        except UnicodeEncodeError:
            line = _SURROGATE.sub("\ufffd", text).encode()
        suffix = TRUNCATED_SUFFIX.encode()
        found = self.close(line.removesuffix(suffix))
        if found is None:
            return (self._unreadable(),)
        if found.members.get("kind") == "EventList":
            return self._frame_list(found)
        if _is_event(found):
            return (self._event(found, found.cut),)
        if not found.cut and not line.endswith(suffix) and _is_of_another_kind(found):
            return ()
        return (self._unreadable(),)

    def _frame_list(self, found: Closed) -> tuple[Framed, ...]:
        items = list(self._items(found))
        events = [item for item in items if _is_event(item)]
        framed = [self._event(item, found.cut and item is events[-1]) for item in events]
        if len(events) < len(items) or not events:
            framed.append(self._unreadable())
        return tuple(framed)

    def _items(self, found: Closed) -> Iterator[Closed]:
        """The elements of "items", as they stand in the text: numbers keep theirs."""
        text = found.text
        position = found.items
        if not position or text[position : position + 1] != b"[":
            return
        position += 1
        while item := self.close(text, _BETWEEN_ITEMS.match(text, position).end()):  # type: ignore[union-attr] # matches nothing, too
            yield item
            position = item.end

    def _event(self, found: Closed, truncated: bool) -> Framed:
        """Cut an event that is too long, and put the envelope in front."""
        text, most_bytes = found.text, self.max_size_bytes
        if most_bytes is not None and len(text) > most_bytes:
            # The closing brackets may exceed the limit again, by one byte a level.
            short = self.close(text[:most_bytes].decode("utf-8", "ignore").encode())
            # An event whose auditID would be cut off (nobody writes one so) stays
            # whole: without it no field would have a value.
            if short is not None and _is_event(short):
                text, truncated = short.text, True
        envelope = self.origin.envelope(self.event_id, self.ingestion_time_ms, truncated)
        payload = envelope.encode("utf-8", "replace") + text[1:].lstrip(b" \t\r\n")
        return Framed(payload, self._time_ns(found.members), truncated)

    def _unreadable(self) -> Framed:
        """What rules see of a line, or a part of it, from which nothing can be read."""
        name = f"unreadable-{self.event_id}" if self.event_id else "unreadable"
        envelope = self.origin.envelope(self.event_id, self.ingestion_time_ms, truncated=True)
        event = (
            '"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":'
            f'{json.dumps(name)},"stage":"ResponseComplete"}}'
        )
        payload = (envelope + event).encode("utf-8", "replace")
        return Framed(payload, self._time_ns({}), False, True)

    def _time_ns(self, members: Mapping[str, str | None]) -> int:
        """stageTimestamp; CloudWatch's timestamp; requestReceivedTimestamp; now."""
        time_ns = parse_time_ns(members.get("stageTimestamp") or "")
        if time_ns is None:
            time_ns = self.fallback_ns
        if time_ns is None:
            time_ns = parse_time_ns(members.get("requestReceivedTimestamp") or "")
        return time.time_ns() if time_ns is None else time_ns


def _is_event(found: Closed) -> bool:
    """Items of an EventList come without kind and apiVersion; nothing comes without auditID."""
    members = found.members
    version = members.get("apiVersion", _API_GROUP)
    return (
        members.get("kind", "Event") == "Event"
        and version is not None
        and version.startswith(_API_GROUP)
        and members.get("auditID") is not None
    )


def _is_of_another_kind(found: Closed) -> bool:
    kind, version = found.members.get("kind"), found.members.get("apiVersion")
    if kind is None:
        return False
    return kind != "Event" or (version is not None and not version.startswith(_API_GROUP))


def _fallback_time_ns(timestamp_ms: int | None, ingestion_time_ms: int | None) -> int | None:
    time_ms = timestamp_ms if timestamp_ms is not None else ingestion_time_ms
    if time_ms is None or not 0 <= time_ms * 10**6 <= MAX_TIME_NS:
        return None
    return time_ms * 10**6
