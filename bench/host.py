#!/usr/bin/env python3
"""What the plugin costs a real host: start-up, memory, idle CPU.

    .venv/bin/python bench/host.py

Needs build/libk8saudit-eks.so and sysdig's root (`make`, `make host`). Prints each
figure beside its limit and ends with 1 when one is exceeded.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from bare_host import build_do_nothing, sysdig
from demo import hosts
from demo.audit_event import Target, audit_event
from demo.identities import CLUSTER, DEVELOPER
from demo.local_cloudwatch import LocalCloudWatch, host_environment

FIRST_EVENT_LIMIT_S = 1.0
MEMORY_LIMIT_MB = 70.0
IDLE_CPU_LIMIT_PERCENT = 1.0

STARTS = 5
# Long enough for a few polls at the default interval of 5 s.
IDLE_S = 21.0
SETTLE_S = 3.0


@dataclass(frozen=True)
class Usage:
    """A process at rest."""

    resident_mb: float
    cpu_percent: float


PRINTING = ["--unbuffered", "-p", "*%evt.num"]


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, env=host_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )


def first_event_s(command: Sequence[str]) -> float:
    """Seconds from the host's start to its first printed event."""
    started = time.monotonic()
    with start(command) as process:
        assert process.stdout is not None  # noqa: S101 - start() asks for a pipe
        line = process.stdout.readline()
        elapsed = time.monotonic() - started
        process.kill()
    if not line:
        sys.exit("the host printed no event")
    return elapsed


def cpu_s(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory now (proc(5), VmRSS of status, kB)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def at_rest(command: Sequence[str]) -> Usage:
    """Memory after a while, and CPU from then on."""
    with start(command) as process:
        time.sleep(SETTLE_S)
        before = cpu_s(process.pid)
        time.sleep(IDLE_S)
        used = cpu_s(process.pid) - before
        usage = Usage(resident_mb(process.pid), 100 * used / IDLE_S)
        process.kill()
    return usage


def report(what: str, value: float, limit: float, unit: str) -> bool:
    verdict = "ok" if value < limit else "TOO MUCH"
    print(f"{what:58} {value:8.2f} {unit:2} limit {limit:g} {unit}  {verdict}", flush=True)
    return value < limit


def main() -> int:
    with LocalCloudWatch() as cloudwatch, tempfile.TemporaryDirectory() as folder:
        cloudwatch.create_cluster()
        now_us = time.time_ns() // 1000
        event = audit_event(Random(1), now_us, DEVELOPER, "get", Target("pods", "shop", "web"))  # noqa: S311
        cloudwatch.put([event])
        settings = (
            f'{{"region":"eu-central-1","endpoint_url":"{cloudwatch.endpoint_url}","shift":600}}'
        )
        ours = [*sysdig(hosts.LIBRARY, "k8saudit-eks", settings, CLUSTER), *PRINTING]

        nothing = build_do_nothing(Path(folder))
        without = [*sysdig(nothing, "do_nothing", "", ""), *PRINTING]

        first = median(first_event_s(ours) for _ in range(STARTS))
        good = report("host start to first event (median)", first, FIRST_EVENT_LIMIT_S, "s")
        with_plugin, bare = at_rest(ours), at_rest(without)
        print(f"resident: {with_plugin.resident_mb:.1f} MB with, {bare.resident_mb:.1f} MB without")
        print(f"idle CPU: {with_plugin.cpu_percent:.2f} % with, {bare.cpu_percent:.2f} % without")
        share_mb = with_plugin.resident_mb - bare.resident_mb
        good &= report("resident memory, with minus without", share_mb, MEMORY_LIMIT_MB, "MB")
        cpu = with_plugin.cpu_percent - bare.cpu_percent
        good &= report("idle CPU, with minus without", cpu, IDLE_CPU_LIMIT_PERCENT, "%")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
