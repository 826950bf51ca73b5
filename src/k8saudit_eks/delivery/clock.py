"""AWS's clock, as seen from here."""

from __future__ import annotations

from collections.abc import Callable

# The Date header has whole seconds, and an answer may have been under way for a
# while: smaller differences mean nothing.
_TOLERANCE_MS = 5_000
_HALF_A_SECOND_MS = 500
# How far now_ms() may be ahead of AWS's clock without being corrected.
AHEAD_MAX_MS = _TOLERANCE_MS + _HALF_A_SECOND_MS


class ServerClock:
    """Milliseconds since the epoch by AWS's clock.

    Event timestamps come from AWS's clocks, so a machine whose clock is wrong, or
    is set while this runs, must not decide what is late. Time advances with the
    monotonic clock and is corrected by the Date headers of AWS's answers.
    """

    def __init__(self, wall_s: Callable[[], float], monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._origin_ms = round((wall_s() - monotonic_s()) * 1000)

    def now_ms(self) -> int:
        """Now; goes back only when AWS's answers say so."""
        return self._origin_ms + round(self._monotonic_s() * 1000)

    def observe(self, server_time_ms: int | None) -> int:
        """Take an answer's Date header, just arrived, into account.

        Returns the correction in milliseconds, nearly always 0.
        """
        if server_time_ms is None:
            return 0
        correction_ms = server_time_ms + _HALF_A_SECOND_MS - self.now_ms()
        if abs(correction_ms) <= _TOLERANCE_MS:
            return 0
        self._origin_ms += correction_ms
        return correction_ms
