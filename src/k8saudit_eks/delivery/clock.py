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
        is_sure: whether the last answer agreed with now_ms(). Only then may something
            be taken for settled.
    """

    def __init__(self, wall_s: Callable[[], float], monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._origin_ms = round((wall_s() - monotonic_s()) * 1000)
        # What the last answers differ by, and how many agree on it.
        self._doubt_ms = 0
        self._agreeing = 0
        self._dateless = 0
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
        self.is_sure = abs(difference_ms) <= _TOLERANCE_MS
        if self.is_sure:
            self._agreeing = 0
            return 0
        agrees = self._agreeing > 0 and abs(difference_ms - self._doubt_ms) <= _TOLERANCE_MS
        self._agreeing = self._agreeing + 1 if agrees else 1
        self._doubt_ms = difference_ms
        if self._agreeing < (_AHEAD_ANSWERS if difference_ms > 0 else _BACK_ANSWERS):
            return 0
        self._agreeing = 0
        self._origin_ms += difference_ms
        self.is_sure = True
        return difference_ms
