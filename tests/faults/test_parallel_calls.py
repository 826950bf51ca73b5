"""Calls side by side, with real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from readers import log_events

from k8saudit_eks.aws.errors import Failure, ReadError
from k8saudit_eks.aws.log_group import Page
from k8saudit_eks.sources.cloudwatch.parallel_calls import ThreadedCalls

PATIENCE_S = 20


NO_EVENTS = log_events([])


def page(token: str) -> Page:
    return Page(NO_EVENTS, token, None)


def catch_up_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("catch-up")]


def test_calls_are_under_way_at_the_same_time() -> None:
    """Each of three calls ends only when all have begun; answers keep the order of the calls."""
    together = threading.Barrier(3)
    parallel_calls = ThreadedCalls(3)

    def call(number: int) -> Callable[[], Page]:
        def answer() -> Page:
            together.wait(PATIENCE_S)
            if number == 1:
                raise ReadError(Failure.THROTTLED, "Rate exceeded")
            return page(str(number))

        return answer

    first, second, third = parallel_calls.make([call(n) for n in range(3)], threading.Event())
    assert first == page("0")
    assert isinstance(second, ReadError)
    assert second.kind is Failure.THROTTLED
    assert third == page("2")
    parallel_calls.close()


def test_a_stop_does_not_wait_for_answers() -> None:
    """make() returns without them, and their threads end when the answers come."""
    begun, answered, stop = threading.Event(), threading.Event(), threading.Event()
    parallel_calls = ThreadedCalls(2)

    def call() -> Page:
        begun.set()
        answered.wait(PATIENCE_S)
        return page("late")

    def stop_when_begun() -> None:
        begun.wait(PATIENCE_S)
        stop.set()

    stopper = threading.Thread(target=stop_when_begun)
    stopper.start()
    assert parallel_calls.make([call, call], stop) == []
    assert catch_up_threads()
    answered.set()
    for thread in [stopper, *catch_up_threads()]:
        thread.join(PATIENCE_S)
    assert not catch_up_threads()


def test_a_single_call_needs_no_thread() -> None:
    """Once a backlog is read, the threads are gone, and calls are made by the caller's own."""
    parallel_calls = ThreadedCalls(2)
    stop = threading.Event()
    parallel_calls.make([lambda: page("a"), lambda: page("b")], stop)
    threads = catch_up_threads()
    callers: list[threading.Thread] = []

    def call() -> Page:
        callers.append(threading.current_thread())
        return page("c")

    assert parallel_calls.make([call], stop) == [page("c")]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not catch_up_threads()
    assert callers == [threading.current_thread()]


@pytest.mark.parametrize("given", [0, 1, 2])
def test_a_machine_without_threads_to_give(monkeypatch: pytest.MonkeyPatch, given: int) -> None:
    """Every call is answered, in order; those without a thread by the caller's own.

    As when the host's container has reached its limit of processes.
    """
    start = threading.Thread.start
    left = given

    def may_start(thread: threading.Thread) -> None:
        nonlocal left
        if left == 0:
            raise RuntimeError("can't start new thread")
        left -= 1
        start(thread)

    def call(number: int) -> Callable[[], Page]:
        return lambda: page(str(number))

    monkeypatch.setattr(threading.Thread, "start", may_start)
    parallel_calls = ThreadedCalls(4)
    for _ in range(2):
        answers = parallel_calls.make([call(n) for n in range(4)], threading.Event())
        assert answers == [page(str(n)) for n in range(4)]
    parallel_calls.close()


def test_a_stop_ends_calls_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further call is made after a stop, and no answer is given."""
    stop = threading.Event()
    calls = []

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def call() -> Page:
        calls.append("made")
        stop.set()
        return page("a")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert ThreadedCalls(3).make([call, call, call], stop) == []
    assert calls == ["made"]
