"""What API servers wrote and when it becomes visible, from a seed: the ground truth."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from dataclasses import dataclass

from fakes import audit_line
from simulated_logs import SimulatedLogs


@dataclass(frozen=True)
class Scenario:
    """Events of one log group.

    Attributes:
        events: how many.
        duration_ms: the time they are spread over.
        delay_ms: visibility delays are uniform up to this,
        late_share, late_ms: but this share's are uniform up to late_ms.
        streams: how many API servers write.
        truncated_share: lines that are cut inside the request object.
        invalid_share: lines more that are no audit events.
    """

    events: int
    duration_ms: int
    delay_ms: int = 5_000
    late_share: float = 0.05
    late_ms: int = 200_000
    streams: int = 3
    truncated_share: float = 0.0
    invalid_share: float = 0.0

    def write(self, logs: SimulatedLogs, start_ms: int, seed: int, name: str = "e") -> Truth:
        """Put the events into `logs`; timestamps share milliseconds."""
        chance = random.Random(seed)
        ids: set[str] = set()
        truncated = invalid = 0
        last_visible_ms = start_ms
        for number in range(self.events):
            # Steps of 10 ms: events share milliseconds.
            at_ms = start_ms + chance.randrange(self.duration_ms) // 10 * 10
            late = chance.random() < self.late_share
            visible_ms = at_ms + chance.randint(0, self.late_ms if late else self.delay_ms)
            last_visible_ms = max(last_visible_ms, visible_ms)
            audit_id = f"{name}-{seed}-{number}"
            ids.add(audit_id)
            line = audit_line(audit_id)
            if chance.random() < self.truncated_share:
                line = audit_line(audit_id, requestObject={"data": {"key": "x" * 40}})
                line = line[: line.index("xxx") + 3] + "[Truncated...]"
                truncated += 1
            stream = f"kube-apiserver-audit-{chance.randrange(self.streams)}"
            logs.add(at_ms, line, stream=stream, visible_ms=visible_ms)
            if chance.random() < self.invalid_share:
                logs.add(at_ms, "I1123 no audit event", stream=stream, visible_ms=visible_ms)
                invalid += 1
        return Truth(frozenset(ids), truncated, invalid, last_visible_ms)


@dataclass(frozen=True)
class Truth:
    """What must arrive.

    Attributes:
        audit_ids: each exactly once.
        truncated: how many of them were cut.
        invalid: how many other lines there are.
        last_visible_ms: when the last of all becomes visible.
    """

    audit_ids: frozenset[str]
    truncated: int
    invalid: int
    last_visible_ms: int
