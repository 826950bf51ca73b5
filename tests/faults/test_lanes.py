"""Calls side by side, with real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from k8saudit_eks.aws import Page
from k8saudit_eks.aws_errors import Failure, ReadError
from k8saudit_eks.sources.lanes import ThreadLanes

PATIENCE_S = 20


def page(token: str) -> Page:
    return Page([], token, None)


def catch_up_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("catch-up")]


def test_calls_are_under_way_at_the_same_time() -> None:
    """Each of three calls ends only when all have begun; answers keep the order of the calls."""
    together = threading.Barrier(3)
    lanes = ThreadLanes(3)

    def call(number: int) -> Callable[[], Page]:
        def answer() -> Page:
            together.wait(PATIENCE_S)
            if number == 1:
                raise ReadError(Failure.THROTTLED, "Rate exceeded")
            return page(str(number))

        return answer

    first, second, third = lanes.make([call(n) for n in range(3)], threading.Event())
    assert first == page("0")
    assert isinstance(second, ReadError)
    assert second.kind is Failure.THROTTLED
    assert third == page("2")
    lanes.close()


def test_a_stop_does_not_wait_for_answers() -> None:
    """make() returns without them, and their threads end when the answers come."""
    begun, answered, stop = threading.Event(), threading.Event(), threading.Event()
    lanes = ThreadLanes(2)

    def call() -> Page:
        begun.set()
        answered.wait(PATIENCE_S)
        return page("late")

    def stop_when_begun() -> None:
        begun.wait(PATIENCE_S)
        stop.set()

    stopper = threading.Thread(target=stop_when_begun)
    stopper.start()
    assert lanes.make([call, call], stop) == []
    assert catch_up_threads()
    answered.set()
    for thread in [stopper, *catch_up_threads()]:
        thread.join(PATIENCE_S)
    assert not catch_up_threads()


def test_a_single_call_needs_no_thread() -> None:
    """Once a backlog is read, the threads are gone, and calls are made by the caller's own."""
    lanes = ThreadLanes(2)
    stop = threading.Event()
    lanes.make([lambda: page("a"), lambda: page("b")], stop)
    threads = catch_up_threads()
    callers: list[threading.Thread] = []

    def call() -> Page:
        callers.append(threading.current_thread())
        return page("c")

    assert lanes.make([call], stop) == [page("c")]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not catch_up_threads()
    assert callers == [threading.current_thread()]
