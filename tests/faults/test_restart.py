"""One ledger, several lives: what the next capture knows, without network or waiting."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import (
    STREAM_PREFIX,
    Clock,
    FakeClient,
    FakeHost,
    FakeQueue,
    Stop,
    audit_line,
    client_error,
)
from simulated_logs import SimulatedLogs

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.process import ProcessLedgers
from k8saudit_eks.delivery.ledger.protocol import Ledger
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

MINUTE_MS = 60_000


class Lives:
    """A log group, a clock, a ledger, and one capture after the other."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.clock = Clock()
        self.logs = SimulatedLogs()
        self.host = FakeHost()
        self.config = Config(polling_interval=1, **config)
        self.open_ledger: Callable[[], Ledger] = partial(
            open_ledger, folder / "group.ledger", self.host.log
        )
        self._number = 0
        self.refusing = False

    def _refuse(self, request: dict[str, Any]) -> None:
        if self.refusing:
            raise client_error("ServiceUnavailableException", status=503)

    def write(self, events: int, every_ms: int = 100) -> list[str]:
        """Events from now on, visible at once when their time comes; their audit ids."""
        ids = []
        for offset in range(events):
            self._number += 1
            ids.append(str(self._number))
            self.logs.add(self.clock.now_ms + offset * every_ms, audit_line(ids[-1]))
        return ids

    def live(self, seconds: float, *, lag: int = 0, crash: bool = False) -> FakeQueue:
        """One capture; `lag` events stay unevaluated at its end. A crash skips close()."""
        ledger = self.open_ledger()
        client = FakeClient(self.logs, self.clock, self._refuse)
        group = LogGroup(
            client, reader=self.host.reader, name=self.logs.name, stream_prefix=STREAM_PREFIX
        )
        source = CloudWatchSource(
            self.config, "prod", group, ledger, self.host, wall_s=self.clock, monotonic_s=self.clock
        )
        queue = FakeQueue(lag)
        source.run(queue, Stop(self.clock, self.clock.now_s + seconds))
        if crash:
            ledger.close()  # as the kernel does it: nothing more is written
        else:
            source.close()
        return queue


def test_a_clean_restart_loses_and_repeats_nothing_and_reads_the_downtime(tmp_path: Path) -> None:
    """Before, during and after ten minutes without a capture: each event comes once."""
    lives = Lives(tmp_path)
    before = lives.write(300)
    first = lives.live(40)
    during = lives.write(600)
    lives.clock.now_s += 600
    after = lives.write(100)
    second = lives.live(60)
    assert first.audit_ids == before
    assert sorted(second.audit_ids, key=int) == during + after


def test_events_unevaluated_at_a_clean_stop_come_again(tmp_path: Path) -> None:
    """What the host had not evaluated is not counted as delivered."""
    lives = Lives(tmp_path)
    ids = lives.write(300)
    first = lives.live(40, lag=25)
    second = lives.live(40)
    assert first.evaluated_ids == ids[:275]
    assert sorted(second.audit_ids, key=int) == ids[275:]


@pytest.mark.parametrize("lag", [0, 1, 130])
def test_a_crash_loses_nothing_and_repeats_what_was_on_its_way(tmp_path: Path, lag: int) -> None:
    """Without close() at most the queue and the last push are repeated."""
    lives = Lives(tmp_path)
    ids = lives.write(1000, every_ms=30)
    first = lives.live(40, lag=lag, crash=True)
    second = lives.live(40)
    assert set(first.evaluated_ids) | set(second.audit_ids) == set(ids)
    repeated = set(first.evaluated_ids) & set(second.audit_ids)
    assert len(repeated) <= lag + 256


def test_many_short_lives_deliver_each_event_once(tmp_path: Path) -> None:
    """A host that is restarted every few seconds, while events keep coming."""
    lives = Lives(tmp_path)
    ids = lives.write(2000)
    seen: list[str] = []
    while lives.clock.now_s * 1000 < lives.logs.events[-1].timestamp_ms + 5_000:
        seen += lives.live(7).audit_ids
        lives.clock.now_s += 3
    assert sorted(seen, key=int) == ids


