"""The queue between a source and a host that takes its time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from fakes import FakeQueue
from machine import Ending, Machine
from readers import payloads_of

from k8saudit_eks.event_queue import QueueClosed
from k8saudit_eks.log_events import Frames

# Events that the host may hold: the queue's default size, and a batch.
CAPACITY = 200 + 128
_BATCH = 128


class LivingQueue(FakeQueue):
    """Bounded; each event is evaluated a while after it came, and none during a stall.

    Attributes:
        event_ids: of everything that was pushed, in order.
    """

    def __init__(
        self,
        machine: Machine,
        ending: Ending,
        stalls: Sequence[tuple[float, float]],
        evaluation_s: float,
    ) -> None:
        """
        Args:
            stalls: (from, until) by AWS's clock.
            evaluation_s: how long after a push its events are evaluated.
        """
        super().__init__()
        self._machine = machine
        self._ending = ending
        self._stalls = stalls
        self._evaluation_s = evaluation_s
        # (when it is evaluated, number of its last event) of each push.
        self._pending: deque[tuple[float, int]] = deque()
        self._evaluated = 0
        self.event_ids: list[str] = []

    def push(self, frames: Frames) -> int:
        self._ending.look()
        payloads = [payload for payload, _ in payloads_of(frames)]
        for start in range(0, len(payloads), _BATCH):
            part = payloads[start : start + _BATCH]
            while len(self.event_ids) + len(part) - self.delivered() > CAPACITY:
                self._wait_for_room()
            if self._ending.is_set():
                raise QueueClosed
            self.event_ids += [
                payload.partition(b'"event_id":"')[2].partition(b'"')[0].decode()
                for payload in part
            ]
            self._pending.append((self._ready_s(), len(self.event_ids)))
        return len(self.event_ids) if payloads else 0

    def delivered(self) -> int:
        now_s = self._machine.clock.now_s
        while self._pending and self._pending[0][0] <= now_s:
            self._evaluated = self._pending.popleft()[1]
        return self._evaluated

    def evaluate_some(self, chance: random.Random) -> list[str]:
        """The host's last act: of what it holds it evaluates some; all that it ever did."""
        self._evaluated = chance.randint(self.delivered(), len(self.event_ids))
        self._pending.clear()
        return self.event_ids[: self._evaluated]

    def _ready_s(self) -> float:
        ready_s = self._machine.clock.now_s + self._evaluation_s
        for from_s, until_s in self._stalls:
            if from_s <= ready_s < until_s:
                ready_s = until_s
        return ready_s

    def _wait_for_room(self) -> None:
        wait_s = self._pending[0][0] - self._machine.clock.now_s
        left_s = self._ending.left_s
        if 0 < left_s < wait_s:
            self._machine.wait(left_s)
            self._ending.look()
            if self._ending.is_set():
                raise QueueClosed
            return
        self._machine.wait(max(wait_s, 0.001))
        self._ending.look()
