"""Python logging, as the host's log sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable

# Severities of the plugin API (plugin_types.h: 1 fatal … 8 trace), for each level
# the nearest.
_SEVERITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.DEBUG, 7),
)
_TRACE = 8
_LIMITED_S = 60.0


def severity(level: int) -> int:
    """The host's severity for a logging level."""
    for threshold, value in _SEVERITIES:
        if level >= threshold:
            return value
    return _TRACE


class HostLogHandler(logging.Handler):
    """Hands each record to the host as (severity, text); never prints, never raises."""

    def __init__(self, emit: Callable[[int, str], None]) -> None:
        super().__init__()
        self._emit_to_host = emit

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception as error:  # a bad format string must not lose the message or print
            text = f"{record.msg} (not formatted: {error})"
        self._emit_to_host(severity(record.levelno), text)


class LogLimiter:
    """Lets each subject through once a minute at most, or as asked. One thread."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._logged_at_s: dict[str, float] = {}

    def may(self, subject: str, *, every_s: float = _LIMITED_S) -> bool:
        """Whether to log (or do) it now; what is asked for is taken for done."""
        if not self.is_due(subject, every_s=every_s):
            return False
        self._logged_at_s[subject] = self._monotonic_s()
        return True

    def is_due(self, subject: str, *, every_s: float = _LIMITED_S) -> bool:
        """What may() would answer; nothing is taken for done."""
        last_s = self._logged_at_s.get(subject)
        return last_s is None or self._monotonic_s() - last_s >= every_s


def plugin_logger(handler: logging.Handler) -> logging.Logger:
    """A logger of one plugin handle.

    It is not registered by name: several handles live in one process, and each
    writes to its own host only. The host filters by severity itself, so every level
    but debug passes.
    """
    logger = logging.Logger("k8saudit_eks", logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return logger
