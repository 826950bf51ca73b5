"""What reading 200,000 events and asking 30 fields of each costs a real host.

    .venv/bin/python bench/replay.py [--events N]

The same sysdig reads the same lines three times: from a source that does nothing
(do_nothing.c: the lines come from memory and are not looked at), by replay through
the plugin with a filter that asks no field of it, and by replay with a filter that
asks 30 fields of every event. CPU time is the process's own, user and system.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bare_host import ROOT, build_do_nothing, sysdig
from demo import hosts

EVENTS = ROOT / "tests" / "data" / "events"
ROUNDS = 3
# No event has this value, so every field is asked of every event.
NEVER = "no-such-value"
FIELDS = [
    "ka.verb",
    "ka.user.name",
    "ka.user.groups",
    "ka.target.resource",
    "ka.target.namespace",
    "ka.target.name",
    "ka.target.subresource",
    "ka.response.code",
    "ka.stage",
    "ka.uri",
    "ka.useragent",
    "ka.sourceips",
    "ka.auth.decision",
    "ka.auth.reason",
    "ka.req.pod.containers.image",
    "ka.req.pod.containers.privileged",
    "ka.req.pod.host_network",
    "ka.req.pod.host_pid",
    "ka.req.pod.host_ipc",
    "ka.req.pod.volumes.hostpath",
    "ka.req.binding.role",
    "ka.req.binding.subjects.user_names",
    "ka.req.role.rules.verbs",
    "ka.req.role.rules.resources",
    "ka.req.configmap.name",
    "ka.impuser.name",
    "ka.user.arn",
    "ka.user.session_name",
    "ka.req.workload.any_privileged",
    "ka.exec.command_line",
]


def write_events(path: Path, count: int) -> int:
    """The corpus again and again, one event a line; the size in bytes."""
    lines = []
    for corpus_file in sorted(EVENTS.glob("*.json")):
        event = json.loads(corpus_file.read_text("utf-8"))
        event.pop("k8saudit_eks", None)  # as the API server logs it, without our envelope
        lines.append(json.dumps(event, separators=(",", ":")))
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(lines[number % len(lines)] + "\n")
    return path.stat().st_size


def cpu_s(command: Sequence[str]) -> float:
    """CPU seconds of a host that reads its source to the end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None  # noqa: S101 - asked for above
        if process.returncode != 0:
            sys.exit(process.stderr.read().decode())
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = folder / "events.jsonl"
        size_bytes = write_events(events, count)
        replay = sysdig(hosts.LIBRARY, "k8saudit-eks", "", f"file://{events}")
        nothing = sysdig(build_do_nothing(folder), "do_nothing", "", str(events))
        no_event = "evt.num=0"
        asked = " or ".join(f"{field} in ({NEVER})" for field in FIELDS)
        runs = {
            "do-nothing source": [*nothing, no_event],
            "replay, no field asked": [*replay, no_event],
            f"replay, {len(FIELDS)} fields asked": [*replay, asked],
        }
        # In turns: what else the machine does hits all alike.
        rounds = [{what: cpu_s(command) for what, command in runs.items()} for _ in range(ROUNDS)]
    best = {what: min(round_[what] for round_ in rounds) for what in runs}
    bare_s = best["do-nothing source"]
    print(f"{count} events of {size_bytes / count:.0f} bytes on average, best of {ROUNDS}")
    for what, used_s in best.items():
        us = used_s / count * 1e6
        print(f"{what:28} {used_s:6.2f} s CPU {us:7.2f} µs/event  ratio {used_s / bare_s:5.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
