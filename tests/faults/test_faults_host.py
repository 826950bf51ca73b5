"""A real host and the real boto3 against a CloudWatch that goes wrong: the promise holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from counting import LIVING, Counting, counting, once_a_minute
from fakes import audit_line
from fault_plan import Fault, FaultPlan
from scenario import Scenario, Truth
from server import FaultyCloudWatch

from host import Sysdig

# The server's clock runs so fast: late_window passes in two seconds.
SPEED = 30.0
LATE_WINDOW_S = 60
SMALL = Scenario(300, 60_000, delay_ms=5_000, late_ms=50_000)

# All but the one that takes a client's whole timeout, which comes in the mix.
EACH = [fault for fault in Fault if fault is not Fault.NO_ANSWER]
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
    server, truth = served(FaultPlan(5, {fault: 0.3}), SMALL, 1)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, counting(counting_host, library, config) as host:
        assert host.wait_for_events(len(truth.audit_ids)), host.log
        assert server.wait_for_quiet(settled_ms(truth)), host.log
        check_calls(host, server)
        assert host.stop() == 0
    check(host.audit_ids, truth)
    assert server.plan.happened[fault] > 0
    check_counters(host, server)


def check_calls(host: Counting, server: FaultyCloudWatch) -> None:
    """The plugin counts each call, throttled one and failed one that the server saw."""

    def counted() -> tuple[int, int, int]:
        metrics = host.metrics
        return metrics["api_calls"], metrics["api_throttles"], metrics["api_errors"]

    def seen() -> tuple[int, int, int]:
        with server.lock:
            happened = server.plan.happened
            throttled = happened[Fault.THROTTLE]
            failed = happened.total() - throttled - happened[Fault.EMPTY_PAGE]
            # The first call is the one of open.
            return server.calls - 1, throttled, failed

    assert host.wait_for_metrics(lambda: counted() == seen()), (counted(), seen())


def check_counters(host: Counting, server: FaultyCloudWatch) -> None:
    """What the server sent is what the plugin counted."""
    metrics = host.metrics
    assert host.rc in LIVING
    assert metrics["events_delivered"] == len(host.audit_ids)
    assert metrics["queue_depth"] == 0
    assert metrics["lag_milliseconds"] > LATE_WINDOW_S * 1000
    assert metrics["events_truncated"] == metrics["events_invalid"] == 0
    assert metrics["duplicates_suppressed"] <= server.events_sent - len(host.audit_ids)
    assert once_a_minute(host.log)


def test_counters_say_what_happened(counting_host: Path, library: Path) -> None:
    """Cut lines, unreadable lines and one late event: each number is right.

    Rules see the unreadable ones, too, if not every one.
    """
    scenario = Scenario(
        200, 20_000, delay_ms=100, late_share=0, truncated_share=0.1, invalid_share=0.1
    )
    # A poll takes 15 s of the server's clock.
    server = FaultyCloudWatch(plan=FaultPlan(), speed=15.0)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, counting(counting_host, library, config) as host:
        assert server.wait_for_calls(3), host.log
        with server.lock:
            now_ms = server.now_ms()
            truth = scenario.write(server.logs, now_ms, 4)
            # When the late one becomes visible, the head has met the newest and looks
            # back 30 s from there.
            late = server.logs.add(now_ms, audit_line("late"), visible_ms=now_ms + 57_000)
            server.logs.add(now_ms + 33_000, audit_line("newest"))
        assert host.wait_for_events(202), host.log
        assert server.wait_for_quiet(late.visible_ms + (LATE_WINDOW_S + 45) * 1000)
        check_calls(host, server)
        assert host.stop() == 0
    made_up = [audit_id for audit_id in host.audit_ids if audit_id.startswith("unreadable-")]
    assert 1 <= len(made_up) == len(set(made_up)) <= truth.invalid
    assert set(host.audit_ids) - set(made_up) == truth.audit_ids | {"late", "newest"}
    metrics = host.metrics
    assert metrics["events_delivered"] == len(host.audit_ids) == 202 + len(made_up)
    assert metrics["events_truncated"] == truth.truncated > 0
    assert metrics["events_invalid"] == truth.invalid > 0
    assert metrics["events_late"] == 1
    # Whatever was read more than once was suppressed.
    read = metrics["duplicates_suppressed"] + 202 + truth.invalid
    assert server.events_received <= read <= server.events_sent
    assert (metrics["api_throttles"], metrics["api_errors"], metrics["queue_depth"]) == (0, 0, 0)


@pytest.mark.parametrize("skew_s", [-400, 400])
def test_a_clock_that_is_minutes_off(counting_host: Path, library: Path, skew_s: int) -> None:
    """AWS's clock decides what is late, and this machine's does not."""
    server = FaultyCloudWatch(speed=SPEED, skew_ms=skew_s * 1000)
    truth = SMALL.write(server.logs, server.now_ms(), 5)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, counting(counting_host, library, config) as host:
        assert host.wait_for_events(len(truth.audit_ids)), host.log
        assert server.wait_for_quiet(settled_ms(truth))
        assert host.stop() == 0
    check(host.audit_ids, truth)


def test_a_log_group_that_is_deleted_and_made_again(counting_host: Path, library: Path) -> None:
    """What is written afterwards, to other streams, arrives without a restart."""
    server, before = served(FaultPlan(), Scenario(300, 2_000, late_share=0, delay_ms=100), 6)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, counting(counting_host, library, config) as host:
        assert host.wait_for_events(300), host.log
        server.delete_log_group()
        assert host.wait_for_log("there is no log group"), host.log
        server.create_log_group()
        with server.lock:
            scenario = Scenario(300, 20_000, late_ms=50_000, streams=5)
            after = scenario.write(server.logs, server.now_ms(), 7)
        assert host.wait_for_events(600), host.log
        assert server.wait_for_quiet(settled_ms(after))
        assert host.stop() == 0
    assert len(host.audit_ids) == len(set(host.audit_ids))
    assert set(host.audit_ids) == before.audit_ids | after.audit_ids
    assert host.rc in LIVING


def test_everything_at_once_in_sysdig(sysdig: Sysdig) -> None:
    """All of it mixed, with one answer that never comes, in a real host."""
    plan = FaultPlan(11, {Fault.NO_ANSWER: 0.2, **MIXED}, at_most={Fault.NO_ANSWER: 1})
    server, truth = served(plan, Scenario(1000, 120_000, late_ms=50_000), 2)
    config = server.init_config(late_window=LATE_WINDOW_S)
    with server, sysdig.running("prod", ["ka.auditid"], init_config=config) as run:
        assert run.wait_for_events(len(truth.audit_ids), 180), run.errors
        assert server.wait_for_quiet(settled_ms(truth)), run.errors
        run.stop()
    check([event["ka.auditid"] for event in run.events], truth)
    assert plan.happened[Fault.NO_ANSWER] == 1
    assert len(plan.happened) > 6
