#!/usr/bin/env python3
"""What the shipped rules cost a real host, against one rule that never fires.

    .venv/bin/python bench/rules.py [--events N]

sysdig replays the demo's story (healthy half hours, one attack) with one filter a rule, as
Falco has. Each filter needs a script of its own in sysdig, which Falco does not have: what
as many scripts cost that ask no field of the plugin is measured too, and subtracted. CPU
time is the process's own, user and system, without that of a start with one event (sysdig
crashes when its source ends before the first). Ends with 1 when the rules cost more than
the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bare_host import sysdig
from demo import chisels, hosts
from demo.audit_event import as_line
from demo.healthy import healthy
from demo.rule_files import Rule, load_rules
from demo.story import DEFAULT_SEED, attack
from replay import cpu_s

LIMIT = 2.0
ROUNDS = 5
HALF_HOURS = 20
END_US = 1_795_000_000_000_000
NEVER = "ka.verb = no-such-verb"
# Asks nothing of the plugin.
NO_FIELD = "evt.num = 0"

ONE = "one rule that never fires"
ALL = "all rules that are on by default"
ALL_AS_ONE = "their conditions in a single filter"
SCRIPT = "one script that asks no field"
SCRIPTS = "as many scripts as rules that ask no field"


def story() -> list[str]:
    """Lines of some healthy half hours and one attack."""
    events = [event for seed in range(HALF_HOURS) for event in healthy(seed, END_US)]
    return [as_line(event) for event in [*events, *attack(DEFAULT_SEED, END_US)]]


def write_events(path: Path, lines: Sequence[str], count: int) -> int:
    """The story again and again; the size in bytes."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(lines[number % len(lines)] + "\n")
    return path.stat().st_size


def host_with(rules: Sequence[Rule], events: Path, folder: Path) -> list[str]:
    """The command of a sysdig that evaluates each rule by a filter of its own."""
    folder.mkdir()
    command = sysdig(hosts.LIBRARY, "k8saudit-eks", "", f"file://{events}")
    # The first script counts events, which is no rule.
    scripts = chisels.write_chisels(rules, folder)[1:]
    return [*command, *(part for script in scripts for part in ("-c", str(script)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events
    rules = [rule for rule in load_rules(hosts.RULES) if rule.enabled]
    joined = " or ".join(f"({rule.condition})" for rule in rules)
    sets = {
        ONE: [replace(rules[0], condition=NEVER)],
        ALL: rules,
        ALL_AS_ONE: [replace(rules[0], condition=joined)],
        SCRIPT: [replace(rules[0], condition=NO_FIELD)],
        SCRIPTS: [replace(rule, condition=NO_FIELD) for rule in rules],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = story()
        size_bytes = write_events(folder / "events.jsonl", lines, count)
        write_events(folder / "one_event.jsonl", lines, 1)
        hosts_of = {
            what: (
                host_with(chosen, folder / "events.jsonl", folder / f"all_{number}"),
                host_with(chosen, folder / "one_event.jsonl", folder / f"one_{number}"),
            )
            for number, (what, chosen) in enumerate(sets.items())
        }
        # In turns: what else the machine does hits all alike.
        rounds = [
            {what: cpu_s(full) - cpu_s(start) for what, (full, start) in hosts_of.items()}
            for _ in range(ROUNDS)
        ]
    print(f"{len(rules)} rules, {count} events of {size_bytes / count:.0f} bytes on average")
    us = {what: min(round_[what] for round_ in rounds) / count * 1e6 for what in sets}
    for what in sets:
        print(f"{what:46} {us[what]:6.2f} µs CPU an event, {us[what] / us[ONE]:5.2f} x")
    rules_us = us[ALL] - (us[SCRIPTS] - us[SCRIPT])
    ratio = rules_us / us[ONE]
    print(f"{'all rules, without the cost of scripts':46} {rules_us:6.2f} µs CPU an event")
    verdict = "ok" if ratio <= LIMIT else "TOO MUCH"
    print(f"all rules against one that never fires: {ratio:.2f} x, limit {LIMIT:g} x  {verdict}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
