"""How often CloudWatch Logs may be called: one budget an account and region.

The quota of FilterLogEvents belongs to the account and region, so every capture of
this process that reads there shares one budget.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from weakref import WeakValueDictionary

# After a throttle the rate is halved, down to this share of it, and wins back a
# tenth of the whole with every second that goes well.
_LOWEST_SHARE = 0.1
_RECOVERY_SHARE_PER_S = 0.1
# So many seconds' calls may be made at once after a pause.
_BURST_S = 1.0
# Of the whole rate: when less than this was called for, calls are left for what can wait.
# More than that is remembered for a minute, less for a few seconds.
_SPARE_SHARE = 0.5
_SPARE_S = 5.0
_OVERDRAWN_S = 60.0


class CallBudget:
    """A token bucket whose rate gives way when AWS throttles. Any thread."""

    def __init__(self, calls_per_s: float, monotonic_s: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._monotonic_s = monotonic_s
        self._calls_per_s = calls_per_s
        self._share = 1.0
        self._tokens = self._most_tokens
        self._spare = 0.0
        self._at_s = monotonic_s()

    @property
    def calls_per_s(self) -> float:
        """The rate that is kept to at present."""
        return self._calls_per_s * self._share

    @property
    def has_spare(self) -> bool:
        """Whether less than half of the rate was used in the last seconds."""
        with self._lock:
            self._refill()
            return self._spare >= 1

    def allow(self, calls_per_s: float) -> None:
        """Keep to another rate from now on; what AWS throttled of the old one counts on."""
        with self._lock:
            self._refill()
            self._calls_per_s = calls_per_s
            self._tokens = min(self._tokens, self._most_tokens)

    def take(self) -> float:
        """Take one call; how many seconds to wait before it is made.

        Whoever takes has taken: callers that wait at the same time are given
        different moments.
        """
        with self._lock:
            self._refill()
            self._tokens -= 1
            overdrawn = self._calls_per_s * _SPARE_SHARE * _OVERDRAWN_S
            self._spare = max(-overdrawn, self._spare - 1)
            return max(0.0, -self._tokens / self.calls_per_s)

    def throttled(self) -> None:
        """AWS has refused a call for its frequency: others use the quota too."""
        with self._lock:
            self._refill()
            self._share = max(_LOWEST_SHARE, self._share / 2)
            self._tokens = min(self._tokens, 0.0)

    @property
    def _most_tokens(self) -> float:
        return max(1.0, self._calls_per_s * _BURST_S)

    @property
    def _most_spare(self) -> float:
        return max(2.0, self._calls_per_s * _SPARE_SHARE * _SPARE_S)

    def _refill(self) -> None:
        now_s = self._monotonic_s()
        passed_s = max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._tokens = min(self._most_tokens, self._tokens + passed_s * self.calls_per_s)
        spare = self._spare + passed_s * self.calls_per_s * _SPARE_SHARE
        self._spare = min(self._most_spare, spare)
        self._share = min(1.0, self._share + passed_s * _RECOVERY_SHARE_PER_S)


class Budgets:
    """The budgets in use, by account and region; one is forgotten with its last user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._budgets: WeakValueDictionary[Hashable, CallBudget] = WeakValueDictionary()

    def of(
        self, owner: Hashable, calls_per_s: float, monotonic_s: Callable[[], float]
    ) -> CallBudget:
        """The owner's budget, with this rate: the last who asks decides for all.

        A capture that is opened again may find the one before still in a call.
        """
        with self._lock:
            budget = self._budgets.get(owner)
            if budget is None:
                budget = self._budgets[owner] = CallBudget(calls_per_s, monotonic_s)
            else:
                budget.allow(calls_per_s)
            return budget


# The quota is shared by the whole process, so this is too: not a handle's state.
PROCESS = Budgets()
