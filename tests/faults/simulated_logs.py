"""A simulated log group that answers FilterLogEvents as CloudWatch Logs does.

Facts followed (CloudWatch Logs API reference, FilterLogEvents): startTime and
endTime are inclusive milliseconds; events are sorted by timestamp, then ingestion
time; a page ends at `limit` events, 10,000 events or 1 MB; a page may be empty
and still carry a token; a token belongs to the request that got it.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from typing import Any, NamedTuple

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_000_000


class RefusedRequest(Exception):  # noqa: N818 (a refusal, not a fault of the simulation)
    """An error answer: AWS's code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class LogEvent(NamedTuple):
    """Ordered as CloudWatch sorts; visible from `visible_ms` on."""

    timestamp_ms: int
    ingestion_ms: int
    event_id: str
    stream: str
    message: str
    visible_ms: int


@dataclass
class SimulatedLogs:
    """One log group. The time of each request is given by whoever asks."""

    name: str = "/aws/eks/prod/cluster"
    page_events: int = PAGE_EVENTS
    page_bytes: int = PAGE_BYTES
    events: list[LogEvent] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    _made: int = 0
    _tokens: int = 0

    def add(
        self,
        timestamp_ms: int,
        message: str,
        *,
        stream: str = "kube-apiserver-audit-a",
        visible_ms: int | None = None,
        ingestion_ms: int | None = None,
        event_id: str | None = None,
    ) -> LogEvent:
        """Put one event; visible at once, or from `visible_ms` on."""
        self._made += 1
        visible_ms = timestamp_ms if visible_ms is None else visible_ms
        event = LogEvent(
            timestamp_ms,
            visible_ms if ingestion_ms is None else ingestion_ms,
            event_id or f"{timestamp_ms:020d}{self._made:036d}",
            stream,
            message,
            visible_ms,
        )
        insort(self.events, event)
        self.streams.add(stream)
        return event

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """Answer one request, given in the API's own names.

        Raises:
            RefusedRequest: as CloudWatch would refuse it.
        """
        self.requests.append(request)
        if request["logGroupName"] != self.name:
            raise RefusedRequest(
                "ResourceNotFoundException", "The specified log group does not exist."
            )
        start_ms, end_ms = request.get("startTime", 0), request.get("endTime", 1 << 60)
        names = request.get("logStreamNames")
        prefix = request.get("logStreamNamePrefix", "")
        if names is not None and prefix:
            raise RefusedRequest(
                "InvalidParameterException",
                "logStreamNames and logStreamNamePrefix exclude each other.",
            )
        if names is not None and not set(names) <= self.streams:
            raise RefusedRequest(
                "ResourceNotFoundException", "The specified log stream does not exist."
            )
        limit = min(request.get("limit", PAGE_EVENTS), self.page_events)
        first = bisect_left(self.events, (start_ms,))
        token = request.get("nextToken")
        if token is not None:
            first = bisect_right(self.events, self._position(request, token))
        page: list[LogEvent] = []
        size_bytes = 0
        last: LogEvent | None = None
        more = False
        for position in range(first, len(self.events)):
            event = self.events[position]
            if event.timestamp_ms > end_ms:
                break
            if event.visible_ms > now_ms or not event.stream.startswith(prefix):
                continue
            if names is not None and event.stream not in names:
                continue
            event_bytes = len(event.message.encode("utf-8", "replace"))
            if page and (len(page) >= limit or size_bytes + event_bytes > self.page_bytes):
                more = True
                break
            page.append(event)
            size_bytes += event_bytes
            last = event
        answer: dict[str, Any] = {
            "events": [
                {
                    "logStreamName": event.stream,
                    "timestamp": event.timestamp_ms,
                    "message": event.message,
                    "ingestionTime": event.ingestion_ms,
                    "eventId": event.event_id,
                }
                for event in page
            ],
            "searchedLogStreams": [],
        }
        if more and last is not None:
            answer["nextToken"] = self.token(request, last)
        return answer

    def empty_page(self, request: dict[str, Any]) -> dict[str, Any]:
        """A page without events, whose token goes on where `request` would have begun."""
        token = request.get("nextToken")
        first = (request.get("startTime", 0),)
        last = first if token is None else self._position(request, token)
        return {"events": [], "nextToken": self.token(request, last)}

    def token(self, request: dict[str, Any], last: tuple[Any, ...]) -> str:
        """A token that continues `request` behind the event (or sort position) `last`.

        Each is a new one.
        """
        self._tokens += 1
        same = {name: value for name, value in request.items() if name != "nextToken"}
        text = json.dumps([sorted(same.items(), key=str), list(last), self._tokens])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def _position(self, request: dict[str, Any], token: str) -> tuple[Any, ...]:
        try:
            asked, last, _ = json.loads(base64.urlsafe_b64decode(token))
        except ValueError:
            asked = last = None
        same = {name: value for name, value in request.items() if name != "nextToken"}
        if last is None or asked != json.loads(json.dumps(sorted(same.items(), key=str))):
            raise RefusedRequest("InvalidParameterException", "The specified nextToken is invalid.")
        return tuple(last)
