"""Random lives of the whole source with a real ledger: nothing lost, nothing repeated.

Each seed is one life (draw.py). `make fuzz` lives more of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "faults")]

import pytest  # noqa: E402 (the path comes first)
from draw import drawn  # noqa: E402
from found import FOUND  # noqa: E402
from life import Life  # noqa: E402

# Some 30 s with the found ones.
LIVES = 40


@pytest.mark.parametrize("seed", [*range(LIVES), *FOUND])
def test_a_life(seed: int, tmp_path: Path) -> None:
    """Every event that is visible in time comes, once; ids and the ledger stay few."""
    draw = drawn(seed)
    outcome = Life(draw, tmp_path).live()
    assert outcome.faults == [], f"seed {seed}: {draw}"
