"""A measured number beside its limit."""

from __future__ import annotations

from collections.abc import Iterable
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


def report(figures: Iterable[Figure], *, markdown: bool = False) -> int:
    """Print each as it comes, a line or a table's row; 1 when a limit is exceeded, else 0."""
    missed = 0
    for figure in figures:
        value = f"{_number(figure.value)} {figure.unit}".strip()
        limit = f"{_number(figure.limit)} {figure.unit}".strip()
        missed += not figure.holds
        if markdown:
            print(f"| {figure.what} | {value} | {limit} |", flush=True)
        else:
            verdict = "" if figure.holds else "   EXCEEDED"
            print(f"{figure.what}: {value} (at most {limit}){verdict}", flush=True)
    return 1 if missed else 0


def _number(value: float) -> str:
    """Four significant digits at most, without an exponent."""
    rounded = float(f"{value:.4g}")
    return f"{rounded:.4g}" if rounded < 10_000 else f"{rounded:,.0f}"
