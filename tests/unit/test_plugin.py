"""One handle's life: what is refused, how a capture ends, what its thread leaves alone."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from readers import payloads_of, reader

from k8saudit_eks.errors import ConfigError, OpenError
from k8saudit_eks.event_queue import EventQueue, QueueClosed
from k8saudit_eks.log_events import Frames
from k8saudit_eks.metrics import Metric
from k8saudit_eks.plugin import Capture, Plugin

pytestmark = pytest.mark.both_ways


class FakeHost:
    """A Host that keeps what it is told."""

    def __init__(self) -> None:
        self.reader = reader()
        self.log = logging.Logger("test")
        self.lines = _Lines()
        self.log.addHandler(self.lines)

    def count(self, metric: Metric, amount: int = 1) -> None:
        pass

    def age(self, metric: Metric, since_s: float) -> None:
        pass


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class FakeQueue:
    """An EventQueue without bounds."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def push(self, frames: Frames) -> int:
        self.payloads.extend(payload for payload, _ in payloads_of(frames))
        return len(self.payloads)

    def delivered(self) -> int:
        return len(self.payloads)

    def set_progress(self, hundredths_percent: int) -> None:
        pass


class FakeSource:
    """A Source whose run() is given."""

    name = "a cluster with quite a long name"

    def __init__(self, run: Callable[[EventQueue, threading.Event], None]) -> None:
        self._run = run
        self.closed = False

    def run(self, queue: EventQueue, stop: threading.Event) -> None:
        self._run(queue, stop)

    def close(self) -> None:
        self.closed = True


class Ending:
    """Waits for on_end and keeps what it got."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []
        self._called = threading.Event()

    def __call__(self, error: BaseException | None) -> None:
        self.errors.append(error)
        self._called.set()

    def wait(self) -> list[BaseException | None]:
        assert self._called.wait(10)
        return self.errors


def test_a_source_that_returns_has_ended() -> None:
    """run() returning tells the host that the source is at its end."""
    ending = Ending()
    source = FakeSource(lambda queue, stop: None)
    capture = Capture(source, FakeQueue(), FakeHost(), ending)
    capture.start()
    assert ending.wait() == [None]
    capture.close()
    assert source.closed


def test_a_source_that_raises_stops_the_host_and_is_logged() -> None:
    """An error out of run() reaches the host as it is: nothing may end silently."""
    host, ending, error = FakeHost(), Ending(), RuntimeError("broken")

    def run(queue: EventQueue, stop: threading.Event) -> None:
        raise error

    capture = Capture(FakeSource(run), FakeQueue(), host, ending)
    capture.start()
    assert ending.wait() == [error]
    assert any("broken" in line for line in host.lines.texts)
    capture.close()


@pytest.mark.parametrize("error", [QueueClosed(), OSError("interrupted")])
def test_an_error_while_closing_is_no_failure(error: Exception) -> None:
    """What close() provokes in the source's thread is not reported to a host that goes on."""
    ending = Ending()

    def run(queue: EventQueue, stop: threading.Event) -> None:
        stop.wait()
        raise error

    capture = Capture(FakeSource(run), FakeQueue(), FakeHost(), ending)
    capture.start()
    capture.close()
    assert all(seen is None for seen in ending.errors)


def test_close_does_not_wait_for_the_network() -> None:
    """A call that hangs keeps neither close() nor what is written down then."""
    answer, back = threading.Event(), threading.Event()
    ending = Ending()

    def run(queue: EventQueue, stop: threading.Event) -> None:
        answer.wait()
        back.set()

    source = FakeSource(run)
    capture = Capture(source, FakeQueue(), FakeHost(), ending)
    capture.start()
    capture.close()
    assert source.closed
    assert not back.is_set()
    answer.set()
    assert ending.wait() == [None]


def test_close_does_not_wait_for_the_disk() -> None:
    """A write that hangs goes on without the host, and the source is closed afterwards."""
    disk, closed = threading.Event(), threading.Event()

    class HangingDisk(FakeSource):
        def close(self) -> None:
            disk.wait(10)
            closed.set()

    capture = Capture(HangingDisk(lambda queue, stop: None), FakeQueue(), FakeHost(), Ending())
    capture.start()
    capture.close()
    assert not closed.is_set()
    disk.set()
    assert closed.wait(10)


def test_a_close_that_fails_is_logged() -> None:
    """The host is not asked to do anything about it."""
    host = FakeHost()

    class Broken(FakeSource):
        def close(self) -> None:
            raise OSError("no more")

    capture = Capture(Broken(lambda queue, stop: None), FakeQueue(), host, Ending())
    capture.start()
    capture.close()
    assert any("no more" in line for line in host.lines.texts)


def test_without_a_thread_the_source_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """open() is refused with the cure, and nothing stays locked; a close does without, too."""
    source, running = FakeSource(lambda queue, stop: None), FakeSource(lambda queue, stop: None)
    started = Capture(running, FakeQueue(), FakeHost(), Ending())
    started.start()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(OpenError, match="pids limit"):
        Capture(source, FakeQueue(), FakeHost(), Ending()).start()
    assert source.closed
    started.close()
    assert running.closed


def test_the_thread_leaves_signals_to_the_host() -> None:
    """The source's thread blocks SIGINT and SIGTERM, and its starter's mask is as before."""
    masks: list[set[int]] = []
    ending = Ending()

    def run(queue: EventQueue, stop: threading.Event) -> None:
        masks.append({int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())})

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    capture = Capture(FakeSource(run), FakeQueue(), FakeHost(), ending)
    capture.start()
    ending.wait()
    capture.close()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD} <= masks[0]
    assert signal.SIGSEGV not in masks[0]


def test_bad_config_is_refused_at_init() -> None:
    """A key that does not exist is a ConfigError before anything is opened."""
    with pytest.raises(ConfigError, match="region"):
        Plugin('{"regiom": "eu-west-1"}', FakeHost())


def test_a_missing_replay_file_is_refused_at_open(tmp_path: Path) -> None:
    """open() raises in the caller's thread, and no thread is left behind."""
    threads = threading.active_count()
    plugin = Plugin("", FakeHost())
    with pytest.raises(OpenError, match="missing"):
        plugin.open(f"file://{tmp_path / 'missing.json'}", FakeQueue(), Ending())
    assert threading.active_count() == threads


def test_a_replay_reaches_the_queue(tmp_path: Path) -> None:
    """open() with a file: path pushes the file's events and then ends."""
    event = tmp_path / "event.json"
    event.write_text('{"kind":"Event","auditID":"1","stageTimestamp":"2026-11-23T04:01:02Z"}')
    queue, ending = FakeQueue(), Ending()
    capture = Plugin("", FakeHost()).open(f"file://{event}", queue, ending)
    assert ending.wait() == [None]
    capture.close()
    assert len(queue.payloads) == 1


def test_an_account_that_can_not_be_asked_suggests_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """list_open_params() never refuses: the host's --plugin-info goes on, and the log says why."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    host = FakeHost()
    assert Plugin("", host).list_open_params() == []
    assert any("can't list the clusters" in line for line in host.lines.texts)
