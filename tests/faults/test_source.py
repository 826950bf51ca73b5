"""The CloudWatch source against a simulated log group, without network or waiting."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import json
import logging
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import (
    Clock,
    FakeClient,
    FakeHost,
    FakeParallelCalls,
    FakeQueue,
    Stop,
    audit_line,
    client_error,
)
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import Mark, NoLedger, Remembered
from k8saudit_eks.delivery.ledger.sqlite import SqliteLedger, open_ledger
from k8saudit_eks.delivery.seen import Key
from k8saudit_eks.log_events import Frames
from k8saudit_eks.metrics import Metric
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource, open_ledger_of

pytestmark = pytest.mark.both_ways

STREAM_B = "kube-apiserver-audit-b"


class Bench:
    """Everything a source needs, over one simulated log group."""

    def __init__(self, **config: Any) -> None:
        self.clock = Clock()
        self.logs = SimulatedLogs()
        self.client = FakeClient(self.logs, self.clock)
        self.host = FakeHost()
        self.queue = FakeQueue()
        self.ledger: Any = NoLedger()
        self.config = Config(**config)
        self.start_ms = self.clock.now_ms
        self.aws_clock_ms: int | None = None
        self.parallel_calls = 1

    def source(self) -> CloudWatchSource:
        group = LogGroup(
            self.client,
            reader=self.host.reader,
            name=self.logs.name,
            stream_prefix=self.config.log_stream_prefix,
            region="eu-west-1",
            account="123456789012",
            server_times_ms=[self.aws_clock_ms] * 2 if self.aws_clock_ms else [],
        )
        return CloudWatchSource(
            self.config,
            "prod",
            group,
            self.ledger,
            self.host,
            parallel_calls=FakeParallelCalls(self.clock, self.parallel_calls),
            wall_s=self.clock,
            monotonic_s=self.clock,
        )

    def dated(self, request: dict[str, Any], behind_ms: int = 0) -> dict[str, Any]:
        """An answer of an AWS whose clock is so much behind this machine's, with its Date."""
        now_ms = self.clock.now_ms - behind_ms
        answer = self.logs.filter_log_events(request, now_ms)
        return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": time_header(now_ms)}}}

    def run(self, seconds: float) -> CloudWatchSource:
        source = self.source()
        source.run(self.queue, Stop(self.clock, self.clock.now_s + seconds))
        return source


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_event_once_through_equal_milliseconds_and_pages(bench: Bench) -> None:
    """Pages that end inside a millisecond, polls that start in one: nothing lost or repeated."""
    bench.logs.page_events = 7
    expected = []
    for number in range(500):
        bench.logs.add(bench.start_ms + number // 10 * 100, audit_line(str(number)))
        expected.append(str(number))
    bench.run(60)
    assert sorted(bench.queue.audit_ids, key=int) == expected


def test_late_events_are_found_by_overlap_or_settling(bench: Bench) -> None:
    """Visibility delays up to late_window: everything arrives, once."""
    chance = random.Random(1)
    expected = set()
    for number in range(2000):
        at_ms = bench.start_ms + number * 50
        delay_ms = chance.randrange(290_000) if number % 20 == 0 else chance.randrange(5000)
        bench.logs.add(at_ms, audit_line(str(number)), visible_ms=at_ms + delay_ms)
        expected.add(str(number))
    bench.run(900)
    ids = bench.queue.audit_ids
    assert len(ids) == len(expected)
    assert set(ids) == expected
    assert bench.host.counts[Metric.EVENTS_LATE] > 0
    assert bench.host.counts[Metric.DUPLICATES_SUPPRESSED] > 0
    # Settled up to late_window, what the clock may be ahead, and less than a slice more ago.
    assert bench.clock.now_s - bench.host.since_s[Metric.LAG_MILLISECONDS] < 340


def test_a_typical_event_comes_with_the_first_poll_after_it_is_visible(bench: Bench) -> None:
    """Once the delays are known, an event that is as late as others needs one poll."""
    for number in range(200):
        at_ms = bench.start_ms + number * 1000
        bench.logs.add(at_ms, audit_line(str(number)), visible_ms=at_ms + 8000)
    pushed_at: dict[str, float] = {}
    push = bench.queue.push

    def note(frames: Frames) -> int:
        last = push(frames)
        for audit_id in bench.queue.audit_ids[-sum(frames.events_of) :]:
            pushed_at[audit_id] = bench.clock.now_ms
        return last

    bench.queue.push = note  # type: ignore[method-assign]
    bench.run(300)
    waits_ms = [pushed_at[str(n)] - (bench.start_ms + n * 1000 + 8000) for n in range(200)]
    assert max(waits_ms) <= 5_500


@pytest.mark.parametrize(("ahead_s", "events"), [(3600, 1), (40, 50)])
def test_events_of_the_future_do_not_delay_others(bench: Bench, ahead_s: int, events: int) -> None:
    """One stream's clock is ahead: the head still finds what other streams write now."""
    for number in range(events):
        at_ms = bench.start_ms + 30_000 + number * 5_000
        ahead_ms = at_ms + ahead_s * 1000
        bench.logs.add(ahead_ms, audit_line(f"b{number}"), stream=STREAM_B, visible_ms=at_ms)
    for number in range(300):
        at_ms = bench.start_ms + number * 1000
        bench.logs.add(at_ms, audit_line(f"a{number}"), visible_ms=at_ms + 2000)
    bench.run(900)
    assert len(bench.queue.audit_ids) == len(set(bench.queue.audit_ids)) == 300 + events
    assert bench.host.counts[Metric.EVENTS_LATE] == 0


def test_an_event_of_the_future_does_not_delay_its_stream() -> None:
    """Where each stream has a head of its own, that head waits for the future, too."""
    bench = Bench(api_rate=25)
    bench.logs.page_events = 20
    at_ms = bench.start_ms + 100_000
    bench.logs.add(at_ms + 3_600_000, audit_line("b"), stream=STREAM_B, visible_ms=at_ms)
    for number in range(6000):
        at_ms = bench.start_ms + number * 50
        bench.logs.add(at_ms, audit_line(f"b{number}"), stream=STREAM_B, visible_ms=at_ms + 2000)
    bench.run(900)
    assert any("logStreamNames" in request for request in bench.logs.requests)
    assert len(bench.queue.audit_ids) == len(set(bench.queue.audit_ids)) == 6001
    assert bench.host.counts[Metric.EVENTS_LATE] == 0


def test_empty_pages_do_not_end_the_chain(bench: Bench) -> None:
    """Only a missing token does."""
    bench.logs.add(bench.start_ms, audit_line("1"))
    requests = []

    def before(request: dict[str, Any]) -> dict[str, Any] | None:
        requests.append(request)
        if "nextToken" in request:
            assert request.pop("nextToken") in {"a", "b"}
            return {"events": [], "nextToken": "b"} if len(requests) == 2 else None
        return {"events": [], "nextToken": "a"}

    bench.client.before = before
    bench.run(3)
    assert bench.queue.audit_ids == ["1"]
    assert len(requests) == 3


def test_other_streams_are_passed_over(bench: Bench) -> None:
    """Servers that ignore logStreamNamePrefix don't make other logs audit events."""
    bench.logs.add(bench.start_ms, audit_line("1"))
    bench.logs.add(bench.start_ms, "I1123 started", stream="kube-apiserver-a")

    def before(request: dict[str, Any]) -> None:
        request.pop("logStreamNamePrefix")

    bench.client.before = before
    bench.run(3)
    assert bench.queue.audit_ids == ["1"]
    assert bench.host.counts[Metric.EVENTS_INVALID] == 0


def test_the_first_start_reads_from_now_minus_shift() -> None:
    """In seconds, and not before."""
    bench = Bench(shift=1800)
    bench.logs.add(bench.start_ms - 1_801_000, audit_line("old"))
    bench.logs.add(bench.start_ms - 1_799_000, audit_line("new"))
    bench.run(30)
    assert bench.queue.audit_ids == ["new"]
    # Ever longer slices: half an hour without events costs a handful of calls.
    assert len(bench.logs.requests) < 20


def test_what_is_no_audit_event_is_counted_and_logged_once_a_minute(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The next event is delivered; the log names the id and never the contents.

    Events that say so are delivered, too, the first at once; none holds the contents.
    """
    for number in range(100):
        bench.logs.add(bench.start_ms + number * 1000, f"secret {number}")
    bench.logs.add(bench.start_ms + 100_000, audit_line("1"))
    bench.run(120)
    *unreadable, last = bench.queue.audit_ids
    assert last == "1"
    assert unreadable[0] == f"unreadable-{bench.logs.events[0].event_id}"
    assert len(unreadable) <= 100
    assert not any(b"secret" in payload for payload in bench.queue.payloads)
    assert bench.host.counts[Metric.EVENTS_INVALID] == 100
    messages = [record.getMessage() for record in caplog.records]
    assert 1 <= sum("not an audit event" in m for m in messages) <= 3
    assert not any("secret" in m for m in messages)


def test_truncated_lines_are_delivered_and_counted(bench: Bench) -> None:
    """With CloudWatch's time."""
    line = audit_line("1", requestObject={"a": "x" * 50})
    bench.logs.add(bench.start_ms, line[: line.index("xxx")] + "[Truncated...]")
    bench.run(3)
    assert bench.queue.audit_ids == ["1"]
    assert bench.queue.times_ns == [bench.start_ms * 10**6]
    assert bench.host.counts[Metric.EVENTS_TRUNCATED] == 1


@pytest.mark.parametrize(
    "trouble",
    [
        client_error("ThrottlingException", "Rate exceeded"),
        client_error("ServiceUnavailableException", status=503),
        client_error("AccessDeniedException", "no"),
        client_error("ResourceNotFoundException", "The specified log group does not exist."),
        client_error("ExpiredTokenException", "expired"),
        client_error("SomethingNew", "?"),
        TypeError("string indices must be integers"),
        {"message": "<html>"},
        {"events": "none"},
        {"events": {}},
        {"events": [{"timestamp": "x"}]},
        {"events": [{"eventId": "x", "timestamp": 1 << 80}]},
        {"events": [], "nextToken": 7},
        {},
    ],
    ids=str,
)
def test_no_error_ends_the_source_or_loses_an_event(
    bench: Bench, trouble: Any, tmp_path: Path
) -> None:
    """Three of four calls fail for ten minutes: everything still arrives, once."""
    bench.ledger = open_ledger(tmp_path / "group.ledger", bench.host.log)
    chance = random.Random(2)

    def before(request: dict[str, Any]) -> dict[str, Any] | None:
        if chance.random() < 0.75:
            if isinstance(trouble, Exception):
                raise trouble
            return dict(trouble)
        return None

    bench.client.before = before
    for number in range(300):
        bench.logs.add(bench.start_ms + number * 2000, audit_line(str(number)))
    bench.run(1500).close()
    assert sorted(bench.queue.audit_ids, key=int) == [str(n) for n in range(300)]
    failed = bench.host.counts[Metric.API_ERRORS] + bench.host.counts[Metric.API_THROTTLES]
    assert 0 < failed < bench.host.counts[Metric.API_CALLS]


@pytest.mark.parametrize("date", ["yesterday", f"Thu, 01 Jan 2026 00:00:00 +{1 << 80}"])
def test_a_date_that_is_none_is_passed_over(bench: Bench, date: str) -> None:
    """The page that came with it counts, and its time stays unknown."""

    def before(request: dict[str, Any]) -> dict[str, Any]:
        answer = bench.logs.filter_log_events(request, bench.clock.now_ms)
        return {**answer, "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    bench.client.before = before
    bench.logs.add(bench.start_ms, audit_line("1"))
    bench.run(30)
    assert bench.queue.audit_ids == ["1"]


def test_failures_are_logged_once_a_minute(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A lasting one as an error, with what to do."""

    def before(request: dict[str, Any]) -> None:
        raise client_error("AccessDeniedException", "no")

    bench.client.before = before
    bench.run(600)
    errors = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert 5 <= len(errors) <= 11
    assert "allow it in that identity's IAM policy" in errors[0].getMessage()


def test_a_refused_token_starts_the_range_again(bench: Bench) -> None:
    """What was delivered before is not delivered again."""
    bench.logs.page_events = 10
    for number in range(100):
        bench.logs.add(bench.start_ms + number, audit_line(str(number)))
    chance = random.Random(3)
    expired = False

    def before(request: dict[str, Any]) -> None:
        nonlocal expired
        # Once expired, no token of that chain is taken any more.
        expired = "nextToken" in request and (expired or chance.random() < 0.2)
        if expired:
            raise client_error("InvalidParameterException", "The specified nextToken is invalid.")

    bench.client.before = before
    bench.run(60)
    assert sorted(bench.queue.audit_ids, key=int) == [str(n) for n in range(100)]


def test_a_clock_that_is_wrong_or_set_does_not_decide_what_is_late() -> None:
    """Twenty minutes ahead of AWS: late events still arrive."""
    bench = Bench()
    aws_behind_s = 1200
    bench.client.before = partial(bench.dated, behind_ms=aws_behind_s * 1000)
    bench.aws_clock_ms = bench.start_ms - aws_behind_s * 1000
    for number in range(100):
        at_ms = bench.start_ms - aws_behind_s * 1000 + number * 1000 + 5000
        late_ms = 200_000 if number % 10 == 0 else 1000
        bench.logs.add(at_ms, audit_line(str(number)), visible_ms=at_ms + late_ms)
    bench.run(900)
    assert sorted(bench.queue.audit_ids, key=int) == [str(n) for n in range(100)]


@pytest.mark.parametrize("late_window", [1, 300])
def test_a_clock_somewhat_ahead_does_not_cut_late_window_short(late_window: int) -> None:
    """By too little to be told from the way of an answer: what is late arrives all the same."""
    bench = Bench(late_window=late_window)
    bench.aws_clock_ms = bench.start_ms - 4_400
    bench.client.before = partial(bench.dated, behind_ms=4_400)
    for number in range(500):
        at_ms = bench.start_ms + number * 500
        late_ms = late_window * 1000 if number % 5 == 0 else 100
        bench.logs.add(at_ms, audit_line(str(number)), visible_ms=at_ms + late_ms)
    bench.run(900)
    assert sorted(bench.queue.audit_ids, key=int) == [str(n) for n in range(500)]


def test_a_first_start_passes_over_nothing_when_the_clock_is_somewhat_ahead() -> None:
    """What AWS writes from the start on arrives, although this machine's clock is there later."""
    bench = Bench(shift=1)
    aws_start_ms = bench.aws_clock_ms = bench.start_ms - 4_400
    bench.client.before = partial(bench.dated, behind_ms=4_400)
    for number in range(10):
        bench.logs.add(aws_start_ms + number * 1000, audit_line(str(number)))
    bench.run(60)
    assert sorted(bench.queue.audit_ids, key=int) == [str(n) for n in range(10)]


def test_a_full_queue_does_not_make_the_clock_late() -> None:
    """Answers wait a minute for the first one's events: AWS's time is when they came."""
    bench = Bench(shift=3000)
    bench.parallel_calls = 3
    bench.logs.page_events = 5
    for number in range(1000):
        bench.logs.add(bench.start_ms - 3_000_000 + number * 2000, audit_line(str(number)))

    class FullQueue(FakeQueue):
        def push(self, frames: Frames) -> int:
            bench.clock.now_s += 60
            return super().push(frames)

    settled_s = []

    class RecordingHost(FakeHost):
        def age(self, metric: Metric, since_s: float) -> None:
            settled_s.append(round(since_s, 3))

    bench.client.before = bench.dated
    bench.queue, bench.host = FullQueue(), RecordingHost()
    bench.run(60_000)
    assert len(bench.queue.audit_ids) == 1000
    assert len(set(settled_s)) > 5
    # By a clock that was set back the mark would seem to have gone on, and then back.
    assert settled_s == sorted(settled_s)


def test_a_clock_that_stood_still_follows_aws() -> None:
    """A machine that slept: the settled mark keeps up with AWS's time, not with its own."""
    bench = Bench()
    bench.ledger = MemoryLedger()
    slept_s = 0

    def before(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal slept_s
        slept_s = 900 if bench.clock.now_ms > bench.start_ms + 60_000 else 0
        now_ms = bench.clock.now_ms + slept_s * 1000
        date = time_header(now_ms)
        return {"events": [], "ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    bench.client.before = before
    bench.run(120)
    aws_now_ms = bench.clock.now_ms + slept_s * 1000
    assert aws_now_ms - bench.ledger.settled_ms < 345_000


def time_header(now_ms: int) -> str:
    from email.utils import formatdate

    return formatdate(now_ms // 1000, usegmt=True)


class MemoryLedger:
    """A ledger whose contents outlive the source."""

    outlives_process = True

    def __init__(self) -> None:
        self.settled_ms: int | None = None
        self.keys: list[Key] = []

    def load(self) -> Remembered:
        return Remembered(self.settled_ms, list(self.keys))

    def write(self, keys: Any, mark: Mark | None, alive_ms: int | None = None) -> None:
        self.keys += keys
        if mark is not None:
            self.settled_ms = mark.settled_ms

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("state_dir", "broken"), [(None, 0), ("usable", 0), ("usable/file/below", 1)]
)
def test_a_state_dir_that_can_not_be_used_is_a_metric(
    tmp_path: Path, state_dir: str | None, broken: int
) -> None:
    """0 without one: nobody has asked for it."""
    usable = tmp_path / "usable"
    usable.mkdir()
    (usable / "file").touch()
    bench = Bench(state_dir=str(tmp_path / state_dir) if state_dir else None)
    bench.ledger = open_ledger_of(bench.config, "eu-west-1", bench.logs.name, bench.host.log)
    bench.run(30).close()
    assert bench.host.gauges[Metric.STATE_DIR_BROKEN] == broken


def test_a_full_disk_is_a_metric_until_there_is_room(tmp_path: Path) -> None:
    """And reading goes on meanwhile."""
    bench = Bench(state_dir=str(tmp_path))
    ledger = SqliteLedger(tmp_path / "a.ledger", bench.host.log, monotonic_s=bench.clock)
    bench.ledger = ledger
    assert ledger._connection is not None
    ledger._connection.execute("PRAGMA max_page_count = 1")
    for number in range(3000):
        bench.logs.add(bench.start_ms + number, audit_line(str(number)))
    bench.run(30)
    assert len(bench.queue.audit_ids) == 3000
    assert bench.host.gauges[Metric.STATE_DIR_BROKEN] == 1
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    bench.run(60).close()
    assert bench.host.gauges[Metric.STATE_DIR_BROKEN] == 0


def test_lines_that_are_no_events_wait_for_the_host_too(bench: Bench) -> None:
    """Behind an event that a stalled host keeps they fill no queue, and still stop the reading."""
    bench.ledger = MemoryLedger()
    bench.logs.add(bench.start_ms, audit_line("first"))
    for number in range(40_000):
        note = json.dumps({"kind": "Note", "number": number})
        bench.logs.add(bench.start_ms + 1 + number // 100, note)
    bench.queue.lag = 1
    source = bench.run(300)
    assert source._acknowledger.pending <= bench.config.buffer_size + 4 * 256
    bench.queue = FakeQueue()
    bench.run(300).close()
    assert bench.queue.audit_ids == ["first"]
    assert len(bench.ledger.keys) == 40_001


@pytest.mark.parametrize("closes_after", [None, 3, 37, 300, 999])
def test_a_clean_restart_loses_and_repeats_nothing(closes_after: int | None) -> None:
    """Also when close() interrupts a push, and the downtime is read."""
    bench = Bench()
    bench.ledger = MemoryLedger()
    for number in range(2000):
        bench.logs.add(bench.start_ms + number * 200, audit_line(str(number)))
    bench.queue.closes_after = closes_after
    bench.run(400).close()
    first = bench.queue.evaluated_ids
    bench.clock.now_s += 1000
    bench.queue = FakeQueue()
    bench.run(400).close()
    both = first + bench.queue.evaluated_ids
    assert len(both) == 2000
    assert len(set(both)) == 2000


def test_a_crash_repeats_only_what_the_host_had_not_finished() -> None:
    """Without close(): the events in the queue and the last batch come again, none is lost."""
    bench = Bench()
    bench.ledger = MemoryLedger()
    for number in range(1000):
        bench.logs.add(bench.start_ms + number * 200, audit_line(str(number)))
    bench.queue.lag = 130
    bench.run(400)
    first = bench.queue.evaluated_ids
    bench.queue = FakeQueue()
    bench.run(400).close()
    both = first + bench.queue.evaluated_ids
    assert len(both) == len(set(both)) == 1000
