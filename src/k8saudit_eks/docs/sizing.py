"""The tables of docs/sizing.md, computed from the code's constants and measured figures.

The measured figures are those of docs/delivery.md and docs/benchmarks.md; a test compares.
"""

from __future__ import annotations

import sys
from math import ceil
from typing import Final

from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.polling.budget import _SPARE_SHARE
from k8saudit_eks.delivery.polling.settling import SLICE_MS
from k8saudit_eks.docs.page import DocsPage

# docs/delivery.md, "Numbers". The limits and not what was measured once, where both stand there.
EVENT_BYTES: Final = 2_000
PAGE_EVENTS: Final = 500
QUIET_CALLS_MAX: Final = 1.1  # of the pages of a poll and of a slice
BUSY_CALLS_PER_PAGE_MAX: Final = 2.3
CATCH_UP_MAX: Final = 1.1
IDS_MB: Final = 29.92  # of 330 s at 1,000 events/s
LEDGER_BYTES_PER_ID: Final = 15
LEDGER_CPU_PERCENT: Final = 0.166  # of a core, at 1,000 events/s
# How often an event is served, by events/s, polled every 5 s.
SERVED: Final = {20: 4.71, 50: 3.853, 1000: 2.058}
# docs/benchmarks.md.
PLUGIN_MB: Final = 37
EVENT_CPU_US: Final = 36  # calls, answers, the poller and the rules
IDLE_CPU_PERCENT: Final = 0.1  # of a core

# FilterLogEvents, calls a second of an account in a region; which of them depends on the region.
QUOTAS: Final = (5, 10, 25)
_QUIET_EVENTS_PER_S: Final = 10
_CLUSTERS: Final = (
    (1, 5), (5, 5), (10, 5), (20, 5), (20, 15), (50, 5), (50, 15), (50, 60), (100, 15),
    (100, 60), (200, 60),
)  # fmt: skip
_INTERVALS_S: Final = (1, 5, 15, 60)
_RATES: Final = (0.5, 1, 5, 10)
_DOWNTIME_S: Final = 3600
_DAY_S: Final = 86_400


def calls_per_s(events_per_s: float, polling_interval_s: float) -> float:
    """What one cluster's newest events and settling take at most, in steady state."""
    slice_s = SLICE_MS / 1000
    polls = ceil(events_per_s * polling_interval_s / PAGE_EVENTS) / polling_interval_s
    slices = ceil(events_per_s * slice_s / PAGE_EVENTS) / slice_s
    busy = BUSY_CALLS_PER_PAGE_MAX * events_per_s / PAGE_EVENTS
    return max(QUIET_CALLS_MAX * (polls + slices), busy)


def clusters_table() -> str:
    """How many quiet clusters fit into which quota."""
    default = Config().api_rate
    quotas = " | ".join(f"quota {quota}/s" for quota in QUOTAS)
    lines = [
        f"| clusters | `polling_interval` | calls per second, all together | {quotas} |",
        f"|---|---|---|{'---|' * len(QUOTAS)}",
    ]
    for clusters, interval_s in _CLUSTERS:
        calls = clusters * calls_per_s(_QUIET_EVENTS_PER_S, interval_s)
        cells = [_fit(calls, quota, min(default, quota / clusters)) for quota in QUOTAS]
        lines.append(f"| {clusters} | {interval_s} s | {_short(calls)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _fit(calls: float, quota: float, api_rate: float) -> str:
    if calls > quota:
        return "no"
    return f"{'yes' if calls <= _SPARE_SHARE * quota else 'tight'}, `api_rate: {api_rate:g}`"


def calls_table() -> str:
    """The calls that one cluster takes, by its events and polling_interval."""
    lines = [
        f"| events per second | {' | '.join(f'poll every {s} s' for s in _INTERVALS_S)} |",
        f"|---|{'---|' * len(_INTERVALS_S)}",
    ]
    for rate in (_QUIET_EVENTS_PER_S, *SERVED):
        cells = [_short(calls_per_s(rate, interval_s)) for interval_s in _INTERVALS_S]
        lines.append(f"| {rate:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def catch_up_table() -> str:
    """How long an hour's downtime takes to catch up, by api_rate."""
    lines = [
        f"| events per second | {' | '.join(f'`api_rate: {rate:g}`' for rate in _RATES)} |",
        f"|---|{'---|' * len(_RATES)}",
    ]
    for events in SERVED:
        cells = [_catch_up(events, rate) for rate in _RATES]
        lines.append(f"| {events:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _catch_up(events_per_s: float, api_rate: float) -> str:
    """Beside the catching up, new events are read as ever."""
    spare = api_rate - calls_per_s(events_per_s, Config().polling_interval)
    if spare <= 0:
        return "never"
    minutes = CATCH_UP_MAX * events_per_s * _DOWNTIME_S / PAGE_EVENTS / spare / 60
    return f"{ceil(minutes)} min" if minutes < 120 else f"{ceil(minutes / 60)} h"


def machine_table() -> str:
    """What one Falco with this plugin takes of its machine."""
    lines = [
        "| events per second | memory beside Falco's own | `state_dir` | CPU, rules included | "
        "answers from AWS |",
        "|---|---|---|---|---|",
    ]
    kept_s = Config().late_window + SLICE_MS / 1000
    for rate, served in SERVED.items():
        memory_mb = PLUGIN_MB + IDS_MB * rate * kept_s / (1000 * 330)
        disk_mb = LEDGER_BYTES_PER_ID * rate * kept_s / 1e6
        cpu = IDLE_CPU_PERCENT + rate * (EVENT_CPU_US / 1e4 + LEDGER_CPU_PERCENT / 1000)
        traffic_gb = rate * EVENT_BYTES * served * _DAY_S / 1e9
        lines.append(
            f"| {rate:,} | {memory_mb:.0f} MB | {_short(disk_mb)} MB | {_short(cpu)} % of a core | "
            f"{traffic_gb:.0f} GB a day ({_short(served)} times the log) |"
        )
    api_rate = Config().api_rate
    busy = api_rate * PAGE_EVENTS * EVENT_CPU_US / 1e4
    lines += [
        "",
        f"While it catches up, it uses {_short(busy)} % of a core with the default `api_rate` of "
        f"{api_rate:g}, and more with a higher one.",
    ]
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


PAGE = DocsPage(
    "python -m k8saudit_eks.docs.sizing",
    {
        "clusters": clusters_table,
        "calls": calls_table,
        "catch-up": catch_up_table,
        "machine": machine_table,
    },
)

if __name__ == "__main__":
    sys.exit(PAGE.main())
