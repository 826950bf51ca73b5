"""Calls side by side: how a backlog is read faster than one answer after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import zip_longest
from typing import Protocol

from k8saudit_eks.aws.errors import ReadError
from k8saudit_eks.aws.log_group import Page

Call = Callable[[], Page]

# How long a stop may go unnoticed while answers are awaited.
_LOOK_EVERY_S = 0.05


class ParallelCalls(Protocol):
    """Makes several calls at the same time."""

    most: int

    def make(self, calls: Sequence[Call], stop: threading.Event) -> list[Page | ReadError]:
        """The answers, in the order of the calls; none at all after a stop."""


class ThreadedCalls:
    """A thread for each call, for as long as there is more than one to make.

    One thread uses it. The threads inherit its signal mask, so the host's signals
    stay the host's. After a stop, calls under way end by themselves: their threads
    touch nothing but the AWS client, and their answers are dropped. Calls for which
    the machine has no thread to give are made by the user of this object, in turn.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._pool: ThreadPoolExecutor | None = None

    def make(self, calls: Sequence[Call], stop: threading.Event) -> list[Page | ReadError]:
        if len(calls) == 1:
            self.close()
            return [] if stop.is_set() else [_answer(calls[0])]
        futures = self._begin(calls)
        waiting = {future for future in futures if not future.cancelled()}
        while waiting:
            if stop.is_set():
                self.close()
                return []
            waiting = wait(waiting, _LOOK_EVERY_S).not_done
        answers: list[Page | ReadError] = []
        for call, future in zip_longest(calls, futures):
            if future is not None and not future.cancelled():
                answers.append(future.result())
            elif stop.is_set():
                return []
            else:
                answers.append(_answer(call))
        return answers

    def _begin(self, calls: Sequence[Call]) -> list[Future[Page | ReadError]]:
        """The calls that threads make, from the first on; those cancelled have no thread."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.most, thread_name_prefix="catch-up")
        futures: list[Future[Page | ReadError]] = []
        try:
            for call in calls:
                futures.append(self._pool.submit(_answer, call))
        except RuntimeError:  # can't start new thread
            self.close()
        return futures

    def close(self) -> None:
        """Let the threads go; does not wait for them."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


def _answer(call: Call) -> Page | ReadError:
    try:
        return call()
    except ReadError as error:
        return error
