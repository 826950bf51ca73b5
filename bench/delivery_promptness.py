"""How soon late events come, what that costs, and what one bad moment changes.

50 events/s of 1.6 KB in three streams, 0-2 s late, 5 % of them later; a tenth of the
pages is empty; events share milliseconds; default settings.
"""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# The simulated log group is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from bad_moment import BadMoment, Trouble
from delivery_figures import Figure
from history import History
from simulated_logs import LogEvent

RATE = 50.0
# 1 MB of 1.6 KB.
PAGE_EVENTS = 625
HOURS = 0.5
# From here on the reader knows how late events are.
WARM_S = 300
POLL_S = 5.0
TYPICAL_MS = 2_000


class Mix(History):
    """The traffic above, and how long after they were visible its events came."""

    def __init__(self, folder: Path, late_ms: tuple[int, int]) -> None:
        super().__init__(
            folder,
            rate=RATE,
            hours=HOURS,
            page_events=PAGE_EVENTS,
            late_share=0.05,
            late_ms=late_ms,
            before=self.empty_page,
        )
        self.chance = random.Random(3)

    def empty_page(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """One in ten, with a token that goes on."""
        return self.logs.empty_page(request) if self.chance.random() < 0.1 else None

    def waits_s(self, *, are_late: bool) -> list[float]:
        """Of the late events, or of the others, in ascending order."""
        warm_ms = self.start_ms + WARM_S * 1000
        return sorted(
            (self.queue.came_ms[event.event_id] - event.visible_ms) / 1000
            for event in self.written
            if event.timestamp_ms >= warm_ms and is_late(event) is are_late
        )


def is_late(event: LogEvent) -> bool:
    return event.visible_ms - event.timestamp_ms > TYPICAL_MS


def p99(ascending: Sequence[float]) -> float:
    return ascending[len(ascending) * 99 // 100]


def late() -> Iterator[Figure]:
    """The mix, its late events 5-15 s late, and once more 60 s."""
    for title, late_ms, limit_s in (
        ("50 events/s, 5 % late by 5-15 s", (5_000, 15_000), 20),
        ("50 events/s, 5 % late by 60 s", (60_000, 60_000), 80),
    ):
        with tempfile.TemporaryDirectory() as folder:
            mix = Mix(Path(folder), late_ms)
            mix.run(HOURS * 3600 + 400)
        yield Figure(f"{title}: lost", len(mix.lost), 0)
        yield Figure(f"{title}: repeated", mix.repeated, 0)
        typical_s = p99(mix.waits_s(are_late=False))
        yield Figure(f"{title}: 99 % of the other events come within", typical_s, POLL_S + 0.5, "s")
        late_s = p99(mix.waits_s(are_late=True))
        yield Figure(f"{title}: 99 % of the late events come within", late_s, limit_s, "s")
        served = mix.logs.served / len(mix.written)
        yield Figure(f"{title}: how often an event is served", served, 6, "times")
        calls = mix.calls / (HOURS * 3600 + 400)
        yield Figure(f"{title}: calls per second", calls, 2.5)


def bad() -> Iterator[Figure]:
    """The mix, and a moment that AWS can't read for 20 minutes."""
    for trouble in (Trouble.REFUSED, Trouble.ENDLESS):
        with tempfile.TemporaryDirectory() as folder:
            mix = Mix(Path(folder), (5_000, 15_000))
            at_ms = mix.start_ms + 2 * WARM_S * 1000
            moment = BadMoment(at_ms, at_ms, at_ms + 1_200_000, trouble)
            mix.before = lambda request, mix=mix, moment=moment: (
                moment.answer(request, mix.logs, mix.clock.now_ms) or mix.empty_page(request)
            )
            mix.run(HOURS * 3600 + 700)
        what = "refused" if trouble is Trouble.REFUSED else "empty pages without end"
        title = f"50 events/s, 5 % late, one moment bad for 20 min ({what})"
        yield Figure(f"{title}: lost", len(mix.lost), 0)
        yield Figure(f"{title}: repeated", mix.repeated, 0)
        # Two polls more than without it.
        typical_s = p99(mix.waits_s(are_late=False))
        yield Figure(
            f"{title}: 99 % of the other events come within", typical_s, 3 * POLL_S + 0.5, "s"
        )
        late_s = p99(mix.waits_s(are_late=True))
        yield Figure(f"{title}: 99 % of the late events come within", late_s, 20 + 2 * POLL_S, "s")
        yield Figure(f"{title}: event ids in memory", max(mix.host.ids), 1.1 * RATE * 400)
