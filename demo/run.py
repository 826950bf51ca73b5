"""`make demo`: half an hour of a cluster, an attack, and the alerts as they come.

Everything is local: moto's server is CloudWatch Logs, Falco (or sysdig) is the host, the
plugin and the rules are this project's. Ends with 0 only if every step of the attack
raised its alert and the healthy half hour raised none of priority WARNING or above.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median

from rich.console import Console

from demo.attack import STEPS, Step
from demo.display import show_alert, show_summary
from demo.healthy import healthy
from demo.hosts import RULES
from demo.identities import CLUSTER
from demo.local_cloudwatch import LocalCloudWatch, host_environment
from demo.rule_files import load_rules
from demo.story import DEFAULT_SEED
from demo.telling import HEALTHY_DURATION_S
from demo.watch import Alert, HostError, Subject, Watch

_READ_TIMEOUT_S = 30.0
_ALERT_TIMEOUT_S = 15.0
# After a step's own alert: others of the same events, and time to read them.
_PAUSE_S = 1.2
# Falco does not say how many events it has read.
_FALCO_SETTLES_S = 4.0
_SEVERE = {"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING"}


@dataclass
class _Outcome:
    """What the story showed."""

    alerts: list[Alert] = field(default_factory=list)
    false_alarms: list[Alert] = field(default_factory=list)
    missed: list[Step] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)


def _now_us() -> int:
    return time.time_ns() // 1000


def _take(console: Console, outcome: _Outcome, watch: Watch, for_s: float, until: str = "") -> bool:
    """Show alerts for so long, or until that rule's; whether that rule's came."""
    deadline = time.monotonic() + for_s
    while (left_s := deadline - time.monotonic()) > 0:
        alert = watch.next_alert(left_s)
        if alert is None:
            break
        outcome.alerts.append(alert)
        show_alert(console, alert)
        if alert.rule == until:
            return True
    return False


def _tell(console: Console, cloudwatch: LocalCloudWatch, watch: Watch, events: int) -> _Outcome:
    """Read the past, then make the attack happen step by step."""
    outcome = _Outcome()
    console.rule("The healthy half hour", align="left")
    if watch.counts_events:
        arrived = watch.wait_for_events(events, _READ_TIMEOUT_S)
        _take(console, outcome, watch, 0.3)
        if not arrived:
            raise HostError(f"only {watch.events} of {events} events were read")
        console.print(f"{watch.name} has read {watch.events} of {events} events")
    else:
        _take(console, outcome, watch, _FALCO_SETTLES_S)
    outcome.false_alarms = [alert for alert in outcome.alerts if alert.priority in _SEVERE]

    random = Random(DEFAULT_SEED)  # noqa: S311 - a story needs no secrets
    for number, step in enumerate(STEPS, 1):
        console.print()
        console.rule(f"{number}. {step.title}", align="left")
        started = time.time()
        cloudwatch.put(step.events(random, _now_us))
        if _take(console, outcome, watch, _ALERT_TIMEOUT_S, step.rule):
            outcome.latencies_s.append(outcome.alerts[-1].seen_at - started)
        else:
            outcome.missed.append(step)
            console.print(f"[bold red]no alert of the rule “{step.rule}”[/]")
        _take(console, outcome, watch, _PAUSE_S)
    return outcome


def _conclude(console: Console, outcome: _Outcome, events: int | None, seconds: float) -> int:
    console.print()
    console.rule("Summary", align="left")
    show_summary(console, outcome.alerts, events)
    if outcome.latencies_s:
        console.print(
            f"From event to alert: median {median(outcome.latencies_s):.1f} s, "
            f"slowest {max(outcome.latencies_s):.1f} s (the log is polled every second)"
        )
    found = len(STEPS) - len(outcome.missed)
    console.print(f"Steps of the attack noticed: {found} of {len(STEPS)}, in {seconds:.0f} s")
    console.print(
        f"Alerts of WARNING or above while the cluster was healthy: {len(outcome.false_alarms)}"
    )
    return 1 if outcome.missed or outcome.false_alarms else 0


def main() -> int:
    console = Console(highlight=False)
    started = time.monotonic()
    past = healthy(DEFAULT_SEED, _now_us() - 1_000_000)
    with LocalCloudWatch() as cloudwatch, tempfile.TemporaryDirectory() as folder:
        cloudwatch.create_cluster()
        cloudwatch.put(past)
        settings = {
            **cloudwatch.init_config(),
            "shift": HEALTHY_DURATION_S + 60,
            "polling_interval": 1,
            "state_dir": str(Path(folder, "state")),
        }
        Path(folder, "state").mkdir()
        subject = Subject(settings, CLUSTER, RULES, load_rules(RULES))
        console.print(f"{len(past)} audit events of cluster {CLUSTER} wait in a local CloudWatch")
        try:
            with Watch(subject, Path(folder), host_environment()) as watch:
                outcome = _tell(console, cloudwatch, watch, len(past))
                watch.stop()
                events = watch.events if watch.counts_events else None
        except HostError as error:
            console.print(f"[bold red]{error}[/]", soft_wrap=True)
            return 1
    return _conclude(console, outcome, events, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
