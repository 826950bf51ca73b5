"""One audit event: from a log line to the payload and the time the host gets.

Every source frames its lines here. A payload is the audit event as it was
logged, with one extra first member that says where it came from:

    {"k8saudit_eks":{"cluster":"prod","region":"eu-west-1","account":"1234…",
     "log_group":"/aws/eks/prod/cluster","log_stream":"kube-apiserver-audit-…",
     "event_id":"3847…","ingestion_time_ms":1767225600123,"truncated":true},
     "kind":"Event",…}

Members that are unknown are left out; "truncated" is there only when it is true.
The envelope comes first so that a member of the same name in the log can't
shadow it: readers take the first.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from k8saudit_eks.repair import repair

__all__ = ["Framed", "Origin", "frame", "parse_time_ns"]

# What EKS's log shipper puts at the end of a line that it cut.
TRUNCATED_SUFFIX = "[Truncated...]"

# The API server writes the members in the order of the Go struct
# (k8s.io/apiserver/pkg/apis/audit/v1 Event), without blanks: a line that starts
# and ends like this needs no JSON parser here.
_EVENT_START = '{"kind":"Event","apiVersion":"audit.k8s.io/'

# Can't be spoofed from inside a string: an unescaped quote behind a comma opens a
# string, "stageTimestamp" is then all of it, and the colon makes it a member's
# name. It can still be a member of an object the user sent (requestObject) or of
# the annotations: the last one in the line is taken, only annotations may follow,
# and it must agree with CloudWatch's own timestamp.
_STAGE_TIMESTAMP = ',"stageTimestamp":"'
_ANNOTATIONS = ',"annotations":{"'
_PLAUSIBLE_NS = 3600 * 10**9

_SURROGATE = re.compile("[\ud800-\udfff]")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_MAX_TIME_NS = 2**63 - 1


class Framed(NamedTuple):
    """One event as the queue takes it: UTF-8 JSON, and nanoseconds since the epoch."""

    payload: bytes
    time_ns: int
    truncated: bool


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
        members = {
            "cluster": cluster,
            "region": region,
            "account": account,
            "log_group": log_group,
            "log_stream": log_stream,
        }
        known = {name: value for name, value in members.items() if value}
        self.prefix = '{"k8saudit_eks":' + json.dumps(known, separators=(",", ":"))[:-1]

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
    event_id: str | None = None,
    ingestion_time_ms: int | None = None,
    timestamp_ms: int | None = None,
    max_size_bytes: int | None = None,
) -> tuple[Framed, ...]:
    """Turn one log line into the events it holds.

    Args:
        message: the line as it was logged; nothing about it is trusted.
        origin: where it comes from.
        event_id: CloudWatch's eventId.
        ingestion_time_ms: CloudWatch's ingestionTime.
        timestamp_ms: CloudWatch's timestamp, the time of an event that has no
            stageTimestamp of its own.
        max_size_bytes: events longer than this (without the envelope) are cut
            and repaired like truncated lines.

    Returns:
        One event for an audit event, several for an EventList, none for
        anything else. Never raises on account of the message.
    """
    # A plain line: no parser, one encoding, one concatenation.
    if (
        message.startswith(_EVENT_START)
        and message[-1] == "}"
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
    return _frame_slowly(message, origin, event_id, ingestion_time_ms, timestamp_ms, max_size_bytes)


def parse_time_ns(text: str) -> int | None:
    """RFC 3339 to nanoseconds since the epoch, exactly; None if it is no such time.

    Kubernetes writes microseconds and Z (metav1.MicroTime); offsets and any
    number of digits are understood, digits beyond nanoseconds are dropped.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    seconds = _epoch_seconds(f"{day}T{clock}", "+00:00" if zone in "Zz" else zone)
    if seconds is None:
        return None
    time_ns = seconds * 10**9 + int((fraction or "0")[:9].ljust(9, "0"))
    return time_ns if 0 <= time_ns <= _MAX_TIME_NS else None


@lru_cache(maxsize=1024)
def _epoch_seconds(clock: str, zone: str) -> int | None:
    try:
        return int(datetime.fromisoformat(clock + zone).timestamp())
    except (ValueError, OverflowError):
        return None


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


