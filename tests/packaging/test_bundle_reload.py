"""Falco's hot reload with the bundle: a hundred times in one process."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from random import Random

import pytest
from demo.audit_event import Target, audit_event
from demo.identities import DEVELOPER
from demo.local_cloudwatch import LocalCloudWatch, host_environment
from installation import AUDIT_EVENT, compile_host

CLUSTER = "reloaded"
CYCLES = 100
GROWTH_MAX_KIB = 1024


@pytest.fixture(scope="module")
def host_reload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/abi's host that reloads."""
    return compile_host(tmp_path_factory.mktemp("reload"), "host_reload")


def reload(program: Path, bundle: Path, config: str, params: str) -> tuple[list[int], list[int]]:
    """Threads and resident memory (KiB) at the end of each cycle."""
    finished = subprocess.run(
        [program, bundle / "libk8saudit-eks.so", config, params, str(CYCLES)],
        env=host_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stdout[-500:]
    cycles = [line.split() for line in finished.stdout.splitlines()]
    assert len(cycles) == CYCLES
    return [int(threads) for threads, _ in cycles], [int(kib) for _, kib in cycles]


def test_with_a_file(host_reload: Path, bundle: Path, tmp_path: Path) -> None:
    """No thread is left, and the 100th reload needs less than 1 MiB more than the 10th."""
    events = tmp_path / "events.jsonl"
    events.write_text(AUDIT_EVENT * 3, "utf-8")
    threads, resident_kib = reload(host_reload, bundle, "", f"file://{events}")
    assert set(threads) == {1}
    assert resident_kib[99] - resident_kib[9] < GROWTH_MAX_KIB


def test_with_a_cluster(host_reload: Path, bundle: Path, cloudwatch: LocalCloudWatch) -> None:
    """The same with AWS clients, pollers and their connections.

    What one capture has delivered the next one of the process does not deliver again, so
    there is something new to wait for in every cycle.
    """
    cloudwatch.create_cluster(CLUSTER)
    reloaded = threading.Event()
    writing = threading.Thread(target=write_until, args=(reloaded, cloudwatch))
    writing.start()
    try:
        config = {**cloudwatch.init_config(), "shift": 120, "polling_interval": 1}
        threads, resident_kib = reload(host_reload, bundle, json.dumps(config), CLUSTER)
    finally:
        reloaded.set()
        writing.join()
    assert set(threads) == {1}
    assert resident_kib[99] - resident_kib[9] < GROWTH_MAX_KIB


def write_until(done: threading.Event, cloudwatch: LocalCloudWatch) -> None:
    """Four events a second: hardly more than reloads, as all of them are kept in memory."""
    chance = Random(1)  # noqa: S311
    target = Target("pods", "shop", "cart")
    while not done.wait(0.25):
        now_us = time.time_ns() // 1000
        cloudwatch.put([audit_event(chance, now_us - 1_000, DEVELOPER, "get", target)], CLUSTER)
