"""The ledger in memory: what one capture leaves to the next one in the same process.

Without a state_dir a host that reloads its configuration closes a capture and opens
it again; nobody wants to lose what was written meanwhile, or is still to be settled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence

from k8saudit_eks.delivery.ledger.protocol import Gap, Mark, Remembered
from k8saudit_eks.delivery.seen import BUCKET_MS, KEY_BYTES, Key, buckets_touching, by_bucket

# How long what a closed capture knew is kept, in seconds, and of how many captures.
KEPT_S = 300.0
KEPT_MOST = 64


class ProcessLedger:
    """Implements Ledger; at close it is left to the next with the same owner.

    About 15 bytes an id, beside what SeenIds holds.
    """

    outlives_process = False

    def __init__(self, leave: Callable[[ProcessLedger], None]) -> None:
        """leave: called once, at close."""
        self._leave = leave
        self._digests: dict[int, bytearray] = {}
        self._mark: Mark | None = None
        self._alive_ms: int | None = None

    def load(self) -> Remembered:
        """What it was left with."""
        keys = [
            (bucket, bytes(digests[start : start + KEY_BYTES]))
            for bucket, digests in self._digests.items()
            for start in range(0, len(digests), KEY_BYTES)
        ]
        settled_ms, gaps = self._mark if self._mark is not None else (None, ())
        return Remembered(settled_ms, keys, gaps, self._alive_ms)

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        """Remember."""
        for bucket, digests in by_bucket(keys):
            self._digests.setdefault(bucket, bytearray()).extend(b"".join(digests))
        if alive_ms is not None:
            self._alive_ms = alive_ms
        if mark is not None:
            self._mark = mark
            self._forget_before(mark.settled_ms, mark.gaps)

    def _forget_before(self, settled_ms: int, gaps: Sequence[Gap]) -> None:
        first = settled_ms // BUCKET_MS
        old = {bucket for bucket in self._digests if bucket < first}
        for bucket in old - buckets_touching(old, gaps):
            del self._digests[bucket]

    def close(self) -> None:
        """Leave what is known behind."""
        self._leave(self)

    def heir(self, leave: Callable[[ProcessLedger], None]) -> ProcessLedger:
        """Another ledger with what this one, which is closed, knew."""
        heir = ProcessLedger(leave)
        heir._digests, heir._mark, heir._alive_ms = self._digests, self._mark, self._alive_ms
        return heir


class ProcessLedgers:
    """What closed captures have left, by owner, for a while. Any thread."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._monotonic_s = monotonic_s
        # In the order in which they were left.
        self._left: dict[Hashable, tuple[float, ProcessLedger]] = {}

    def open(self, owner: Hashable) -> ProcessLedger:
        """The owner's ledger, with what the last closed one knew; it goes to one heir only.

        A second capture that is open at the same time begins with nothing.
        """

        def leave(ledger: ProcessLedger) -> None:
            with self._lock:
                self._left.pop(owner, None)
                self._left[owner] = (self._monotonic_s(), ledger)
                self._forget_old()

        with self._lock:
            self._forget_old()
            _left_at_s, ledger = self._left.pop(owner, (0.0, None))
        return ProcessLedger(leave) if ledger is None else ledger.heir(leave)

    def _forget_old(self) -> None:
        """Nothing runs while no capture is opened or closed: then the last ones stay."""
        old_s = self._monotonic_s() - KEPT_S
        for owner in [owner for owner, (left_at_s, _) in self._left.items() if left_at_s < old_s]:
            del self._left[owner]
        while len(self._left) > KEPT_MOST:
            del self._left[next(iter(self._left))]


# It outlives each handle: a reload destroys one and makes another.
PROCESS = ProcessLedgers()