def _frame_slowly(
    message: str,
    origin: Origin,
    event_id: str | None,
    ingestion_time_ms: int | None,
    timestamp_ms: int | None,
    max_size_bytes: int | None,
) -> tuple[Framed, ...]:
    text = message.strip("\ufeff \t\r\n")
    # Neither can stand in JSON as it is; both are kept as what they stand for.
    if "\0" in text:
        text = text.replace("\0", "\\u0000")
    text = _SURROGATE.sub("\ufffd", text)
    damaged = text.endswith(TRUNCATED_SUFFIX)
    if damaged:
        text = text[: -len(TRUNCATED_SUFFIX)]

    document: object = None
    if not damaged:
        try:
            document = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            # Deeper than json.loads goes: the scanner of repair() has no such limit.
            damaged = True
        except ValueError:
            damaged = True
    if damaged:
        repaired = repair(text)
        if repaired is None:
            return ()
        text = repaired.text
        document = repaired.members
        damaged = repaired.cut
        if document.get("kind") == "EventList":
            # The list's own line is cut: what is left of it can be parsed.
            try:
                document = json.loads(text)
            except (RecursionError, ValueError):
                return ()

    if not isinstance(document, dict):
        return ()
    fallback_ns = _fallback_time_ns(timestamp_ms, ingestion_time_ms)

    if document.get("kind") == "EventList":
        items = document.get("items")
        events = [item for item in items if _is_event(item)] if isinstance(items, list) else []
        return tuple(
            _finish(
                json.dumps(item, ensure_ascii=False, separators=(",", ":")),
                _document_time_ns(item, fallback_ns),
                damaged and item is events[-1],
                origin,
                event_id,
                ingestion_time_ms,
                max_size_bytes,
            )
            for item in events
        )

    if not _is_event(document):
        return ()
    time_ns = _document_time_ns(document, fallback_ns)
    return (_finish(text, time_ns, damaged, origin, event_id, ingestion_time_ms, max_size_bytes),)


def _finish(
    text: str,
    time_ns: int,
    truncated: bool,
    origin: Origin,
    event_id: str | None,
    ingestion_time_ms: int | None,
    max_size_bytes: int | None,
) -> Framed:
    """Cut an event that is too long, and put the envelope in front."""
    if max_size_bytes is not None and len(text) * 4 > max_size_bytes:
        encoded = text.encode("utf-8", "replace")
        if len(encoded) > max_size_bytes:
            # The closing brackets may exceed the limit again, by one byte a level.
            short = repair(encoded[:max_size_bytes].decode("utf-8", "ignore"))
            # An event whose auditID would be cut off (nobody writes one so) stays
            # whole: without it no field would have a value.
            if short is not None and "auditID" in short.members:
                text, truncated = short.text, True
    envelope = origin.envelope(event_id, ingestion_time_ms, truncated)
    payload = (envelope + text[1:].lstrip()).encode("utf-8", "replace")
    return Framed(payload, time_ns, truncated)


def _is_event(document: object) -> bool:
    """Items of an EventList come without kind and apiVersion; nothing comes without auditID."""
    if not isinstance(document, dict) or document.get("kind", "Event") != "Event":
        return False
    version = document.get("apiVersion", "audit.k8s.io/")
    return (
        isinstance(version, str)
        and version.startswith("audit.k8s.io/")
        and isinstance(document.get("auditID"), str)
    )


def _document_time_ns(document: dict[str, object], fallback_ns: int | None) -> int:
    """stageTimestamp; CloudWatch's timestamp; requestReceivedTimestamp; now."""
    stage = document.get("stageTimestamp")
    time_ns = parse_time_ns(stage) if isinstance(stage, str) else None
    if time_ns is None:
        time_ns = fallback_ns
    if time_ns is None:
        received = document.get("requestReceivedTimestamp")
        time_ns = parse_time_ns(received) if isinstance(received, str) else None
    return time.time_ns() if time_ns is None else time_ns


def _fallback_time_ns(timestamp_ms: int | None, ingestion_time_ms: int | None) -> int | None:
    time_ms = timestamp_ms if timestamp_ms is not None else ingestion_time_ms
    if time_ms is None or not 0 <= time_ms * 10**6 <= _MAX_TIME_NS:
        return None
    return time_ms * 10**6


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
