"""What the API servers of a life write, and when it becomes visible."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from fakes import audit_line
from simulated_logs import LogEvent

STREAM_PREFIX = "kube-apiserver-audit-"
_LINE = audit_line("00000000-0000-4000-8000-000000000000")


class Lateness(Enum):
    """How long after its timestamp an event becomes visible."""

    CONSTANT = "the stream's own lag"
    MIXED = "0-2 s; 5 % after 5-15 s"
    A_MINUTE = "0-5 s; 5 % up to 60 s"
    LIMIT = "0-5 s; 2 % after exactly late_window"
    ANY = "0-5 s; 5 % anywhere up to late_window; 0.5 % beyond it"


@dataclass(frozen=True)
class Stream:
    """One API server's log stream.

    Attributes:
        from_s, until_s: since the start of the life.
        lag_ms: of Lateness.CONSTANT.
    """

    name: str
    rate: float
    lateness: Lateness
    lag_ms: int
    from_s: float
    until_s: float


@dataclass(frozen=True)
class Traffic:
    """All that is written.

    Attributes:
        bursts: (seconds since the start, events), each in a single millisecond.
        edges: whether events stand at the edges of half minutes since the first
            read's start, and one millisecond before and after.
        malformed: how many events lack their id or their timestamp.
    """

    streams: tuple[Stream, ...]
    bursts: tuple[tuple[float, int], ...]
    edges: bool
    malformed: int
    late_window_ms: int
    seed: int

    def events(self, start_ms: int, length_s: float, shift_ms: int) -> list[LogEvent]:
        """Everything, with event ids that number it."""
        chance = random.Random(self.seed)
        moments = [
            *self._steady(chance, start_ms),
            *self._bursts(start_ms),
            *(self._edges(start_ms, length_s, shift_ms) if self.edges else ()),
        ]
        events = []
        for number, (at_ms, stream) in enumerate(moments):
            visible_ms = at_ms + self._lag_ms(stream, chance)
            name = STREAM_PREFIX + stream.name
            events.append(LogEvent(at_ms, visible_ms, f"{number:056d}", name, _LINE, visible_ms))
        return events

    def malformed_ids(self, events: list[LogEvent]) -> dict[str, str]:
        """Event ids, and the member that is missing there."""
        chance = random.Random(self.seed)
        chosen = chance.sample(events, min(self.malformed, len(events)))
        return {event.event_id: chance.choice(("eventId", "timestamp")) for event in chosen}

    def _steady(self, chance: random.Random, start_ms: int) -> Iterator[tuple[int, Stream]]:
        for stream in self.streams:
            at_s = stream.from_s
            while (at_s := at_s + chance.expovariate(stream.rate)) < stream.until_s:
                # Steps of 10 ms: events share milliseconds.
                yield start_ms + int(at_s * 100) * 10, stream

    def _bursts(self, start_ms: int) -> Iterator[tuple[int, Stream]]:
        for at_s, events in self.bursts:
            for number in range(events):
                yield start_ms + int(at_s * 1000), self.streams[number % len(self.streams)]

    def _edges(self, start_ms: int, length_s: float, shift_ms: int) -> Iterator[tuple[int, Stream]]:
        for edge_s in range(30, int(length_s), 30):
            for off_ms in (-1, 0, 1):
                yield start_ms - shift_ms + edge_s * 1000 + off_ms, self.streams[0]

    def _lag_ms(self, stream: Stream, chance: random.Random) -> int:
        throw = chance.random()
        match stream.lateness:
            case Lateness.CONSTANT:
                return stream.lag_ms
            case Lateness.MIXED:
                return chance.randint(5_000, 15_000) if throw < 0.05 else chance.randint(0, 2_000)
            case Lateness.A_MINUTE:
                return chance.randint(0, 60_000 if throw < 0.05 else 5_000)
            case Lateness.LIMIT:
                return self.late_window_ms if throw < 0.02 else chance.randint(0, 5_000)
            case Lateness.ANY:
                if throw < 0.005:
                    return self.late_window_ms + chance.randint(1, 100_000)
                return chance.randint(0, self.late_window_ms if throw < 0.05 else 5_000)
