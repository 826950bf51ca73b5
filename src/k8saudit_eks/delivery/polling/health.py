"""Whether AWS answers: tells a range that is refused from a time when much is."""

from __future__ import annotations

from k8saudit_eks.delivery.polling.read import Read

# The share of reads answered at the first attempt, of about so many recent ones, from
# which on it is a range's own fault to be refused twice.
_RECENT = 8
_GOOD_SHARE = 0.5


class Health:
    """How reads of one log group went lately. Times: milliseconds, AWS's clock."""

    def __init__(self) -> None:
        self._answered_at_ms: int | None = None
        self._share = 1.0

    def answered(self, read: Read, now_ms: int) -> None:
        """A page has come; before read.took()."""
        self._answered_at_ms = now_ms
        if read.refusals == 0 and read.events == 0:
            self._share += (1 - self._share) / _RECENT

    def refused(self, read: Read) -> None:
        """None has; before the refusal is counted in `read`."""
        if read.refusals == 0:
            self._share -= self._share / _RECENT

    @property
    def is_good(self) -> bool:
        """Whether most reads are answered at once."""
        return self._share >= _GOOD_SHARE

    def answered_since(self, at_ms: int) -> bool:
        """Whether AWS has answered anything since then."""
        return self._answered_at_ms is not None and self._answered_at_ms >= at_ms
