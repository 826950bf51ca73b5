"""The demo's story and the rules, in a real host: quiet while healthy, loud in the attack."""

from __future__ import annotations

from pathlib import Path

import pytest
from demo import hosts
from demo.attack import STEPS
from demo.audit_event import as_line
from demo.healthy import healthy
from demo.identities import Json
from demo.local_cloudwatch import host_environment
from demo.rule_files import load_rules
from demo.story import attack
from demo.watch import Alert, HostError, Subject, Watch
from test_host_cloudwatch import now_us

QUIET = {"NOTICE", "INFORMATIONAL", "INFO", "DEBUG"}


def alerts_of(events: list[Json], folder: Path) -> list[Alert]:
    """The alerts that the shipped rules raise over these events."""
    path = folder / "events.jsonl"
    path.write_text("".join(as_line(event) + "\n" for event in events), "utf-8")
    rules = load_rules(hosts.RULES)
    subject = Subject({"region": "eu-central-1"}, f"file://{path}", hosts.RULES, rules)
    alerts = []
    with Watch(subject, folder, host_environment()) as watch:
        try:
            while (alert := watch.next_alert(30)) is not None:
                alerts.append(alert)
        except HostError:
            # The file is over: the host has ended, which must have been cleanly.
            assert watch.stop() == 0, watch.complaint()
        if watch.counts_events:
            assert watch.events == len(events)
    return alerts


@pytest.mark.usefixtures("library", "sysdig_root")
@pytest.mark.parametrize("seed", [1, 20, 303])
def test_healthy_half_hour_is_quiet(tmp_path: Path, seed: int) -> None:
    """No alert of WARNING or above with the lists as shipped, and a few notices at most."""
    alerts = alerts_of(healthy(seed, now_us()), tmp_path)
    assert [alert.rule for alert in alerts if alert.priority not in QUIET] == []
    assert len(alerts) < 10


@pytest.mark.usefixtures("library", "sysdig_root")
def test_every_step_of_the_attack_is_noticed(tmp_path: Path) -> None:
    """Each step raises the alert of its own rule, and the alert names who did it."""
    alerts = alerts_of(attack(20, now_us()), tmp_path)
    assert {step.rule for step in STEPS} <= {alert.rule for alert in alerts}
    for alert in alerts:
        assert alert.fields["ka.user.name"]
        assert alert.fields["ka.sourceips"] == ["203.0.113.66"]


def test_story_is_the_same_for_the_same_seed() -> None:
    """Two runs of the generator agree; another seed differs; order is that of time."""
    end_us = 1_795_000_000_000_000
    events = healthy(5, end_us)
    assert events == healthy(5, end_us)
    assert events != healthy(6, end_us)
    assert 400 <= len(events) <= 900
    stamps = [event["stageTimestamp"] for event in events]
    assert stamps == sorted(stamps)
