"""Random histories of a log group, its reader and its host: the promise holds after each step.

The machine drives the window, the acknowledger and a ledger as the CloudWatch source
does, against a simulated log group. Events become visible late, in any order and in
the same millisecond; calls fail, tokens and moments are refused, chains of pages have no
end, streams are lost, the clock was wrong; the host evaluates when it likes; the process
is stopped, killed and started again.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from readers import log_events
from simulated_logs import RefusedRequest, SimulatedLogs

from k8saudit_eks.delivery.acknowledge import Acknowledger
from k8saudit_eks.delivery.ledger.protocol import Gap, Mark, Remembered
from k8saudit_eks.delivery.polling.read import Read
from k8saudit_eks.delivery.polling.settling import SLICE_MS
from k8saudit_eks.delivery.polling.window import Window
from k8saudit_eks.delivery.seen import BUCKET_MS, Key, SeenIds

START_MS = 1_767_225_600_000
LATE_WINDOW_MS = 60_000
POLLING_INTERVAL_MS = 5_000
PAGE_EVENTS = 7
LANES = 3
STREAMS = ["kube-apiserver-audit-a", "kube-apiserver-audit-b", "kube-apiserver-audit-c"]


class MemoryLedger:
    """What a ledger file would hold; outlives the process."""

    outlives_process = True

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.keys: set[Key] = set()

    def load(self) -> Remembered:
        if self.mark is None:
            return Remembered(None, list(self.keys))
        return Remembered(self.mark.settled_ms, list(self.keys), self.mark.gaps)

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        self.keys.update(keys)
        if mark is not None:
            self.mark = mark
            first = mark.settled_ms // BUCKET_MS
            self.keys = {
                (bucket, digest)
                for bucket, digest in self.keys
                if bucket >= first or _touches(bucket, mark.gaps)
            }

    def close(self) -> None:
        pass


def _touches(bucket: int, gaps: Sequence[Gap]) -> bool:
    return any(gap.start_ms // BUCKET_MS <= bucket <= gap.end_ms // BUCKET_MS for gap in gaps)


class Promise(RuleBasedStateMachine):
    """One log group through several processes."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = START_MS
        self.logs = SimulatedLogs(page_events=PAGE_EVENTS)
        self.ledger = MemoryLedger()
        self.timestamps_ms: dict[str, int] = {}
        self.evaluated: Counter[str] = Counter()
        self.may_repeat: set[str] = set()
        # What AWS refuses, or answers with empty pages without end, until it heals.
        self.bad_ms: dict[int, bool] = {}
        self.outage = False

    @initialize()
    def start(self) -> None:
        """A process starts: with what the ledger says, and nothing else."""
        remembered = self.ledger.load()
        seen = SeenIds()
        seen.load(remembered.keys)
        settled_ms = START_MS if remembered.settled_ms is None else remembered.settled_ms
        self.window = Window(
            settled_ms=settled_ms,
            seen=seen,
            now_ms=self.now_ms,
            late_window_ms=LATE_WINDOW_MS,
            polling_interval_ms=POLLING_INTERVAL_MS,
            give_up_after_ms=sys.maxsize // 2,
            gaps=remembered.gaps,
        )
        self.acknowledger = Acknowledger(self.ledger)
        self.acknowledger.settle(Mark(settled_ms, remembered.gaps))
        self.acknowledger.commit(0)
        self.pushed: list[str] = []
        self.delivered = 0

    @rule(
        events=st.integers(1, 12),
        age_ms=st.integers(0, 20_000),
        step_ms=st.sampled_from([0, 0, 1, 700]),
        delay_ms=st.one_of(st.integers(0, 3_000), st.integers(0, LATE_WINDOW_MS)),
        stream=st.sampled_from(STREAMS),
    )
    def write_events(
        self, events: int, age_ms: int, step_ms: int, delay_ms: int, stream: str
    ) -> None:
        """Events of the recent past, visible now or within late_window of their time."""
        for number in range(events):
            timestamp_ms = max(START_MS, self.now_ms - age_ms + number * step_ms)
            # Never visible in the past: a reader may have been there.
            latest_ms = timestamp_ms + LATE_WINDOW_MS
            visible_ms = min(max(self.now_ms + 1, timestamp_ms + delay_ms), latest_ms)
            event = self.logs.add(timestamp_ms, "", stream=stream, visible_ms=visible_ms)
            self.timestamps_ms[event.event_id] = timestamp_ms

    @rule(
        side_ms=st.sampled_from([-1, 0, 1]),
        delay_ms=st.integers(0, LATE_WINDOW_MS),
        stream=st.sampled_from(STREAMS),
    )
    def write_at_a_slices_edge(self, side_ms: int, delay_ms: int, stream: str) -> None:
        """Where one settling slice ends and the next begins."""
        timestamp_ms = self.window.settled_ms + SLICE_MS + side_ms
        visible_ms = timestamp_ms + delay_ms
        if visible_ms > self.now_ms:
            event = self.logs.add(timestamp_ms, "", stream=stream, visible_ms=visible_ms)
            self.timestamps_ms[event.event_id] = timestamp_ms

    @rule(events=st.integers(0, 3))
    def settle_while_the_host_lags(self, events: int) -> None:
        """Much is read for the last time while the host has evaluated hardly anything."""
        self.now_ms += LATE_WINDOW_MS + 2 * SLICE_MS
        for _ in range(15):
            self._step()
        self.host_evaluates(events)

    @rule(passed_ms=st.one_of(st.integers(1, 3_000), st.integers(1, 200_000)))
    def let_time_pass(self, passed_ms: int) -> None:
        self.now_ms += passed_ms

    @rule(ahead_ms=st.integers(1, 5_000))
    def clock_was_ahead(self, ahead_ms: int) -> None:
        """Reads were asked for by a clock that turns out to have been ahead."""
        reads = self.window.next_reads(self.now_ms + ahead_ms, LANES)
        self.window.clock_was_ahead()
        if isinstance(reads, list):
            for read in reads:
                self._ask(read)

    @rule(is_sure=st.booleans(), has_spare=st.booleans())
    def poll_in_doubt(self, is_sure: bool, has_spare: bool) -> None:
        """The clock is in doubt, or other clusters use the budget."""
        for _ in range(4):
            self._step(is_sure=is_sure, has_spare=has_spare)

    @rule(rounds=st.lists(st.sampled_from([0, 0, 0, 1, 2, 5]), min_size=1, max_size=12))
    def poll(self, rounds: list[int]) -> None:
        """Rounds of calls; of several made side by side, some may fail."""
        for failing in rounds:
            self._step(failing=failing)

    @rule(rounds=st.integers(1, 30), passed_ms=st.sampled_from([0, 1_000, 8_000]))
    def poll_for_a_while(self, rounds: int, passed_ms: int) -> None:
        """What waits for another attempt gets it."""
        for _ in range(rounds):
            self._step()
            self.now_ms += passed_ms

    @rule(age_ms=st.integers(0, 90_000), is_endless=st.booleans())
    def moment_goes_bad(self, age_ms: int, is_endless: bool) -> None:
        """AWS refuses every read of one millisecond, or its pages have no end."""
        at_ms = max(START_MS, self.now_ms - age_ms)
        # A moment at which something was written, if there is one.
        at_ms = min(self.timestamps_ms.values(), key=lambda ms: abs(ms - at_ms), default=at_ms)
        self.bad_ms[at_ms] = is_endless

    @rule()
    def moments_heal(self) -> None:
        self.bad_ms.clear()

    @rule(ends=st.booleans())
    def outage_begins_or_ends(self, ends: bool) -> None:
        """AWS refuses everything."""
        self.outage = not ends

    @rule(token_refused=st.booleans())
    def call_fails(self, token_refused: bool) -> None:
        """A refused token, or an error instead of a page."""
        reads = self.window.next_reads(self.now_ms, LANES)
        if isinstance(reads, list) and token_refused:
            self.window.token_is_refused(reads[0], self.now_ms)
        elif isinstance(reads, list):
            self.window.refused(reads[0], self.now_ms)
        self._remember()

    @rule(stream=st.sampled_from(STREAMS))
    def stream_is_deleted_by_name(self, stream: str) -> None:
        """A stream can't be asked for by its name any more; its events are still there."""
        self.logs.streams.discard(stream)

    @rule(events=st.integers(1, 40))
    def host_evaluates(self, events: int) -> None:
        """The host has evaluated some more, and has come back."""
        last = min(len(self.pushed), self.delivered + events)
        self.evaluated.update(self.pushed[self.delivered : last])
        self.delivered = last
        self.acknowledger.commit(self.delivered)

    @precondition(lambda self: self.pushed)
    @rule(events=st.integers(0, 20))
    def kill(self, events: int) -> None:
        """SIGKILL: the host may have evaluated events that nobody has written down."""
        last = min(len(self.pushed), self.delivered + events)
        unwritten = self.pushed[self.delivered : last]
        self.evaluated.update(unwritten)
        self.may_repeat.update(unwritten)
        self.start()

    @rule()
    def stop_cleanly(self) -> None:
        self.acknowledger.close(self.delivered)
        self.start()

    @invariant()
    def nothing_twice(self) -> None:
        """But for what a kill may repeat."""
        repeated = {event_id for event_id, times in self.evaluated.items() if times > 1}
        assert repeated <= self.may_repeat

    @invariant()
    def the_mark_hides_nothing(self) -> None:
        """Everything before the ledger's settled mark has been evaluated, but for its gaps."""
        mark = self.ledger.mark or Mark(START_MS)
        hidden = {
            event_id
            for event_id, timestamp_ms in self.timestamps_ms.items()
            if timestamp_ms < mark.settled_ms
            and not self.evaluated[event_id]
            and not any(gap.start_ms <= timestamp_ms <= gap.end_ms for gap in mark.gaps)
        }
        assert hidden == set()

    def teardown(self) -> None:
        """Nothing lost: left alone, the reader finds everything in the end."""
        if not hasattr(self, "window"):
            return
        self.bad_ms.clear()
        self.outage = False
        end_ms = self.now_ms + 3 * LATE_WINDOW_MS
        while self.window.settled_ms <= end_ms or self.window.gaps:
            step = self._step()
            self.host_evaluates(len(self.pushed))
            self.now_ms += step
        assert set(self.timestamps_ms) <= set(self.evaluated)
        self.nothing_twice()

    def _step(self, failing: int = 0, *, is_sure: bool = True, has_spare: bool = True) -> int:
        """One round of calls, as the source makes them; how long it took, in milliseconds.

        failing: bits of the calls that bring no page.
        """
        reads = self.window.next_reads(
            self.now_ms, LANES, has_spare=has_spare, is_clock_sure=is_sure
        )
        if isinstance(reads, int):
            return reads
        for position, read in enumerate(reads):
            if failing >> position & 1:
                self.window.refused(read, self.now_ms)
                self._remember()
            else:
                self._ask(read)
        return 10

    def _ask(self, read: Read) -> None:
        """Make the call and take the answer."""
        request = {"logGroupName": self.logs.name, "startTime": read.start_ms}
        if read.end_ms is not None:
            request["endTime"] = read.end_ms
        if read.streams:
            request["logStreamNames"] = list(read.streams)
        if read.token is not None:
            request["nextToken"] = read.token
        end_ms = sys.maxsize if read.end_ms is None else read.end_ms
        bad = [bad for at_ms, bad in self.bad_ms.items() if read.start_ms <= at_ms <= end_ms]
        if self.outage or False in bad:
            self.window.refused(read, self.now_ms)
        elif bad:
            self._take(read, {"events": [], "nextToken": f"endless-{read.pages}"})
        else:
            try:
                self._take(read, self.logs.filter_log_events(request, self.now_ms))
            except RefusedRequest as refused:
                if refused.code == "ResourceNotFoundException":
                    self.window.stream_is_gone(read)
                else:
                    self.window.token_is_refused(read, self.now_ms)
        self._remember()

    def _take(self, read: Read, answer: dict[str, Any]) -> None:
        events = log_events(answer["events"])
        page = self.window.page(read, events, answer.get("nextToken"), self.now_ms)
        self.acknowledger.about_to_push(page.keys, [1] * len(page.keys))
        self.pushed += [events.event_id(place) for place in page.fresh]

    def _remember(self) -> None:
        mark = self.window.take_mark()
        if mark is not None:
            self.acknowledger.settle(mark)


TestPromise = Promise.TestCase
TestPromise.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
