#!/usr/bin/env python3
"""What delivery promises and what it costs, in numbers.

    .venv/bin/python bench/delivery.py [--markdown] [NAME…]

The real source reads simulated log groups; the clock is simulated too, so hours take
seconds. Nothing here needs a network. Prints each figure beside its limit and ends
with 1 when one is exceeded. --markdown prints the table of docs/delivery.md. Names
choose what is measured: faults, promptness, late, bad, cost, burst, memory, backlog.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator

from delivery_backlog import backlog
from delivery_cost import burst, cost
from delivery_faults import faults, promptness
from delivery_figures import Figure, report
from delivery_memory import memory
from delivery_promptness import bad, late

MEASURES: dict[str, Callable[[], Iterator[Figure]]] = {
    "faults": faults,
    "promptness": promptness,
    "late": late,
    "bad": bad,
    "cost": cost,
    "burst": burst,
    "memory": memory,
    "backlog": backlog,
}


def main() -> int:
    logging.disable(logging.CRITICAL)
    markdown = "--markdown" in sys.argv
    names = [name for name in sys.argv[1:] if name in MEASURES] or list(MEASURES)
    if markdown:
        print("| what is measured | measured | limit |\n|---|---|---|")
    figures = (figure for name in names for figure in MEASURES[name]())
    return report(figures, markdown=markdown)


if __name__ == "__main__":
    sys.exit(main())
