"""Lives a life: the real source with a real ledger, one process after the other."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

from bad_moment import BadMoment
from draw import START_MS, START_S, Dates, Draw, End, Process
from fakes import Clock, FakeClient, FakeHost, FakeParallelCalls
from fault_plan import Fault, FaultPlan
from going_wrong import go_wrong
from living_logs import LivingLogs
from living_queue import CAPACITY, LivingQueue
from machine import Ending, Killed, Machine
from traffic import STREAM_PREFIX

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import Ledger
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
from k8saudit_eks.delivery.seen import BUCKET_MS
from k8saudit_eks.sources.cloudwatch.source import PUSH_EVENTS, CloudWatchSource

# What is still refused at the end may keep so much around the bad moment back.
BAD_MS = 1_000
# How long the last process goes on when everything has come and late_window is over.
_REST_S = 200.0
# And when it ends whatever is missing.
_PATIENCE_S = 3600.0


@dataclass
class Outcome:
    """What came of a life.

    Attributes:
        lost: event ids that were visible in time and never evaluated.
        repeated: event ids evaluated twice that no kill excuses.
        events: how many had to come.
        served, calls: events on pages, and calls, of all processes.
        hours: by AWS's clock.
        ids_held: by the last source at its end.
        ids_due: how many it may have to hold: those of the last late_window and some slices.
        ledger_bytes: the largest that the ledger's file was at a process's end.
        ledger_bytes_due: what it may be.
    """

    lost: list[str]
    repeated: list[str]
    events: int
    served: int
    calls: int
    hours: float
    ids_held: int
    ids_due: int
    ledger_bytes: int
    ledger_bytes_due: int

    @property
    def faults(self) -> list[str]:
        """What does not hold, each as a sentence."""
        found = []
        if self.lost:
            found.append(f"{len(self.lost)} of {self.events} events lost, first {self.lost[0]}")
        if self.repeated:
            found.append(f"{len(self.repeated)} events repeated, first {self.repeated[0]}")
        if self.ids_held > self.ids_due:
            found.append(f"{self.ids_held} ids held at the end, at most {self.ids_due} are needed")
        if self.ledger_bytes > self.ledger_bytes_due:
            found.append(f"the ledger has {self.ledger_bytes} bytes")
        return found


class MortalLedger:
    """A ledger whose process may be killed before and after it is used."""

    def __init__(self, ledger: Ledger, look: Callable[[], None]) -> None:
        self._ledger = ledger
        self._look = look

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._ledger, name)
        if not callable(attribute):
            return attribute

        def used(*args: Any, **named: Any) -> Any:
            self._look()
            result = attribute(*args, **named)
            self._look()
            return result

        return used


class Life:
    """One draw, lived once."""

    def __init__(self, draw: Draw, folder: Path) -> None:
        # Full jitter, but the same each time.
        random.seed(draw.seed)
        self._draw = draw
        self._chance = random.Random(draw.seed)
        self._config = Config(**draw.config)
        self._clock = Clock(START_S)
        self._machine = Machine(self._clock, draw.sleeps)
        shift_ms = self._config.shift * 1000
        written = draw.traffic.events(START_MS, draw.length_s, shift_ms)
        malformed = draw.traffic.malformed_ids(written)
        self._first_ms = START_MS - shift_ms
        self._logs = LivingLogs(written, draw.page_events)
        self._logs.without = malformed
        self._due = [
            event
            for event in written
            if event.event_id not in malformed
            and event.visible_ms - event.timestamp_ms <= self._config.late_window * 1000
            and event.timestamp_ms >= self._first_ms
        ]
        self._times_ms = {event.event_id: event.timestamp_ms for event in self._due}
        self._missing = set(self._times_ms)
        self._evaluated: Counter[str] = Counter()
        self._may_repeat: set[str] = set()
        self._plan = FaultPlan(draw.seed, draw.rates, draw.outages, calm_calls=0)
        self._host = FakeHost()
        self._dates = 0
        self._folder = folder
        self._ledgers = 0
        self._ledger_bytes = 0
        self._ids_held = 0

    def live(self) -> Outcome:
        """Every process of the draw, and one more that ends when everything has come."""
        for process in self._draw.processes:
            self._run(process, process.length_s, lambda: True)
            self._clock.now_s += process.down_s
        visible_s = max([self._draw.length_s, *(e.visible_ms / 1000 - START_S for e in self._due)])
        length_s = START_S + visible_s - self._clock.now_s
        rest_s = self._config.late_window + _REST_S
        until_s = self._clock.now_s + max(length_s, 0.0) + rest_s + _PATIENCE_S
        last = Process(0, End.STOP, 0.0, self._draw.processes[-1].ahead_s, 0.0)
        queues: list[LivingQueue] = []
        missing = self._missing - self._evaluated.keys()
        looked_at = 0
        complete_s: float | None = None

        def may_end() -> bool:
            """Everything has come a while ago: it would have been settled, and come twice."""
            nonlocal looked_at, complete_s
            now_s, queue = self._clock.now_s, queues[0]
            missing.difference_update(queue.event_ids[looked_at:])
            looked_at = len(queue.event_ids)
            if now_s > until_s:
                return True
            if complete_s is None and all(map(self._is_excused, missing)):
                complete_s = now_s
            is_rested = complete_s is not None and now_s - complete_s > rest_s
            return is_rested and queue.delivered() == looked_at

        self._run(last, max(length_s, 1.0), may_end, queues)
        return self._outcome()

    def _run(
        self,
        process: Process,
        length_s: float,
        may_end: Callable[[], bool],
        queues: list[LivingQueue] | None = None,
    ) -> None:
        clock, machine, draw = self._clock, self._machine, self._draw
        machine.booted_s = clock.now_s - 1_000
        machine.skews = [
            (0.0, process.ahead_s),
            (clock.now_s + length_s / 2, process.ahead_s + process.set_by_s),
        ]
        ending = Ending(
            machine, clock.now_s + length_s, kill=process.end is not End.STOP, may_end=may_end
        )
        ledger = open_ledger(self._path, self._host.log)
        given: Any = ledger
        if process.end is End.KILL_IN_WRITE:
            given = MortalLedger(ledger, ending.look)
        stalls = [(START_S + from_s, START_S + until_s) for from_s, until_s in draw.stalls]
        queue = LivingQueue(machine, ending, stalls, draw.evaluation_s)
        if queues is not None:
            queues.append(queue)
        group = LogGroup(
            LivingClient(self, ending),
            reader=self._host.reader,
            name=self._logs.name,
            stream_prefix=STREAM_PREFIX,
            server_times_ms=self._dates_at_open_ms(),
            monotonic_s=machine.monotonic_s,
        )
        try:
            source = CloudWatchSource(
                self._config,
                "prod",
                group,
                given,
                self._host,
                parallel_calls=FakeParallelCalls(clock, draw.parallel_calls),
                wall_s=machine.wall_s,
                monotonic_s=machine.monotonic_s,
            )
            source.run(queue, ending)
        except Killed:
            self._evaluated.update(queue.evaluate_some(self._chance))
            # Only what was on its way, or in the push before.
            on_its_way = 2 * CAPACITY + PUSH_EVENTS
            self._may_repeat.update(queue.event_ids[-on_its_way:])
            self._die(ledger)
            return
        self._evaluated.update(queue.evaluate_some(self._chance))
        self._ids_held = source.ids_held
        source.close()
        self._measure()

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._ledgers}.ledger"

    def _die(self, ledger: Ledger) -> None:
        """What the kernel leaves: the file as it is, without what close() would write."""
        left = self._path
        self._ledgers += 1
        for suffix in ("", "-wal"):
            part = left.with_name(left.name + suffix)
            if part.exists():
                shutil.copyfile(part, self._path.with_name(self._path.name + suffix))
        self._path.chmod(0o600)
        self._measure()
        ledger.close()
        left.unlink()

    def _measure(self) -> None:
        size_bytes = self._path.stat().st_size if self._path.exists() else 0
        self._ledger_bytes = max(self._ledger_bytes, size_bytes)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One call's answer, with its Date. Raises what botocore does."""
        draw, clock = self._draw, self._clock
        for bad in draw.bad:
            instead = bad.answer(request, self._logs, clock.now_ms)
            if instead is not None:
                return self._dated(instead)
        fault = self._plan.fault(request, clock.now_ms)
        instead = go_wrong(fault, request, self._logs, clock, self._plan.chance)
        if instead is not None and fault is not Fault.EMPTY_PAGE:
            # No answer of AWS's: it does not count where every second Date is wrong.
            return instead
        answer = self._logs.filter_log_events(request, clock.now_ms) if instead is None else instead
        answer = self._dated(answer)
        if self._chance.random() < draw.slow_share:
            # The Date is as old as the first byte.
            self._machine.wait(self._chance.uniform(1, 15))
        return answer

    @property
    def call_s(self) -> float:
        """How long a call takes."""
        return self._draw.call_s

    def pass_time(self, seconds: float) -> None:
        """Whatever takes so long while the machine is awake."""
        self._machine.wait(seconds)

    def _dates_at_open_ms(self) -> list[int]:
        """Opening asks twice: for a page, and whose log group it is."""
        if self._draw.dates in (Dates.ABSENT, Dates.ABSENT_AT_OPEN):
            return []
        return [self._date_ms(), self._date_ms()]

    def _date_ms(self) -> int:
        draw, number = self._draw, self._dates
        self._dates += 1
        wrong = (draw.dates is Dates.ONE_WRONG and number == draw.wrong_date_at) or (
            draw.dates is Dates.ALTERNATING and number % 2 == 1
        )
        date_s = int(self._clock.now_s) + (draw.wrong_date_by_s if wrong else 0)
        return date_s * 1000

    def _dated(self, answer: dict[str, Any]) -> dict[str, Any]:
        if self._draw.dates is Dates.ABSENT:
            return answer
        date = formatdate(self._date_ms() // 1000, usegmt=True)
        return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    def _is_excused(self, event_id: str) -> bool:
        """Whether it is missing because AWS still refuses its moment."""
        at_ms, now_ms = self._times_ms[event_id], self._clock.now_ms
        return any(
            isinstance(bad, BadMoment)
            and bad.until_ms > now_ms
            and abs(at_ms - bad.at_ms) <= BAD_MS
            for bad in self._draw.bad
        )

    def _outcome(self) -> Outcome:
        repeated = [
            event_id
            for event_id, times in self._evaluated.items()
            if times > 1 and event_id not in self._may_repeat
        ]
        kept_ms = self._config.late_window * 1000 + 150_000
        bad_ms = [bad.at_ms for bad in self._draw.bad if isinstance(bad, BadMoment)]
        due = sum(
            # Around what can't be read, ids are kept, too.
            event.timestamp_ms >= self._clock.now_ms - kept_ms
            or any(abs(event.timestamp_ms - at_ms) <= 2 * BUCKET_MS for at_ms in bad_ms)
            for event in self._logs.events
        )
        missing = self._missing - self._evaluated.keys()
        return Outcome(
            lost=sorted(i for i in missing if not self._is_excused(i)),
            repeated=sorted(repeated),
            events=len(self._due),
            served=self._logs.served,
            calls=self._logs.calls,
            hours=(self._clock.now_s - START_S) / 3600,
            ids_held=self._ids_held,
            ids_due=due + 50,
            ledger_bytes=self._ledger_bytes,
            ledger_bytes_due=200_000 + 60 * len(self._due),
        )


class LivingClient(FakeClient):
    """boto3's client of one process."""

    def __init__(self, life: Life, ending: Ending) -> None:
        self._life = life
        self._ending = ending

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self._ending.look()
        self._life.pass_time(self._life.call_s)
        try:
            return self.read(self._life.answer(request))
        finally:
            self._ending.look()
