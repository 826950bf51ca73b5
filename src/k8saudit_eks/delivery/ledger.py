"""What outlives the process: the settled mark and the ids delivered since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from k8saudit_eks.delivery.seen import Key


class Remembered(NamedTuple):
    """What an earlier capture of the same log group left behind.

    Attributes:
        settled_ms: every event before it was delivered; None when nothing is known.
        keys: what was delivered at or after it.
    """

    settled_ms: int | None
    keys: Sequence[Key]


class Ledger(Protocol):
    """One log group's memory. Calls never overlap."""

    def load(self) -> Remembered:
        """Read back; called once, before the first write."""

    def write(self, keys: Sequence[Key], settled_ms: int | None) -> None:
        """Remember what was delivered, and how far everything was. Never raises."""

    def close(self) -> None:
        """Free what is held."""


class NoLedger:
    """Remembers nothing: every start is a first start."""

    def load(self) -> Remembered:
        return Remembered(None, ())

    def write(self, keys: Sequence[Key], settled_ms: int | None) -> None:
        pass

    def close(self) -> None:
        pass
