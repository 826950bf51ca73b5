#!/usr/bin/env python3
"""How long plugin_close keeps a host, whatever the poller is waiting for.

    .venv/bin/python bench/close.py

Needs build/libk8saudit-eks.so and a C compiler. A C host reads from a CloudWatch on
127.0.0.1 that goes wrong as told. Prints the longest of some closes of each kind
beside the limit and ends with 1 when it is exceeded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The server that goes wrong and the host that times its close are the tests' ones.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "abi"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "faults"))

from counting import compile_host, counting
from demo import hosts
from demo.local_cloudwatch import host_environment
from fakes import audit_line
from fault_plan import Fault, FaultPlan
from server import FaultyCloudWatch

LIMIT_MS = 100
CLOSES = 5
# The poller has asked again, or failed and backs off, when so many calls have come.
CALLS = 4


@dataclass(frozen=True)
class Case:
    """What the poller is doing when the host closes."""

    what: str
    fault: Fault | None = None
    calls: int = 1
    written: int = 10
    settings: Mapping[str, Any] = field(default_factory=dict)

    def close_ms(self, program: Path) -> int:
        """One close."""
        rates = {} if self.fault is None else {self.fault: 1.0}
        with FaultyCloudWatch(plan=FaultPlan(1, rates, calm_calls=2)) as server:
            now_ms = server.now_ms()
            for number in range(self.written):
                server.logs.add(now_ms, audit_line(str(number)))
            config = server.init_config(**self.settings)
            with counting(program, hosts.LIBRARY, config) as host:
                came = host.wait_for_events(5) and server.wait_for_calls(self.calls)
                code = host.stop()
        if not came or code != 0 or host.close_ms is None:
            sys.exit(f"{self.what}: the host did not get there: {host.log}")
        return host.close_ms


CASES = [
    Case("a call that gets no answer", Fault.NO_ANSWER, calls=3),
    Case("back-off after throttling", Fault.THROTTLE, CALLS),
    Case("a chain of empty pages without end", Fault.EMPTY_PAGE, CALLS),
    Case("a log group that is gone", Fault.LOG_GROUP_GONE, CALLS),
    Case("a pause of a minute between polls", settings={"polling_interval": 60}),
    Case("a full queue", written=10_000, settings={"buffer_size": 1}),
]


def main() -> int:
    environment = host_environment()
    os.environ.clear()
    os.environ.update(environment)
    good = True
    program = compile_host()
    for case in CASES:
        longest_ms = max(case.close_ms(program) for _ in range(CLOSES))
        verdict = "ok" if longest_ms < LIMIT_MS else "TOO LONG"
        good &= longest_ms < LIMIT_MS
        print(f"{case.what:40} {longest_ms:4} ms limit {LIMIT_MS} ms  {verdict}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