def test_reloads_without_state_dir_deliver_each_event_once(tmp_path: Path) -> None:
    """Inside one process what one capture knew goes to the next; events come 2 to 30 s late."""
    lives = Lives(tmp_path)
    lives.open_ledger = partial(ProcessLedgers(lives.clock).open, "prod")
    chance = random.Random(1)  # noqa: S311 - seeded, nothing secret
    ids = [str(number) for number in range(2000)]
    for audit_id in ids:
        at_ms = lives.clock.now_ms + int(audit_id) * 100
        visible_ms = at_ms + chance.randrange(2_000, 30_000)
        lives.logs.add(at_ms, audit_line(audit_id), visible_ms=visible_ms)
    seen: list[str] = []
    for _ in range(12):
        seen += lives.live(40).audit_ids
        lives.clock.now_s += 3
    assert sorted(seen, key=int) == ids


def test_settling_across_lives_finds_what_came_late(tmp_path: Path) -> None:
    """An event that becomes visible while nothing runs, behind newer ones, is delivered."""
    lives = Lives(tmp_path)
    ids = lives.write(100)
    late_at_ms = lives.clock.now_ms + 500
    lives.logs.add(late_at_ms, audit_line("late"), visible_ms=late_at_ms + 200_000)
    first = lives.live(60)
    lives.clock.now_s += 120
    second = lives.live(400)
    assert first.audit_ids == ids
    assert second.audit_ids == ["late"]


@pytest.mark.parametrize(("max_catch_up", "down_s"), [(600, 595), (60, 5), (0, 0)])
def test_a_downtime_within_max_catch_up_hides_nothing_that_came_late_before_it(
    max_catch_up: int, down_s: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was not settled yet when the capture ended is no part of the downtime."""
    lives = Lives(tmp_path, max_catch_up=max_catch_up)
    late_at_ms = lives.clock.now_ms + 400_000
    lives.logs.add(late_at_ms, audit_line("late"), visible_ms=late_at_ms + 290_000)
    ids = lives.write(6000)
    first = lives.live(600)
    lives.clock.now_s += down_s
    second = lives.live(400)
    assert first.audit_ids == ids
    assert second.audit_ids == ["late"]
    assert "are not read" not in caplog.text


@pytest.mark.parametrize("max_catch_up", [600, 0])
def test_a_downtime_beyond_max_catch_up_is_said(
    max_catch_up: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not read any more is an error in the log with the cure, and the rest is read."""
    lives = Lives(tmp_path, max_catch_up=max_catch_up)
    lives.write(10)
    lives.live(20)
    missed = lives.write(10)
    lives.clock.now_s += 7200
    reached = lives.write(10)
    with caplog.at_level(logging.INFO):
        second = lives.live(20)
    assert second.audit_ids == reached
    assert not set(missed) & set(second.audit_ids)
    assert "raise max_catch_up" in caplog.text


def test_a_ledger_from_the_future_is_not_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A mark that a wrong clock wrote must not hide what happens now."""
    lives = Lives(tmp_path)
    lives.write(10)
    lives.clock.now_s += 86_400
    lives.live(20)
    lives.clock.now_s -= 86_400
    now = lives.write(10)
    with caplog.at_level(logging.WARNING):
        second = lives.live(20)
    assert set(now) <= set(second.audit_ids)
    assert "wrong clock" in caplog.text


@pytest.mark.parametrize("down_s", [0, 300])
def test_an_outage_of_aws_before_a_restart_is_no_downtime(
    down_s: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two hours of refusals, then a restart: what staying up would have read is read."""
    lives = Lives(tmp_path)
    ids = lives.write(600)
    assert sorted(lives.live(120).audit_ids, key=int) == ids
    during = lives.write(7200, every_ms=1000)
    lives.refusing = True
    assert lives.live(7200).audit_ids == []
    lives.refusing = False
    lives.clock.now_s += down_s
    assert sorted(lives.live(900).audit_ids, key=int) == during
    assert "are not read" not in caplog.text


def test_an_outage_over_many_restarts_is_no_downtime(tmp_path: Path) -> None:
    """Each process dies while AWS refuses everything; no time is taken for downtime twice."""
    lives = Lives(tmp_path)
    ids = lives.write(7200, every_ms=1000)
    lives.refusing = True
    while lives.clock.now_ms < lives.logs.events[-1].timestamp_ms:
        assert lives.live(500, crash=True).audit_ids == []
        lives.clock.now_s += 10
    lives.refusing = False
    assert sorted(lives.live(900).audit_ids, key=int) == ids
