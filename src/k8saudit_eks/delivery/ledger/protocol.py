"""What outlives the process: the settled mark, its gaps, and the ids delivered since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from k8saudit_eks.delivery.seen import Key

# Gaps that a ledger keeps, the newest: each costs a little at every move of the mark.
GAPS_MAX = 1_000


class Gap(NamedTuple):
    """A range behind the settled mark that AWS refuses to let be read; both ends belong to it."""

    start_ms: int
    end_ms: int


class Mark(NamedTuple):
    """How far everything was delivered.

    Attributes:
        settled_ms: every event before it was delivered, but what lies in gaps.
        gaps: what is still to be read behind it; a ledger keeps the newest GAPS_MAX.
    """

    settled_ms: int
    gaps: tuple[Gap, ...] = ()


class Remembered(NamedTuple):
    """What an earlier capture of the same log group left behind.

    Attributes:
        settled_ms: every event before it was delivered, but what lies in gaps; None
            when nothing is known.
        keys: what was delivered at or after it, or in a bucket that touches a gap.
        gaps: what was still to be read behind it, oldest first.
        alive_ms: AWS's time at which a capture last said that it lived; None when
            none has. It may be older than settled_ms: version 0.100 does not say it.
    """

    settled_ms: int | None
    keys: Sequence[Key]
    gaps: tuple[Gap, ...] = ()
    alive_ms: int | None = None


class Ledger(Protocol):
    """One log group's memory. Calls never overlap."""

    @property
    def outlives_process(self) -> bool:
        """Whether all that write() was told would be there after a crash now. Any thread."""

    def load(self) -> Remembered:
        """Read back; called once, before the first write."""

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        """Remember what was delivered, how far everything was, and when this lived.

        A mark replaces the one before with its gaps. None leaves what is known.
        Never raises.
        """

    def close(self) -> None:
        """Free what is held."""


class NoLedger:
    """Remembers nothing: every start is a first start."""

    outlives_process = False

    def load(self) -> Remembered:
        return Remembered(None, ())

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        pass

    def close(self) -> None:
        pass
