"""Lives random lives, each from a seed of its own, until the time is over.

    python tests/lives/fuzz_lives.py [--seconds 60 | --lives N] [--seed N]

Prints the seed and the draw of each life in which the promise does not hold, and ends
with 1 after the first, or with --all at the end. A seed that showed a fault of the
library belongs into found.py.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lives"), str(TESTS / "faults")]

from draw import drawn  # noqa: E402 (the path comes first)
from life import Life, Outcome  # noqa: E402


def live(seed: int) -> Outcome:
    """The life of a seed, with a ledger of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return Life(drawn(seed), Path(folder)).live()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--lives", type=int, help="so many, however long it takes")
    parser.add_argument("--seed", type=int, help="of the first life; the next ones follow it")
    parser.add_argument("--all", action="store_true", help="go on after a fault")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    first = random.SystemRandom().randrange(1 << 30) if asked.seed is None else asked.seed
    until_s = time.monotonic() + asked.seconds
    seed, events, hours, faulty = first, 0, 0.0, 0
    while seed - first < asked.lives if asked.lives else time.monotonic() < until_s:
        outcome = live(seed)
        events += outcome.events
        hours += outcome.hours
        if outcome.faults:
            faulty += 1
            print(f"seed {seed}: {'; '.join(outcome.faults)}\n  {drawn(seed)}", flush=True)
            if not asked.all:
                return 1
        seed += 1
    print(
        f"{seed - first} lives from seed {first} on, {hours:.0f} hours, {events} events: "
        f"the promise did not hold in {faulty}"
    )
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
