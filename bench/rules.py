#!/usr/bin/env python3
"""What the shipped rules cost a real host, against one rule that never fires.

    .venv/bin/python bench/rules.py [--events N]

The demo's story (healthy half hours, one attack) is replayed to hosts that evaluate each
rule by a filter of its own, as Falco does: demo/rule_host.cpp on the libsinsp of the oldest
supported Falco and on a newer one, and sysdig. CPU time is the process's own, user and
system, without that of a start with one event (sysdig crashes when its source ends before
the first). Replay costs less than reading from CloudWatch Logs, so the rules' share is
larger here; rules_cloudwatch.py has the promise.

sysdig needs a script around each filter, which Falco does not have: what as many scripts
cost that ask no field of the plugin is shown too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bare_host import sysdig
from demo import chisels, hosts, rule_host
from demo.audit_event import as_line
from demo.healthy import healthy
from demo.rule_files import load_rules
from demo.story import DEFAULT_SEED, attack
from replay import cpu_s

ROUNDS = 9
HALF_HOURS = 20
END_US = 1_795_000_000_000_000
NEVER = "ka.verb = no-such-verb"
# Asks nothing of the plugin.
NO_FIELD = "evt.num = 0"

ONE = "one rule that never fires"
ALL = "all rules that are on by default"
SCRIPTS = "as many scripts that ask no field"


@dataclass(frozen=True)
class Subject:
    """One host with one set of rules."""

    host: str
    what: str
    full: Sequence[str]  # the command that reads all events
    start: Sequence[str]  # the same with one event

    def cpu_s(self) -> float:
        """CPU seconds of the events alone."""
        return cpu_s(self.full) - cpu_s(self.start)


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


def subjects(folder: Path) -> Iterator[Subject]:
    """Every host with every set of rules; folder holds the events."""
    rules = [rule for rule in load_rules(hosts.RULES) if rule.enabled]
    sets = {ONE: [replace(rules[0], condition=NEVER)], ALL: rules}
    sources = [f"file://{folder / name}.jsonl" for name in ("events", "one_event")]
    for suite in (hosts.OLDEST, hosts.NEWEST):
        host = rule_host.build(suite)
        for what, chosen in sets.items():
            place = new_folder(folder)
            full, start = (
                host.command(hosts.LIBRARY, "", source, chosen, place) for source in sources
            )
            yield Subject(f"libsinsp {host.libsinsp}", what, full, start)
    sets[SCRIPTS] = [replace(rule, condition=NO_FIELD) for rule in rules]
    for what, chosen in sets.items():
        # The first script counts events, which is no rule.
        scripts = chisels.write_chisels(chosen, new_folder(folder))[1:]
        arguments = [part for script in scripts for part in ("-c", str(script))]
        full, start = (
            [*sysdig(hosts.LIBRARY, "k8saudit-eks", "", source), *arguments] for source in sources
        )
        yield Subject("sysdig", what, full, start)


def new_folder(parent: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    count = parser.parse_args().events
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = story()
        size_bytes = write_events(folder / "events.jsonl", lines, count)
        write_events(folder / "one_event.jsonl", lines, 1)
        try:
            measured = list(subjects(folder))
        except rule_host.NoRuleHostError as error:
            sys.exit(str(error))
        # In turns: what else the machine does hits all alike.
        rounds = [[subject.cpu_s() for subject in measured] for _ in range(ROUNDS)]
    print(f"{count} events of {size_bytes / count:.0f} bytes on average, medians of {ROUNDS}")
    times_s = [list(times) for times in zip(*rounds, strict=True)]
    one_s = {s.host: times for s, times in zip(measured, times_s, strict=True) if s.what == ONE}
    for subject, used_s in zip(measured, times_s, strict=True):
        us = median(used_s) / count * 1e6
        # Each against what was measured a moment before: a machine's speed comes and goes.
        pairs = zip(used_s, one_s[subject.host], strict=True)
        ratio = median(used / one for used, one in pairs)
        print(f"{subject.host:16} {subject.what:34} {us:6.2f} µs CPU an event {ratio:5.2f} x")


if __name__ == "__main__":
    main()
