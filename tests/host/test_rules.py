"""Each shipped rule fires on its events and on no near miss, in a real host.

All events are read in one run, with every rule on and the lists for tuning filled
(tests/data/rules/_tuning.yaml), so it also shows which rules fire together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from rule_events import Case, cases_of, rule_files, slug
from rule_runs import CASES, COMMON, RULES, fired_in


def test_every_rule_has_events_and_near_misses() -> None:
    """Each rule has a file with at least one of each; no file belongs to no rule."""
    assert set(rule_files()) == {slug(name) for name in RULES}
    for name in RULES:
        own = [case.fires for case in cases_of(rule_files()[slug(name)]) if case.rule == name]
        assert True in own, name
        assert False in own, name
    assert len({case.audit_id for case in [*CASES, *COMMON]}) == len(CASES) + len(COMMON)


@pytest.fixture(scope="module")
def fired(
    library: Path, sysdig_root: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, set[str]]:
    """The rules that fired, by the event's audit id."""
    assert library.exists()
    assert sysdig_root
    return fired_in(tmp_path_factory.mktemp("rules"))


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
