"""The shipped rules in the filter engines of the oldest supported Falco and of a newer one."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from demo import hosts
from demo.local_cloudwatch import host_environment
from demo.rule_files import Rule
from demo.rule_host import NoRuleHostError, RuleHost, build
from rule_runs import CASES, RULES, fired_in


@pytest.fixture(scope="module", params=[hosts.OLDEST, hosts.NEWEST])
def rule_host(request: pytest.FixtureRequest, library: Path) -> RuleHost:
    """The rule host on the libsinsp of a Debian suite."""
    assert library.exists()
    try:
        return build(request.param)
    except NoRuleHostError as error:
        if "make hosts" in str(error):
            pytest.skip(str(error))
        raise


def run(rule_host: RuleHost, rules: Sequence[Rule], folder: Path) -> tuple[int, list[str], str]:
    """Evaluate the rules on the first case; exit code, alerts' rules, standard error."""
    events = folder / "events.jsonl"
    events.write_text(CASES[0].line + "\n", "utf-8")
    command = rule_host.command(hosts.LIBRARY, "", f"file://{events}", rules, folder)
    finished = subprocess.run(
        command, capture_output=True, text=True, env=host_environment(), timeout=60, check=False
    )
    messages = [json.loads(line) for line in finished.stdout.splitlines()]
    alerts = [message["rule"] for message in messages if "rule" in message]
    return finished.returncode, alerts, finished.stderr


def with_part(part: str, text: str) -> list[Rule]:
    """The rule that fires on every event, on, with another condition or output."""
    rule = dataclasses.replace(RULES["Every Event"], enabled=True)
    if part == "condition":
        return [dataclasses.replace(rule, condition=text)]
    return [dataclasses.replace(rule, output=text)]


def test_libsinsp_is_the_one_that_the_docs_name(rule_host: RuleHost) -> None:
    """The oldest is Falco 0.40's, the other Falco 0.43's or newer."""
    major, minor, _ = map(int, rule_host.libsinsp.split("."))
    if rule_host.root.name == hosts.OLDEST:
        assert (major, minor) == (0, 20)
    else:
        assert (major, minor) >= (0, 23)


def test_rules_load_as_shipped(rule_host: RuleHost, tmp_path: Path) -> None:
    """Every rule and its output, with empty lists, is taken without a warning."""
    rules = [dataclasses.replace(rule, enabled=True) for rule in RULES.values()]
    code, alerts, errors = run(rule_host, rules, tmp_path)
    assert (code, errors) == (0, "")
    assert "Every Event" in alerts


def test_rules_fire_alike_in_every_host(
    rule_host: RuleHost, sysdig_root: list[str], tmp_path: Path
) -> None:
    """Every case fires the same rules here as in sysdig, or Falco where it is at hand."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    assert sysdig_root
    assert fired_in(here, rule_host) == fired_in(there)


def test_a_warning_of_the_filter_engine_is_seen(rule_host: RuleHost, tmp_path: Path) -> None:
    """A condition that the engine warns of is named with its rule: nothing is swallowed."""
    rules = with_part("condition", "ka.verb != ka.user.name")
    code, alerts, errors = run(rule_host, rules, tmp_path)
    assert (code, alerts) == (0, ["Every Event"])
    assert errors.startswith("Every Event: 'ka.user.name' may be a valid field misused")


@pytest.mark.parametrize(
    ("part", "text"),
    [("condition", "ka.no.such = x"), ("condition", "ka.verb ="), ("output", "%ka.no.such")],
)
def test_a_broken_rule_is_refused(
    rule_host: RuleHost, tmp_path: Path, part: str, text: str
) -> None:
    """A condition or output that the engine does not understand ends the host, by name."""
    code, alerts, errors = run(rule_host, with_part(part, text), tmp_path)
    assert (code, alerts) == (1, [])
    assert errors.startswith("Every Event: ")
