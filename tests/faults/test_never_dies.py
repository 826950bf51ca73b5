"""The source against faults of every kind, with a clock that does not take its time."""

from __future__ import annotations

import logging
from statistics import quantiles
from typing import Any

import pytest
from botocore.exceptions import CredentialRetrievalError
from fakes import audit_line, client_error
from fault_plan import Fault, FaultPlan, Outage
from rehearsal import Rehearsal
from scenario import Scenario

from k8saudit_eks.config.table import Config
from k8saudit_eks.metrics import Metric

TEN_MINUTES_S = 600


@pytest.mark.parametrize("seed", range(5))
def test_every_fault_at_once(seed: int) -> None:
    """6 of 10 calls fail in one of twelve ways for twenty minutes."""
    plan = FaultPlan(seed, dict.fromkeys(Fault, 0.05))
    rehearsal = Rehearsal(Scenario(3000, 1_200_000), plan, seed)
    rehearsal.run(2400)
    rehearsal.check()
    assert all(plan.happened[fault] for fault in Fault)


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.TOKEN_EXPIRED])
def test_ten_minutes_without_an_answer(fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    """Said once a minute; reading goes on within half a minute, and misses nothing."""
    rehearsal = Rehearsal(Scenario(2000, 1_200_000), FaultPlan(), 1)
    start_ms = rehearsal.start_ms + 200_000
    end_ms = start_ms + TEN_MINUTES_S * 1000
    rehearsal.plan.outages = [Outage(fault, start_ms, end_ms)]
    with caplog.at_level(logging.INFO):
        rehearsal.run(2400)
    rehearsal.check()
    visible = sum(event.visible_ms <= end_ms for event in rehearsal.logs.events)
    by_then = sum(pushed_ms <= end_ms + 30_000 for pushed_ms in rehearsal.queue.pushed_ms)
    assert by_then >= 0.95 * visible
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) <= TEN_MINUTES_S / 60 + 1
    if fault is not Fault.EMPTY_PAGE:
        assert len(warnings) >= 8
        assert any("answers again" in r.getMessage() for r in caplog.records)


def test_credentials_that_can_not_be_renewed_for_ten_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Their source is down: an error a minute that says so, and reading goes on afterwards."""
    rehearsal = Rehearsal(Scenario(1000, 1_200_000), FaultPlan(), 2)
    inner = rehearsal.go_wrong
    start_s = rehearsal.clock.now_s + 100

    def before(request: dict[str, Any]) -> dict[str, Any] | None:
        if start_s <= rehearsal.clock.now_s < start_s + TEN_MINUTES_S:
            raise CredentialRetrievalError(provider="web-identity", error_msg="STS is down")
        return inner(request)

    rehearsal.client.before = before
    rehearsal.run(2400)
    rehearsal.check()
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert 8 <= len(errors) <= 11
    assert "can't be fetched" in errors[0]
    assert rehearsal.host.counts[Metric.API_ERRORS] > 0


def test_a_flapping_service_is_no_flood_of_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    """A fifth of all calls throttled for an hour: two lines a minute at most."""
    rehearsal = Rehearsal(Scenario(500, 3_600_000), FaultPlan(3, {Fault.THROTTLE: 0.2}), 3)
    with caplog.at_level(logging.INFO):
        rehearsal.run(3600)
    assert rehearsal.plan.happened[Fault.THROTTLE] > 100
    assert len(caplog.records) <= 2 * 61


@pytest.mark.parametrize("bad_s", [60, -1800], ids=["of this capture", "of the backlog"])
def test_a_range_that_is_refused_for_long_delays_itself_only(bad_s: int) -> None:
    """AWS fails to read one minute for twenty: what is written meanwhile comes as ever."""
    rehearsal = Rehearsal(Scenario(3000, 1_800_000), FaultPlan(), 4, shift=3600)
    bad_ms = rehearsal.start_ms + bad_s * 1000
    rehearsal.logs.add(bad_ms, audit_line("bad"))
    refused_until_ms = rehearsal.start_ms + 1_500_000

    def before(request: dict[str, Any]) -> dict[str, Any] | None:
        now_ms = rehearsal.clock.now_ms
        bad = request["startTime"] <= bad_ms <= request.get("endTime", now_ms)
        # A head has read it before it is settled.
        if bad and bad_ms + 100_000 < now_ms < refused_until_ms:
            raise client_error("ServiceUnavailableException", status=503)
        return None

    rehearsal.client.before = before
    rehearsal.run(3000)
    ids = rehearsal.queue.audit_ids
    assert len(ids) == len(set(ids)) == 3001
    assert rehearsal.host.counts[Metric.API_ERRORS] > 20
    waits_ms = rehearsal.waits_ms()
    assert quantiles(waits_ms, n=10)[8] < 2 * Config().polling_interval * 1000


def test_long_chains_end_although_tokens_are_refused() -> None:
    """Three of ten tokens are bad: a minute of two hundred pages is read nonetheless."""
    plan = FaultPlan(6, {Fault.TOKEN_EXPIRED: 0.3})
    rehearsal = Rehearsal(Scenario(1, 1_000), plan, 6, shift=600)
    rehearsal.logs.page_events = 50
    for number in range(10_000):
        rehearsal.logs.add(rehearsal.start_ms - 600_000 + number * 6, audit_line(str(number)))
    rehearsal.run(600)
    ids = rehearsal.queue.audit_ids
    assert len(ids) == len(set(ids)) == 10_001
    assert plan.happened[Fault.TOKEN_EXPIRED] > 10
