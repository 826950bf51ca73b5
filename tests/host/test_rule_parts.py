"""Every part of every rule's condition, and of every macro, is tested by an event."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from demo import hosts
from demo.local_cloudwatch import host_environment
from demo.rule_files import Rule, load_rules, read_items
from demo.rule_host import NoRuleHostError, RuleHost, build
from rule_parts import parts_of, renamed
from rule_runs import CASES, COMMON, all_rules_on

# Parts that no event needs, and what they are for.
KEPT = {
    "Impersonation of a Privileged Identity: and ka.impuser.name exists": "most events end here",
    "Disallowed Image: and ka.req.pod.images exists": "for macros of users' own",
}


@pytest.fixture(scope="module")
def rule_host(library: Path) -> RuleHost:
    """The filter engine of the oldest Falco that is supported."""
    assert library.exists()
    try:
        return build(hosts.OLDEST)
    except NoRuleHostError as error:
        if "make hosts" in str(error):
            pytest.skip(str(error))
        raise


def fired(rule_host: RuleHost, rules: list[Rule], folder: Path) -> dict[str, frozenset[str]]:
    """The audit ids of the cases on which each rule fires."""
    events = folder / "events.jsonl"
    events.write_text("".join(case.line + "\n" for case in [*CASES, *COMMON]), "utf-8")
    command = rule_host.command(hosts.LIBRARY, "", f"file://{events}", rules, folder)
    finished = subprocess.run(
        command, capture_output=True, text=True, env=host_environment(), timeout=300, check=False
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    found: dict[str, set[str]] = defaultdict(set)
    for line in finished.stdout.splitlines():
        message = json.loads(line)
        if "rule" in message:
            found[message["rule"]].add(message["output_fields"]["ka.auditid"])
    return {rule.name: frozenset(found[rule.name]) for rule in rules}


def test_each_part_is_tested(rule_host: RuleHost, tmp_path: Path) -> None:
    """Without any of its parts a rule says otherwise about one of its own cases.

    Of a macro's parts, one of the rules that use it.
    """
    files = all_rules_on(tmp_path)
    rules = {rule.name: rule for rule in load_rules(files)}
    own: dict[str, set[str]] = defaultdict(set)
    for case in [*CASES, *COMMON]:
        own[case.rule].add(case.audit_id)
    parts = list(parts_of(read_items(files)))
    assert len(parts) > 500
    shown = [renamed(rule, name, rule.condition) for name, rule in rules.items()]
    for number, (_, without) in enumerate(parts):
        shown += [
            renamed(rules[name], f"{name}, {number}", condition)
            for name, condition in without.items()
        ]
    found = fired(rule_host, shown, tmp_path)
    untested = {
        str(part)
        for number, (part, without) in enumerate(parts)
        if all(
            found[name] & own[name] == found[f"{name}, {number}"] & own[name] for name in without
        )
    }
    assert untested == set(KEPT)
