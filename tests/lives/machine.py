"""The machine a life runs on: its clocks, how it sleeps, and when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fakes import Clock


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


@dataclass(frozen=True)
class Sleep:
    """A suspended machine: its monotonic clock stands still."""

    at_s: float
    length_s: float


class Machine:
    """Wall and monotonic clock, as functions of AWS's clock, which is the true time.

    Attributes:
        clock: AWS's; everything that takes time moves it.
        skews: (from when by AWS's clock, seconds that the wall clock is ahead), in order.
    """

    def __init__(self, clock: Clock, sleeps: Sequence[Sleep] = ()) -> None:
        self.clock = clock
        self.skews: list[tuple[float, float]] = [(0.0, 0.0)]
        self._sleeps = sorted(sleeps, key=lambda sleep: sleep.at_s)
        # The monotonic clock begins anywhere.
        self.booted_s = clock.now_s - 1_000

    def wall_s(self) -> float:
        """What the machine takes for the time."""
        now_s = self.clock.now_s
        return now_s + [ahead_s for since_s, ahead_s in self.skews if since_s <= now_s][-1]

    def monotonic_s(self) -> float:
        """Seconds since the boot that the machine was awake."""
        now_s = self.clock.now_s
        slept_s = sum(max(0.0, min(now_s - s.at_s, s.length_s)) for s in self._sleeps)
        return now_s - self.booted_s - slept_s

    def wait(self, wait_s: float) -> None:
        """Let the machine be awake for so long."""
        # Less would be nothing: seconds since 1970 as a float end there.
        until_s = self.clock.now_s + max(wait_s, 1e-6)
        for sleep in self._sleeps:
            if self.clock.now_s < sleep.at_s < until_s:
                until_s += sleep.length_s
        self.clock.now_s = until_s


class Ending(threading.Event):
    """When and how one process ends: the stop event of its source.

    Waiting moves the clock. Everything else that takes time asks look() afterwards.
    """

    def __init__(
        self, machine: Machine, at_s: float, *, kill: bool, may_end: Callable[[], bool]
    ) -> None:
        """
        Args:
            at_s: by AWS's clock.
            may_end: asked from then on; without its consent nothing ends.
        """
        super().__init__()
        self._machine = machine
        self._at_s = at_s
        self._kill = kill
        self._may_end = may_end

    @property
    def left_s(self) -> float:
        """How long it is until then; may be negative."""
        return self._at_s - self._machine.clock.now_s

    def look(self) -> None:
        """Stop, or raise Killed, once the time has come."""
        if self.left_s > 0 or not self._may_end():
            return
        if self._kill:
            raise Killed
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        left_s = self.left_s
        self._machine.wait(min(timeout, left_s) if left_s > 0 else timeout)
        self.look()
        return self.is_set()
