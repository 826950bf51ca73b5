#!/usr/bin/env python3
"""What the shipped rules cost a host that reads from CloudWatch Logs, as in production.

    .venv/bin/python bench/rules_cloudwatch.py [--events N]

As bench/rules.py, but the demo's story lies in a local CloudWatch Logs: the host's CPU time
holds what calls, answers and the poller cost, too. A last event ends each measurement; that
of a log group with no other event is subtracted. Ends with 1 when the rules cost more than
the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import bare_host  # noqa: F401 - puts the project on the path
from demo import hosts, rule_host
from demo.local_cloudwatch import LocalCloudWatch, host_environment
from demo.rule_files import Rule, load_rules
from rules import ALL, NEVER, ONE, story

LIMIT = 2.0
ROUNDS = 5
LAST_ID = "the-last-event"
LAST = "last event"
LAST_LINE = json.dumps(
    {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": LAST_ID,
        "stage": "ResponseComplete",
        "stageTimestamp": "2026-01-01T00:00:00.000000Z",
    }
)
# Written this long ago, all is recent: nothing is settled meanwhile, and so read twice.
AGO_MS = 150_000
SETTINGS = {"shift": 200, "polling_interval": 1, "api_rate": 100}


def fill(server: LocalCloudWatch, cluster: str, lines: Sequence[str]) -> None:
    """A log group with these lines, a thousand in a second, and the last event behind them."""
    server.create_cluster(cluster)
    begin_ms = int(time.time() * 1000) - AGO_MS
    times_ms = [begin_ms + number for number in range(len(lines))]
    server.put_lines(list(zip(times_ms, lines, strict=True)), cluster=cluster)
    server.put_lines([(begin_ms + len(lines), LAST_LINE)], cluster=cluster)


def cpu_s(command: Sequence[str]) -> float:
    """CPU seconds of a host until it has evaluated the last event."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=host_environment())
    assert process.stdout is not None  # noqa: S101 - asked for above
    met = any(f'"{LAST}"' in line for line in process.stdout)
    process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not met:
        sys.exit("the host ended before the last event")
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    count = parser.parse_args().events
    rules = [rule for rule in load_rules(hosts.RULES) if rule.enabled]
    last = replace(rules[0], name=LAST, condition=f"ka.auditid = {LAST_ID}")
    sets: dict[str, list[Rule]] = {
        ONE: [replace(rules[0], condition=NEVER), last],
        ALL: [*rules, last],
    }
    told = story()
    kept = True
    with LocalCloudWatch() as server, tempfile.TemporaryDirectory() as name:
        settings = json.dumps({**server.init_config(), **SETTINGS})
        for suite in (hosts.OLDEST, hosts.NEWEST):
            host = rule_host.build(suite)
            rounds: list[dict[str, float]] = []
            # Anew for each round: what is read must be recent.
            for number in range(ROUNDS):
                clusters = {f"{suite}-{number}": count, f"{suite}-{number}-start": 0}
                for cluster, events in clusters.items():
                    fill(server, cluster, [told[n % len(told)] for n in range(events)])
                used_s = {}
                for what, chosen in sets.items():
                    folder = Path(tempfile.mkdtemp(dir=name))
                    full_s, start_s = (
                        cpu_s(host.command(hosts.LIBRARY, settings, cluster, chosen, folder))
                        for cluster in clusters
                    )
                    used_s[what] = full_s - start_s
                rounds.append(used_s)
            ratio = median(used[ALL] / used[ONE] for used in rounds)
            kept = kept and ratio <= LIMIT
            for what in sets:
                us = median(used[what] for used in rounds) / count * 1e6
                print(f"libsinsp {host.libsinsp:8} {what:34} {us:6.2f} µs CPU an event")
            verdict = "ok" if ratio <= LIMIT else "TOO MUCH"
            print(f"libsinsp {host.libsinsp:8} ratio {ratio:5.2f} x, limit {LIMIT:g} x  {verdict}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
