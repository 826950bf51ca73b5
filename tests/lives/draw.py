"""One life, drawn from a seed: what is written, what goes wrong, when the process ends."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bad_moment import BadMoment, BadStream, Trouble
from fault_plan import Fault, Outage
from machine import Sleep
from traffic import STREAM_PREFIX, Lateness, Stream, Traffic

# By the machine's clock at its start; Clock's default.
START_S = 1_767_225_600.0
START_MS = round(START_S * 1000)


class Dates(Enum):
    """What the answers' Date headers say."""

    RIGHT = "AWS's time"
    ABSENT = "nothing"
    ABSENT_AT_OPEN = "nothing when a log group is opened"
    ONE_WRONG = "AWS's time, and once an hour more or less"
    ALTERNATING = "every second one an hour more or less"


class End(Enum):
    """How a process ends."""

    STOP = "a clean stop"
    KILL = "SIGKILL"
    KILL_IN_WRITE = "SIGKILL while the ledger is written"


@dataclass(frozen=True)
class Process:
    """One start of the host.

    Attributes:
        length_s: until its end.
        down_s: from then until the next start.
        ahead_s: the wall clock's error at its start.
        set_by_s: by how much the wall clock is set in the middle.
    """

    length_s: float
    end: End
    down_s: float
    ahead_s: float
    set_by_s: float


@dataclass(frozen=True)
class Draw:
    """Everything that a life depends on. Times are seconds since its start, but for
    those of bad moments and outages, which are AWS's in milliseconds."""

    seed: int
    traffic: Traffic
    length_s: float
    page_events: int
    config: Mapping[str, Any]
    parallel_calls: int
    call_s: float
    slow_share: float
    dates: Dates
    wrong_date_at: int
    wrong_date_by_s: int
    rates: Mapping[Fault, float]
    outages: Sequence[Outage]
    bad: Sequence[BadMoment | BadStream]
    stalls: Sequence[tuple[float, float]]
    evaluation_s: float
    sleeps: Sequence[Sleep]
    processes: Sequence[Process]


def drawn(seed: int) -> Draw:
    """The life of this seed."""
    chance = random.Random(seed)
    length_s = chance.choice((600.0, 1200.0, 1800.0, 3600.0))
    late_window_s = chance.choice((30, 120, 300, 300))
    rate = chance.choice((0.2, 1.0, 3.0, 8.0))
    if length_s == 3600.0:
        rate = min(rate, 3.0)
    dates = chance.choices(list(Dates), (6, 1, 1, 2, 1))[0]
    page_events = chance.choice((int(10 * rate) + 7, int(30 * rate) + 50, 500, 10_000))
    polling_interval_s = chance.choice((1, 5, 5, 5, 20))
    if polling_interval_s == 1:
        rate = min(rate, 3.0)
    return Draw(
        seed=seed,
        traffic=_traffic(chance, rate, length_s, late_window_s * 1000, page_events),
        length_s=length_s,
        page_events=page_events,
        config={
            "late_window": late_window_s,
            "polling_interval": polling_interval_s,
            "api_rate": chance.choice((5.0, 5.0, 10.0)),
            "max_catch_up": 6 * 3600,
            "shift": chance.choice((1, 1, 60)),
        },
        parallel_calls=chance.choice((1, 3, 5)),
        call_s=chance.choice((0.02, 0.1, 0.4)),
        slow_share=chance.choice((0.0, 0.0, 0.02)),
        dates=dates,
        wrong_date_at=chance.choice((0, 1, 2, chance.randint(3, 400))),
        wrong_date_by_s=chance.choice((60, 600, 3600)) * chance.choice((1, 1, -1)),
        rates=_rates(chance),
        outages=_outages(chance, length_s),
        bad=_bad(chance, length_s),
        stalls=_stalls(chance, length_s),
        evaluation_s=chance.choice((0.0, 0.1, 2.0)),
        sleeps=_sleeps(chance, length_s, dates),
        processes=_processes(chance, length_s, dates),
    )


def _traffic(
    chance: random.Random, rate: float, length_s: float, late_window_ms: int, page_events: int
) -> Traffic:
    number = chance.choice((1, 2, 3, 3, 5))
    streams = []
    for position in range(number):
        lateness = chance.choice(list(Lateness))
        lag_ms = min(chance.choice((0, 1_500, 8_000, 20_000, 60_000, 150_000)), late_window_ms)
        from_s = chance.choice((0.0, 0.0, chance.uniform(0, length_s / 2)))
        until_s = chance.choice((length_s, chance.uniform(from_s, length_s)))
        streams.append(Stream(f"{position}", rate / number, lateness, lag_ms, from_s, until_s))
    for position in range(chance.choice((0, 0, 2, 10))):
        # Short-lived: seconds of a stream that nobody has seen before.
        from_s = chance.uniform(0, length_s - 30)
        lag_ms = min(chance.choice((500, 12_000, 45_000)), late_window_ms)
        until_s = from_s + chance.uniform(1, 20)
        lateness = chance.choice((Lateness.CONSTANT, Lateness.ANY))
        streams.append(Stream(f"short-{position}", 2.0, lateness, lag_ms, from_s, until_s))
    sizes = (30, 300, 3_000) if chance.random() < 0.2 else (30, 200)
    bursts = tuple(
        # One millisecond can't be split: where tokens are refused its chain must be short.
        (chance.uniform(0, length_s), min(chance.choice(sizes), 8 * page_events))
        for _ in range(chance.choice((0, 0, 1, 3)))
    )
    return Traffic(
        tuple(streams),
        bursts,
        edges=chance.random() < 0.5,
        malformed=chance.choice((0, 0, 0, 1, 5)),
        late_window_ms=late_window_ms,
        seed=chance.randrange(1 << 30),
    )


