"""The real library killed with SIGKILL at moments nobody chose: nothing is lost."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from counting import counting
from scenario import Scenario
from server import FaultyCloudWatch

KILLS = 20
# csrc/queue/queue.h's KAE_BATCH_EVENTS, and what buffer_size lets into the queue.
BATCH_EVENTS = 128
BUFFER_EVENTS = 50

# When everything has been settled: late_window, a slice, and what a clock needs that has to
# follow one that goes thirty times as fast.
SETTLED_AFTER_MS = 300_000


def killed_life(
    command: list[str | Path], server: FaultyCloudWatch, after_events: int
) -> list[str]:
    """Audit ids that a host printed before it was killed.

    After so many events nobody reads its output any more: it hangs with a batch in
    its hands and events in the queue behind it, while the poller does what it still
    can. Then comes SIGKILL.
    """
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, pipesize=4096
    ) as process:
        assert process.stdout is not None
        ids = []
        # Unbuffered: what is not asked for stays in the pipe, which a third of a page fills.
        for line in process.stdout:
            if line.startswith(b"event "):
                ids.append(line.split()[1].decode())
            if len(ids) == after_events:
                break
        server.wait_for_calls(server.calls + 1, timeout_s=0.3)
        process.kill()
        rest = process.stdout.read()
    # The last line may be cut.
    lines = rest[: rest.rfind(b"\n") + 1].decode().splitlines()
    return ids + [line.split()[1] for line in lines if line.startswith("event ")]


def test_twenty_kills_lose_nothing_and_repeat_little(
    counting_host: Path, library: Path, tmp_path: Path
) -> None:
    """The union of all lives is every event; a kill repeats at most the queue and a batch."""
    chance = random.Random(20)
    scenario = Scenario(6000, 300_000, delay_ms=5_000, late_ms=100_000)
    # The log tells five minutes in ten seconds.
    with FaultyCloudWatch(speed=30) as server:
        server.logs.page_events = 300
        truth = scenario.write(server.logs, server.now_ms(), 1)
        config = server.init_config(
            state_dir=str(tmp_path), late_window=120, buffer_size=BUFFER_EVENTS, max_catch_up=36000
        )
        command = [counting_host, library, json.dumps(config), "prod"]
        lives = [killed_life(command, server, chance.randint(1, 200)) for _ in range(KILLS)]
        with counting(counting_host, library, config) as host:
            rest = truth.audit_ids - {audit_id for ids in lives for audit_id in ids}
            assert host.wait_for_events(len(rest)), host.log
            assert server.wait_for_quiet(truth.last_visible_ms + SETTLED_AFTER_MS), host.log
            assert host.stop() == 0
        lives.append(host.audit_ids)
    delivered = [audit_id for ids in lives for audit_id in ids]
    assert set(delivered) == truth.audit_ids
    repeated = len(delivered) - len(set(delivered))
    assert 0 < repeated <= KILLS * (BATCH_EVENTS + BUFFER_EVENTS)
    # The ledger did its work: without it every life would begin anew.
    assert repeated < len(truth.audit_ids)


def test_a_clean_stop_in_the_middle_repeats_nothing(
    counting_host: Path, library: Path, tmp_path: Path
) -> None:
    """Ten lives that are stopped as a host stops, with events in the queue: each event once."""
    chance = random.Random(10)
    scenario = Scenario(3000, 150_000, delay_ms=5_000, late_ms=100_000)
    with FaultyCloudWatch(speed=30) as server:
        server.logs.page_events = 300
        truth = scenario.write(server.logs, server.now_ms(), 2)
        config = server.init_config(
            state_dir=str(tmp_path), late_window=120, buffer_size=BUFFER_EVENTS, max_catch_up=36000
        )
        delivered: list[str] = []
        for _ in range(10):
            with counting(counting_host, library, config) as host:
                assert host.wait_for_events(chance.randint(1, 200)), host.log
                assert host.stop() == 0
            delivered += host.audit_ids
        with counting(counting_host, library, config) as host:
            assert host.wait_for_events(len(truth.audit_ids) - len(delivered)), host.log
            assert server.wait_for_quiet(truth.last_visible_ms + SETTLED_AFTER_MS), host.log
            assert host.stop() == 0
        delivered += host.audit_ids
    assert sorted(delivered) == sorted(truth.audit_ids)
