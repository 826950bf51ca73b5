#!/usr/bin/env python3
"""What the plugin keeps in a host's memory: at rest by part, and the peak of a catch-up.

    .venv/bin/python bench/memory.py

The same sysdig with the plugin of the bundle, with the library of the checkout, and with a
plugin that does nothing. They read a simulated CloudWatch Logs behind TLS, with botocore's
own certificate authorities, as AWS is read; its pages hold up to 1 MB. Then the first one
catches up 60,000 events of 2 KB. The peak is given for Falco, which takes 25 MB itself:
25 MB and what this host takes above the one that does nothing. Needs
build/libk8saudit-eks.so and sysdig's root (`make`, `make host`); the bundle is built. Ends
with 1 when a limit is exceeded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
# The simulated CloudWatch and TLS in front of it are the tests' ones.
for folder in (ROOT, ROOT / "tests" / "faults", ROOT / "tests" / "packaging"):
    sys.path.insert(0, str(folder))

import botocore  # type: ignore[import-untyped]  # noqa: E402 - the paths above come first
from aws_endpoints import Authority  # noqa: E402
from bare_host import build_do_nothing, sysdig  # noqa: E402
from delivery_figures import Figure, report  # noqa: E402
from demo import hosts  # noqa: E402
from demo.local_cloudwatch import host_environment  # noqa: E402
from fakes import audit_line  # noqa: E402
from installation import run  # noqa: E402
from resident import by_part_mb, peak_mb  # noqa: E402
from server import REGION, FaultyCloudWatch  # noqa: E402

REST_LIMIT_MB = 40.0
PEAK_LIMIT_MB = 80.0
# Measured: Falco 0.44 with the rules of this project and a plugin that does nothing.
FALCO_MB = 25.0

EVENTS = 60_000
EVENT_BYTES = 2048
BACKLOG_MS = 3_000_000
STREAMS = 3
# From the start until what was needed for opening only is given back.
SETTLE_S = 15.0


def build_bundle(folder: Path) -> Path:
    """The library of the bundle, unpacked."""
    run([sys.executable, "-m", "bundle.build", "--output", folder / "dist"], cwd=ROOT)
    (archive,) = (folder / "dist").iterdir()
    run(["tar", "-xzf", archive, "-C", folder])
    return folder / hosts.LIBRARY.name


class Hosts:
    """Hosts that read one CloudWatch."""

    def __init__(self, endpoint_url: str, ca_file: Path) -> None:
        self._endpoint_url = endpoint_url
        self._environment = {**host_environment(), "AWS_CA_BUNDLE": str(ca_file)}

    def plugin(self, library: Path, shift_s: int = 60) -> list[str]:
        """The command of a host with the plugin."""
        config = {"region": REGION, "endpoint_url": self._endpoint_url, "shift": shift_s}
        return sysdig(library, "k8saudit-eks", json.dumps(config), "prod")

    @contextmanager
    def running(self, command: Sequence[str]) -> Iterator[tuple[int, IO[str]]]:
        """Its process and the numbers of the events it prints."""
        with subprocess.Popen(
            [*command, "--unbuffered", "-p", "*%evt.num"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None  # noqa: S101 - asked for
            try:
                yield process.pid, process.stdout
            finally:
                process.kill()

    def at_rest_mb(self, command: Sequence[str]) -> dict[str, float]:
        """By part."""
        with self.running(command) as (pid, _):
            time.sleep(SETTLE_S)
            return by_part_mb(pid)

    def catch_up_mb(self, command: Sequence[str]) -> tuple[float, dict[str, float]]:
        """The peak, and what is left at rest after it, by part."""
        with self.running(command) as (pid, lines):
            for _ in range(EVENTS):
                if not lines.readline():
                    sys.exit("the host ended before the backlog was read")
            peak = peak_mb(pid)
            time.sleep(SETTLE_S)
            return peak, by_part_mb(pid)


def write_backlog(server: FaultyCloudWatch) -> None:
    """Events of the last BACKLOG_MS, in three streams."""
    padding = "x" * (EVENT_BYTES - len(audit_line("0" * 36, note="")))
    first_ms = server.now_ms() - BACKLOG_MS - 60_000
    with server.lock:
        for number in range(EVENTS):
            server.logs.add(
                first_ms + number * BACKLOG_MS // EVENTS,
                audit_line(f"{number:036d}", note=padding),
                stream=f"kube-apiserver-audit-{number % STREAMS:032x}",
            )


def print_table(columns: dict[str, dict[str, float]]) -> None:
    """One line a part, one column a host."""
    print(f"{'resident, MB':34}" + "".join(f"{name:>16}" for name in columns))
    parts = {part for column in columns.values() for part in column}
    for part in sorted(parts):
        print(f"{part:34}" + "".join(f"{c.get(part, 0.0):16.1f}" for c in columns.values()))
    print(f"{'together':34}" + "".join(f"{sum(c.values()):16.1f}" for c in columns.values()))


def figures() -> Iterator[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bundled = build_bundle(folder)
        authority = Authority(folder)
        ca_file = folder / "authorities.pem"
        known = Path(botocore.__file__).with_name("cacert.pem").read_bytes()
        ca_file.write_bytes(known + authority.ca_file.read_bytes())
        server = stack.enter_context(FaultyCloudWatch())
        url = stack.enter_context(authority.in_front_of(server.endpoint_url))
        machine = Hosts(url, ca_file)
        bare = machine.at_rest_mb(
            sysdig(build_do_nothing(folder), "do_nothing", "", ""),
        )
        rest = machine.at_rest_mb(machine.plugin(bundled))
        checkout = machine.at_rest_mb(machine.plugin(hosts.LIBRARY))
        write_backlog(server)
        shift_s = BACKLOG_MS // 1000 + 300
        peak, after = machine.catch_up_mb(machine.plugin(bundled, shift_s))
    print_table({"bundle": rest, "caught up": after, "checkout": checkout, "no plugin": bare})
    bare_mb = sum(bare.values())
    yield Figure("plugin of the bundle, at rest", sum(rest.values()) - bare_mb, REST_LIMIT_MB, "MB")
    yield Figure(
        f"Falco's peak while it catches up {EVENTS} events",
        peak - bare_mb + FALCO_MB,
        PEAK_LIMIT_MB,
        "MB",
    )


def main() -> int:
    """Measure, print, compare."""
    return report(figures())


if __name__ == "__main__":
    sys.exit(main())