def _rates(chance: random.Random) -> dict[Fault, float]:
    kind = chance.random()
    if kind < 0.3:
        return {}
    if kind < 0.6:
        return {Fault.EMPTY_PAGE: 0.1, Fault.THROTTLE: 0.02, Fault.SERVER_ERROR: 0.02}
    return {
        Fault.EMPTY_PAGE: chance.choice((0.0, 0.3)),
        Fault.THROTTLE: chance.choice((0.0, 0.2)),
        Fault.SERVER_ERROR: chance.choice((0.0, 0.1)),
        Fault.NO_ANSWER: chance.choice((0.0, 0.01)),
        Fault.RESET: chance.choice((0.0, 0.05)),
        Fault.TOKEN_EXPIRED: chance.choice((0.0, 0.1)),
        Fault.WRONG_SHAPE: chance.choice((0.0, 0.05)),
        Fault.CREDENTIALS_EXPIRED: chance.choice((0.0, 0.02)),
    }


def _outages(chance: random.Random, length_s: float) -> list[Outage]:
    """Times in which every call is refused."""
    outages = []
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        from_ms = START_MS + round(chance.uniform(0, length_s) * 1000)
        fault = chance.choice((Fault.SERVER_ERROR, Fault.ACCESS_DENIED, Fault.THROTTLE))
        length_ms = round(chance.choice((20, 300, 1500)) * 1000)
        outages.append(Outage(fault, from_ms, from_ms + length_ms))
    return outages


def _bad(chance: random.Random, length_s: float) -> list[BadMoment | BadStream]:
    bad: list[BadMoment | BadStream] = []
    for _ in range(chance.choice((0, 0, 1, 1, 3))):
        at_s = chance.uniform(0, length_s)
        # Bad before it is written, or only when it is settled.
        since_s = at_s + chance.choice((-60, 0, 20, 250))
        until_s = since_s + chance.choice((30, 300, 1200, 1 << 30))
        times_ms = [START_MS + round(s * 1000) for s in (at_s, since_s, until_s)]
        bad.append(BadMoment(*times_ms, chance.choice(list(Trouble))))
    if chance.random() < 0.1:
        bad.append(BadStream(f"{STREAM_PREFIX}0", START_MS, START_MS + 1_200_000))
    return bad


def _stalls(chance: random.Random, length_s: float) -> list[tuple[float, float]]:
    stalls = []
    for _ in range(chance.choice((0, 0, 1, 3))):
        from_s = chance.uniform(0, length_s)
        stalls.append((from_s, from_s + chance.choice((2, 40, 400))))
    return stalls


def _sleeps(chance: random.Random, length_s: float, dates: Dates) -> list[Sleep]:
    # Without AWS's time nobody can know of it.
    if dates in (Dates.ABSENT, Dates.ALTERNATING) or chance.random() < 0.8:
        return []
    return [Sleep(START_S + chance.uniform(0, length_s), chance.choice((7.0, 90.0, 1000.0)))]


def _processes(chance: random.Random, length_s: float, dates: Dates) -> list[Process]:
    """The last one goes on until everything has come."""
    processes: list[Process] = []
    left_s = length_s
    for number in range(chance.choice((1, 1, 2, 3, 6))):
        run_s = chance.choice((chance.uniform(0.5, 20), chance.uniform(20, left_s / 2)))
        down_s = chance.choice((0.0, 3.0, chance.uniform(0, 400)))
        processes.append(
            Process(
                run_s,
                chance.choice(list(End)),
                down_s,
                _ahead_s(chance, dates, first=number == 0),
                chance.choice((0.0, 0.0, -200.0, 200.0)),
            )
        )
        left_s = max(60.0, left_s - run_s - down_s)
    return processes


def _ahead_s(chance: random.Random, dates: Dates, *, first: bool) -> float:
    """A wrong clock needs somebody who tells the time, and at a first start in time."""
    if dates in (Dates.ABSENT, Dates.ALTERNATING):
        return chance.uniform(-3, 0 if first else 3)
    ahead_s = chance.choice((0.0, chance.uniform(-5, 5), chance.uniform(-1200, 1200)))
    if dates is Dates.RIGHT or not first:
        return ahead_s
    return min(ahead_s, 0.0)
