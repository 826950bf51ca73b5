"""Shows every case of tests/data/rules to a host, with every rule on and every list filled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import yaml
from demo import hosts
from demo.local_cloudwatch import host_environment
from demo.rule_files import Rule, load_rules
from demo.rule_host import RuleHost
from demo.watch import HostError, Subject, Watch
from rule_events import TUNING, cases_of, common_cases, rule_files

RULES = {rule.name: rule for rule in load_rules(hosts.RULES)}
CASES = [case for path in rule_files().values() for case in cases_of(path)]
COMMON = [case for path in rule_files().values() for case in common_cases(path)]


def all_rules_on(folder: Path) -> list[Path]:
    """The shipped rule files and two more: tuning, and one that switches every rule on.

    Alerts name the event.
    """
    items = [
        {
            "rule": name,
            "enabled": True,
            "output": " id=%ka.auditid",
            "override": {"enabled": "replace", "output": "append"},
        }
        for name in RULES
    ]
    path = folder / "all_on.yaml"
    path.write_text(yaml.safe_dump(items), "utf-8")
    return [*hosts.RULES, TUNING, path]


def subject_of(events: Path, files: list[Path], rules: list[Rule]) -> Subject:
    """The replay of a file of events."""
    return Subject({"region": "eu-central-1"}, f"file://{events}", files, rules)


def fired_in(folder: Path, rule_host: RuleHost | None = None) -> Mapping[str, set[str]]:
    """The rules that fired on all cases in one run of the host, by the event's audit id.

    The host must read every event, end cleanly and warn of nothing.
    """
    events = folder / "events.jsonl"
    events.write_text("".join(case.line + "\n" for case in [*CASES, *COMMON]), "utf-8")
    files = all_rules_on(folder)
    subject = subject_of(events, files, load_rules(files))
    rules: dict[str, set[str]] = defaultdict(set)
    with Watch(subject, folder, host_environment(), rule_host) as watch:
        try:
            while (alert := watch.next_alert(30)) is not None:
                rules[alert.fields["ka.auditid"]].add(alert.rule)
        except HostError:
            # The file is over: the host has ended, which must have been cleanly.
            assert watch.stop() == 0, watch.complaint()
        if watch.counts_events:
            assert watch.events == len(CASES) + len(COMMON)
            # No warning about any condition or output; Falco logs its start here too.
            assert watch.complaint() == f"{watch.name} ended with code 0: "
    return rules
