"""A real host and the real boto3 against a CloudWatch that goes wrong: the promise holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting import Counting, counting
from fault_plan import Fault, FaultPlan
from scenario import Scenario, Truth
from server import FaultyCloudWatch

from host import Sysdig

# The server's clock runs so fast: late_window passes in two seconds.
SPEED = 30.0
LATE_WINDOW_S = 60
SMALL = Scenario(300, 60_000, delay_ms=5_000, late_ms=50_000)

EACH = {
    Fault.EMPTY_PAGE: 0.3,
    Fault.THROTTLE: 0.3,
    Fault.SERVER_ERROR: 0.3,
    Fault.RESET: 0.3,
    Fault.HALF_SENT: 0.3,
    Fault.NOT_JSON: 0.3,
    Fault.WRONG_SHAPE: 0.3,
    Fault.TOKEN_EXPIRED: 0.3,
    Fault.CREDENTIALS_EXPIRED: 0.3,
    Fault.ACCESS_DENIED: 0.3,
    Fault.LOG_GROUP_GONE: 0.3,
}
MIXED = {**dict.fromkeys(EACH, 0.025), Fault.EMPTY_PAGE: 0.1, Fault.THROTTLE: 0.2}


def served(plan: FaultPlan, scenario: Scenario, seed: int) -> tuple[FaultyCloudWatch, Truth]:
    """A server with small pages, and what it holds from now on."""
    server = FaultyCloudWatch(plan=plan, speed=SPEED)
    server.logs.page_events = 60
    return server, scenario.write(server.logs, server.now_ms(), seed)


def check(audit_ids: list[str], truth: Truth) -> None:
    """Nothing lost, nothing twice."""
    assert truth.audit_ids - set(audit_ids) == set(), "lost"
    assert len(audit_ids) == len(set(audit_ids)), "repeated"
    assert set(audit_ids) == truth.audit_ids


def settled_ms(truth: Truth) -> int:
    """When everything has been read for the last time, by the server's clock."""
    return truth.last_visible_ms + (LATE_WINDOW_S + 45) * 1000


@pytest.mark.parametrize("fault", EACH, ids=lambda fault: fault.name.lower())
def test_one_fault(fault: Fault, counting_host: Path, library: Path) -> None:
    """Three of ten calls go wrong in one way: each event comes once, and the source lives."""
    server, truth = served(FaultPlan(fault.value.__len__(), {fault: EACH[fault]}), SMALL, 1)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, counting(counting_host, library, config) as host:
        assert host.wait_for_events(len(truth.audit_ids)), host.log
        assert server.wait_for_quiet(settled_ms(truth)), host.log
        assert host.stop() == 0
    check(host.audit_ids, truth)
    assert server.plan.happened[fault] > 0
    check_counters(host, server)


def check_counters(host: Counting, server: FaultyCloudWatch) -> None:
    """What the server saw is what the plugin counted."""
    metrics, happened = host.metrics, server.plan.happened
    assert host.rc == -1, "the source must not end"
    assert metrics["events_delivered"] == len(host.audit_ids)
    # The first call is the one of open.
    assert metrics["api_calls"] == pytest.approx(server.calls - 1, abs=1)
    assert metrics["api_throttles"] == pytest.approx(happened[Fault.THROTTLE], abs=1)
    failed = happened.total() - happened[Fault.THROTTLE] - happened[Fault.EMPTY_PAGE]
    assert metrics["api_errors"] == pytest.approx(failed, abs=1)
    assert metrics["queue_depth"] == 0
    assert 0 < metrics["lag_milliseconds"] < (LATE_WINDOW_S + 200) * 1000


def test_everything_at_once_in_sysdig(sysdig: Sysdig) -> None:
    """All of it mixed, with one answer that never comes, in a real host."""
    plan = FaultPlan(11, {Fault.NO_ANSWER: 0.2, **MIXED}, at_most={Fault.NO_ANSWER: 1})
    server, truth = served(plan, Scenario(1000, 120_000, late_ms=50_000), 2)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, sysdig.running("prod", ["ka.auditid"], init_config=config) as run:
        assert run.wait_for_events(len(truth.audit_ids), 90), run.errors
        assert server.wait_for_quiet(settled_ms(truth)), run.errors
        run.stop()
    check([event["ka.auditid"] for event in run.events], truth)
    assert plan.happened[Fault.NO_ANSWER] == 1
    assert len(plan.happened) > 6
