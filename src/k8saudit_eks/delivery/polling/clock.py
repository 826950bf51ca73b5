"""AWS's clock, as seen from here."""

from __future__ import annotations

from collections.abc import Callable

# The Date header has whole seconds, and an answer may have been under way for a
# while: smaller differences mean nothing.
_TOLERANCE_MS = 5_000
_HALF_A_SECOND_MS = 500
# How far now_ms() may be ahead of AWS's clock without being corrected.
AHEAD_MAX_MS = _TOLERANCE_MS + _HALF_A_SECOND_MS
# So many answers that agree are believed. A clock that goes ahead too far settles what
# may still come: it takes one more.
_BACK_ANSWERS = 2
_AHEAD_ANSWERS = 3
# So many answers without a Date header: there is nothing better than this machine's clock.
_DATELESS_MAX = 3


class ServerClock:
    """Milliseconds since the epoch by AWS's clock.

    Event timestamps come from AWS's clocks, so a machine whose clock is wrong, or
    is set while this runs, must not decide what is late. Time advances with the
    monotonic clock and is corrected by the Date headers of AWS's answers, each time by
    several in a row that agree: one may be wrong.

    Attributes:
        is_sure: whether now_ms() is not ahead, as far as answers tell. Only then may
            something be taken for settled.
    """

    def __init__(self, wall_s: Callable[[], float], monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._origin_ms = round((wall_s() - monotonic_s()) * 1000)
        # What the last answers differ by, and how many agree on it.
        self._doubt_ms = 0
        self._agreeing = 0
        self._dateless = 0
        # Whether it was ever compared with AWS's.
        self._is_known = False
        self.is_sure = False

    def now_ms(self) -> int:
        """Now; goes back only when AWS's answers say so."""
        return self._origin_ms + round(self._monotonic_s() * 1000)

    def correct(self, server_time_ms: int | None) -> int:
        """Take an answer's Date header, just arrived, into account; None without one.

        Returns the correction in milliseconds, nearly always 0.
        """
        if server_time_ms is None:
            self._dateless += 1
            self.is_sure = self.is_sure or self._dateless >= _DATELESS_MAX
            return 0
        self._dateless = 0
        difference_ms = server_time_ms + _HALF_A_SECOND_MS - self.now_ms()
        if abs(difference_ms) <= _TOLERANCE_MS:
            self._agreeing = 0
            self.is_sure = self._is_known = True
            return 0
        is_behind = difference_ms > 0
        # Whether it is this clock that is behind or the answer that is wrong: to settle by
        # this clock is safe.
        self.is_sure = is_behind and self._is_known
        self._doubt(difference_ms)
        if self._agreeing < (_AHEAD_ANSWERS if is_behind else _BACK_ANSWERS):
            return 0
        self._agreeing = 0
        self._origin_ms += self._doubt_ms
        self.is_sure = self._is_known = True
        return self._doubt_ms

    def _doubt(self, difference_ms: int) -> None:
        """Count the answers in a row that agree; of those that are ahead the nearest is taken."""
        further_ms = difference_ms - self._doubt_ms
        agrees = self._agreeing > 0 and further_ms >= -_TOLERANCE_MS
        if difference_ms < 0 or self._doubt_ms < 0:
            agrees = agrees and further_ms <= _TOLERANCE_MS
        self._agreeing = self._agreeing + 1 if agrees else 1
        if not agrees or difference_ms < self._doubt_ms:
            self._doubt_ms = difference_ms
