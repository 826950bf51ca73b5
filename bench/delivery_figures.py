"""A measured number beside its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Figure:
    """One measured number and what it may be at most."""

    what: str
    value: float
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.limit
