"""plugin_close comes back, whatever the poller is waiting for; bench/close.py says how soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting import LIVING, counting
from fakes import audit_line
from fault_plan import Fault, FaultPlan
from server import FaultyCloudWatch


@pytest.mark.parametrize(
    "fault", [Fault.NO_ANSWER, Fault.THROTTLE, Fault.EMPTY_PAGE, Fault.LOG_GROUP_GONE]
)
def test_close_in_the_middle_of_trouble(fault: Fault, counting_host: Path, library: Path) -> None:
    """A read that hangs, a back-off, a chain of pages without end."""
    plan = FaultPlan(1, {fault: 1.0}, calm_calls=2)
    with FaultyCloudWatch(plan=plan) as server:
        now_ms = server.now_ms()
        for number in range(10):
            server.logs.add(now_ms, audit_line(str(number)))
        with counting(counting_host, library, server.init_config()) as host:
            assert host.wait_for_events(10)
            # The third call of the poller is under way, or it failed and backs off.
            assert server.wait_for_calls(4 if fault is not Fault.NO_ANSWER else 3)
            assert host.stop() == 0
    assert host.rc in LIVING


def test_close_in_the_pause_between_polls(counting_host: Path, library: Path) -> None:
    """An hour long: a close that waited for its end would be given up."""
    with FaultyCloudWatch() as server:
        server.logs.add(server.now_ms(), audit_line("1"))
        config = server.init_config(polling_interval=3600)
        with counting(counting_host, library, config) as host:
            assert host.wait_for_events(1)
            assert host.stop() == 0
    assert host.rc in LIVING


def test_close_while_the_queue_is_full(counting_host: Path, library: Path) -> None:
    """The poller waits for room for one event of ten thousand."""
    with FaultyCloudWatch() as server:
        now_ms = server.now_ms()
        for number in range(10_000):
            server.logs.add(now_ms, audit_line(str(number)))
        config = server.init_config(buffer_size=1)
        with counting(counting_host, library, config) as host:
            assert host.wait_for_events(5)
            assert host.stop() == 0
    assert len(host.audit_ids) < 10_000
