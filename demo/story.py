"""The whole story as files: `python -m demo.story [--seed N] [--end ISO TIME] healthy|attack`.

Writes one audit event a line to standard output, as CloudWatch Logs would hold them;
the plugin replays such a file with ``open_params: file://…``.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from itertools import count
from random import Random

from demo.attack import STEPS
from demo.audit_event import as_line
from demo.healthy import healthy
from demo.identities import Json

DEFAULT_SEED = 20
# Events of a request stay in one API server's stream; requests spread over both.
STREAMS = (
    "kube-apiserver-audit-4b1f0e6d2c9a8375e1d0c2b3a4958671",
    "kube-apiserver-audit-9d3c5a7e81f2640b7c6d5e4f3a2b1908",
)


def stream_of(event: Json) -> str:
    """The log stream (one an API server) that an event is written to."""
    return STREAMS[int(event["auditID"][-1], 16) % len(STREAMS)]


def attack(seed: int, start_us: int) -> list[Json]:
    """All steps of the attack, a second between requests, beginning at start_us."""
    ticks = count(start_us, 1_000_000)
    random = Random(seed)  # noqa: S311 - a story needs no secrets
    return [event for step in STEPS for event in step.events(random, lambda: next(ticks))]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the demo's audit events as JSON lines.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--end", type=datetime.fromisoformat, default=datetime.now(UTC))
    parser.add_argument("part", choices=["healthy", "attack"])
    arguments = parser.parse_args()
    end_us = int(arguments.end.timestamp() * 1_000_000)
    make = healthy if arguments.part == "healthy" else attack
    for event in make(arguments.seed, end_us):
        sys.stdout.write(as_line(event) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
