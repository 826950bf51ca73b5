"""From the host's progress to the ledger: what may be remembered as delivered."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from k8saudit_eks.delivery.ledger.protocol import Ledger, Mark
from k8saudit_eks.delivery.seen import Key

# A capture that delivers nothing writes down this often that it lives.
_ALIVE_EVERY_MS = 30_000


class _Push(NamedTuple):
    """The keys of one push, and the sequence number of the last event of each."""

    keys: Sequence[Key]
    sequences: list[int]


class Acknowledger:
    """Keeps what was pushed until the host has evaluated it, then has it written down.

    The settled mark goes the same way: it may only pass an event that is written
    down. One producer a queue: the sequence numbers of a push are predicted, so
    that a push that close() interrupts is accounted for exactly.

    Any thread: the host's thread settles accounts in close() while a poller may
    still be on its way out of a network call.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._pushed: deque[_Push] = deque()
        # How many keys of the oldest push are written down, and how many of all are not.
        self._written_of_oldest = 0
        self._pending = 0
        self._settled: deque[tuple[int, Mark]] = deque()
        self._alive_ms: int | None = None
        self._written_alive_ms: int | None = None
        self._last_sequence = 0
        self._closed = False

    def about_to_push(self, keys: Sequence[Key], events_of_key: Sequence[int]) -> None:
        """Keys that the next push holds, in its order, and how many events each has.

        A key with 0 events (a log line that is no audit event) counts as delivered
        with the one before it.
        """
        with self._lock:
            # The first entry is the push before.
            _, *sequences = accumulate(events_of_key, initial=self._last_sequence)
            if len(keys) != len(sequences):
                raise ValueError(f"{len(keys)} keys, but events of {len(sequences)}")
            if sequences:
                self._last_sequence = sequences[-1]
                self._pushed.append(_Push(keys, sequences))
                self._pending += len(keys)

    def settle(self, mark: Mark) -> None:
        """Everything before the mark has been pushed, but what lies in its gaps."""
        with self._lock:
            self._settled.append((self._last_sequence, mark))

    def alive(self, now_ms: int) -> None:
        """By AWS's clock it is `now_ms`; goes with what is written next, or alone after a while."""
        with self._lock:
            self._alive_ms = now_ms

    def commit(self, delivered: int) -> None:
        """Write down what the host has evaluated: every sequence number up to `delivered`."""
        with self._lock:
            if not self._closed:
                self._commit(delivered)

    def close(self, delivered: int) -> None:
        """Commit for the last time and free the ledger."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._commit(delivered, last=True)
                self._ledger.close()

    @property
    def pending(self) -> int:
        """How many keys wait for the host."""
        return self._pending

    @property
    def waiting(self) -> bool:
        """Whether anything has not been written down yet."""
        return bool(self._pushed or self._settled)

    def _commit(self, delivered: int, *, last: bool = False) -> None:
        keys = self._take_keys(delivered)
        mark = None
        settled = self._settled
        while settled and settled[0][0] <= delivered:
            mark = settled.popleft()[1]
        if keys or mark is not None or self._is_alive_news(last):
            self._ledger.write(keys, mark, self._alive_ms)
            self._written_alive_ms = self._alive_ms

    def _take_keys(self, delivered: int) -> list[Key]:
        """Those whose last event is `delivered` or before, which then don't wait any more."""
        keys: list[Key] = []
        pushed = self._pushed
        while pushed:
            oldest = pushed[0]
            written = self._written_of_oldest
            done = bisect_right(oldest.sequences, delivered, written)
            keys += oldest.keys[written:done]
            self._written_of_oldest = done
            if done < len(oldest.keys):
                break
            pushed.popleft()
            self._written_of_oldest = 0
        self._pending -= len(keys)
        return keys

    def _is_alive_news(self, last: bool) -> bool:
        alive_ms, written_ms = self._alive_ms, self._written_alive_ms
        if alive_ms is None or alive_ms == written_ms:
            return False
        # A clock that was set back is news, too.
        return last or written_ms is None or abs(alive_ms - written_ms) >= _ALIVE_EVERY_MS
