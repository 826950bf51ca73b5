"""A log group that is written to while it is read."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable
from typing import Any

from simulated_logs import LogEvent, SimulatedLogs


class LivingLogs(SimulatedLogs):
    """Holds an event from the moment on when it is visible: what is read stays short.

    Attributes:
        without: event ids whose events lack a member: its name.
    """

    def __init__(self, events: Iterable[LogEvent], page_events: int) -> None:
        super().__init__(page_events=page_events)
        self._coming = deque(sorted(events, key=lambda event: event.visible_ms))
        self.without: dict[str, str] = {}
        self.served = 0
        self.calls = 0

    def filter_log_events(self, request: dict[str, Any], now_ms: int) -> dict[str, Any]:
        coming = self._coming
        while coming and coming[0].visible_ms <= now_ms:
            event = coming.popleft()
            self.streams.add(event.stream)
            insort(self.events, event)
        answer = super().filter_log_events(request, now_ms)
        self.requests.clear()
        self.calls += 1
        self.served += len(answer["events"])
        if self.without:
            for event_as_given in answer["events"]:
                missing = self.without.get(event_as_given["eventId"])
                if missing is not None:
                    del event_as_given[missing]
        return answer
