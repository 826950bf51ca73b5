#!/usr/bin/env python3
"""How soon events reach a real host, late ones too, and what that costs in calls.

    .venv/bin/python bench/promptness.py

Two sysdigs with default settings, side by side for less than six minutes of real time, each
before a simulated CloudWatch that is written to while it is read: 50 events/s of
1.6 KB in three streams, 0-2 s late, 5 % of them 5-15 s or 60 s; a tenth of the pages is
empty; events share milliseconds. Needs build/libk8saudit-eks.so and sysdig's root
(`make`, `make host`). Prints each figure beside its limit and ends with 1 when one is
exceeded.
"""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The simulated CloudWatch is the tests' one.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from bare_host import sysdig
from delivery_figures import Figure, report
from demo import hosts
from demo.local_cloudwatch import host_environment
from fakes import audit_line
from fault_plan import Fault, FaultPlan
from server import REGION, FaultyCloudWatch
from simulated_logs import LogEvent

EVENTS_PER_S = 50
EVENT_BYTES = 1600
STREAMS = 3
# From here on the reader knows how late events are.
WARM_S = 40.0
WRITE_S = 190.0
# Until the latest events have come: their lateness, and as long as they may take.
REST_S = 145.0
TYPICAL_MS = 2_000
POLL_S = 5.0


@dataclass
class Run:
    """One host before one CloudWatch.

    Attributes:
        late_ms: between these, for one event in twenty.
        written: by event id.
        came_s: when the host printed each event first, by event id.
        printed: how often the host printed each.
    """

    title: str
    late_ms: tuple[int, int]
    late_limit_s: float
    written: dict[str, LogEvent] = field(default_factory=dict)
    came_s: dict[str, float] = field(default_factory=dict)
    printed: Counter[str] = field(default_factory=Counter)
    calls_per_s: float = 0.0
    served: float = 0.0

    def live(self) -> None:
        plan = FaultPlan(7, {Fault.EMPTY_PAGE: 0.1})
        with FaultyCloudWatch(plan=plan) as server:
            settings = json.dumps({"region": REGION, "endpoint_url": server.endpoint_url})
            command = sysdig(hosts.LIBRARY, "k8saudit-eks", settings, "prod")
            command += ["--unbuffered", "-p", "*%ka.eks.event_id"]
            with subprocess.Popen(
                command,
                env=host_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            ) as process:
                reader = threading.Thread(target=self._read, args=(process,))
                reader.start()
                server.wait_for_calls(2)
                began_s, calls = time.monotonic(), server.calls
                self._write(server)
                time.sleep(REST_S)
                self.calls_per_s = (server.calls - calls) / (time.monotonic() - began_s)
                self.served = server.events_sent / len(self.written)
                process.kill()
                reader.join()

    def figures(self) -> Iterator[Figure]:
        """Of everything that was written, and of its second half how soon it came."""
        typical_s, late_s = self._waits_s()
        lost = len(self.written.keys() - self.came_s.keys())
        repeated = sum(times > 1 for times in self.printed.values())
        yield Figure(f"{self.title}: lost", lost, 0)
        yield Figure(f"{self.title}: repeated", repeated, 0)
        yield Figure(f"{self.title}: the others come within, p99", typical_s, POLL_S + 0.5, "s")
        yield Figure(f"{self.title}: late ones come within, p99", late_s, self.late_limit_s, "s")
        yield Figure(f"{self.title}: how often an event is served", self.served, 6, "times")
        yield Figure(f"{self.title}: calls a second", self.calls_per_s, 2.5)

    def _waits_s(self) -> tuple[float, float]:
        """The 99th percentiles of the typical events and of the late ones, once warm."""
        first_ms = min(event.timestamp_ms for event in self.written.values())
        waits_s: dict[bool, list[float]] = {False: [], True: []}
        for event_id, event in self.written.items():
            if event.timestamp_ms >= first_ms + WARM_S * 1000 and event_id in self.came_s:
                is_late = event.visible_ms - event.timestamp_ms > TYPICAL_MS
                waits_s[is_late].append(self.came_s[event_id] - event.visible_ms / 1000)
        typical_s, late_s = (sorted(waits)[len(waits) * 99 // 100] for waits in waits_s.values())
        return typical_s, late_s

    def _write(self, server: FaultyCloudWatch) -> None:
        """Each event when its time has come."""
        chance = random.Random(8)
        began_ms = server.now_ms()
        padding = "x" * (EVENT_BYTES - len(audit_line("e-00000", requestObject={"data": ""})))
        for number in range(int(WRITE_S * EVENTS_PER_S)):
            # Steps of 40 ms: events share milliseconds.
            at_ms = began_ms + number * 1000 // EVENTS_PER_S // 40 * 40
            wait_s = (at_ms - server.now_ms()) / 1000
            if wait_s > 0:
                time.sleep(wait_s)
            is_late = chance.random() < 0.05
            visible_ms = at_ms + chance.randint(*(self.late_ms if is_late else (0, TYPICAL_MS)))
            line = audit_line(f"e-{number:05d}", requestObject={"data": padding})
            with server.lock:
                event = server.logs.add(
                    at_ms,
                    line,
                    stream=f"kube-apiserver-audit-{number % STREAMS}",
                    visible_ms=visible_ms,
                )
            self.written[event.event_id] = event

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for a pipe
        for line in process.stdout:
            event_id = line.strip()
            self.came_s.setdefault(event_id, time.time())
            self.printed[event_id] += 1


def main() -> int:
    runs = [
        Run("a real host, 5 % late by 5-15 s", (5_000, 15_000), 20),
        Run("a real host, 5 % late by 60 s", (60_000, 60_000), 80),
    ]
    threads = [threading.Thread(target=run.live) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return report(figure for run in runs for figure in run.figures())


if __name__ == "__main__":
    sys.exit(main())
