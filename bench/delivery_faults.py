"""Loss and repetition through every kind of trouble, and how prompt typical events are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

# The simulated log group is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from delivery_figures import Figure
from fault_plan import Fault, FaultPlan
from rehearsal import Rehearsal
from scenario import Scenario


def faults() -> Iterator[Figure]:
    """10,000 events through every kind of trouble."""
    rates = {Fault.EMPTY_PAGE: 0.1, Fault.THROTTLE: 0.2, Fault.SERVER_ERROR: 0.05}
    rehearsal = Rehearsal(Scenario(10_000, 600_000), FaultPlan(1, rates), 1)
    rehearsal.run(1500)
    ids = rehearsal.queue.audit_ids
    title = "10,000 events, with delays, throttling, empty pages and 5xx"
    yield Figure(f"{title}: lost", len(rehearsal.truth.audit_ids - set(ids)), 0)
    yield Figure(f"{title}: repeated", len(ids) - len(set(ids)), 0)


def promptness() -> Iterator[Figure]:
    """Typical events, those within 5 s, come with the first poll after they are visible."""
    scenario = Scenario(5_000, 600_000, late_share=0)
    rehearsal = Rehearsal(scenario, FaultPlan(), 2, polling_interval=5)
    rehearsal.run(1000)
    visible_ms = {event.event_id: event.visible_ms for event in rehearsal.logs.events}
    waits_ms = sorted(
        pushed_ms - visible_ms[payload.partition(b'"event_id":"')[2][:56].decode()]
        for payload, pushed_ms in zip(
            rehearsal.queue.payloads, rehearsal.queue.pushed_ms, strict=True
        )
    )
    # A poll, the call itself, and a settling read's before it.
    limit_ms = 5_000 + 200
    later = sum(wait_ms > limit_ms for wait_ms in waits_ms)
    share = 100 * later / len(waits_ms)
    yield Figure(
        "typical events that the first poll after they became visible did not find", share, 1, "%"
    )
