"""Each shipped rule fires on its events and on no near miss, in a real host.

All events are read in one run, with every rule on and the lists for tuning filled
(tests/data/rules/_tuning.yaml), so it also shows which rules fire together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from demo import hosts
from demo.local_cloudwatch import host_environment
from demo.rule_files import load_rules
from demo.watch import HostError, Subject, Watch
from rule_events import TUNING, Case, cases_of, common_cases, rule_files, slug

RULES = {rule.name: rule for rule in load_rules(hosts.RULES)}
CASES = [case for path in rule_files().values() for case in cases_of(path)]
COMMON = [case for path in rule_files().values() for case in common_cases(path)]


def test_every_rule_has_events_and_near_misses() -> None:
    """Each rule has a file with at least one of each; no file belongs to no rule."""
    assert set(rule_files()) == {slug(name) for name in RULES}
    for name in RULES:
        own = [case.fires for case in cases_of(rule_files()[slug(name)]) if case.rule == name]
        assert True in own, name
        assert False in own, name
    assert len({case.audit_id for case in [*CASES, *COMMON]}) == len(CASES) + len(COMMON)


def switch_all_on(folder: Path) -> Path:
    """A rule file that enables every rule and has its alerts name the event."""
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
    return path


@pytest.fixture(scope="module")
def fired(
    library: Path, sysdig_root: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, set[str]]:
    """The rules that fired, by the event's audit id."""
    folder = tmp_path_factory.mktemp("rules")
    events = folder / "events.jsonl"
    events.write_text("".join(case.line + "\n" for case in [*CASES, *COMMON]), "utf-8")
    files = [*hosts.RULES, TUNING, switch_all_on(folder)]
    subject = Subject({"region": "eu-central-1"}, f"file://{events}", files, load_rules(files))
    rules: dict[str, set[str]] = defaultdict(set)
    with Watch(subject, folder, host_environment()) as watch:
        try:
            while (alert := watch.next_alert(30)) is not None:
                rules[alert.fields["ka.auditid"]].add(alert.rule)
        except HostError:
            # The file is over: the host has ended, which must have been cleanly.
            assert watch.stop() == 0, watch.complaint()
        if watch.counts_events:
            assert watch.events == len(CASES) + len(COMMON)
            # No warning about any condition or output; Falco logs its start here too.
            assert watch.complaint() == "sysdig ended with code 0: "
    return rules


@pytest.mark.parametrize("case", [case for case in CASES if case.fires], ids=str)
def test_rule_fires(fired: Mapping[str, set[str]], case: Case) -> None:
    """The rule fires, and with it those rules that are on by default and no others."""
    rules = fired[case.audit_id]
    assert case.rule in rules
    also = {name for name in rules if RULES[name].enabled} - {case.rule}
    assert sorted(also) == sorted(case.also or ())


@pytest.mark.parametrize("case", [case for case in CASES if not case.fires], ids=str)
def test_near_miss_is_quiet(fired: Mapping[str, set[str]], case: Case) -> None:
    """The rule does not fire; that the event was read, `Every Event` says."""
    rules = fired[case.audit_id]
    assert case.rule not in rules
    assert case.rule == "Every Event" or "Every Event" in rules


def test_common_changes_quieten(fired: Mapping[str, set[str]]) -> None:
    """Changes that most rules ask about quieten those that do, and only those."""
    assert COMMON
    wrong = [
        f"{case} {'should fire' if case.fires else 'fires'}"
        for case in COMMON
        if (case.rule in fired[case.audit_id]) != case.fires
    ]
    assert wrong == []
    assert all("Every Event" in fired[case.audit_id] for case in COMMON)
