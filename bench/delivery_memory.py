"""What remembering costs: ids in memory, and the ledger."""

from __future__ import annotations

import logging
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from delivery_figures import Figure

from k8saudit_eks.delivery.ledger.protocol import Mark
from k8saudit_eks.delivery.ledger.sqlite import open_ledger
from k8saudit_eks.delivery.seen import KEY_BYTES, Key, SeenIds

PAGE_EVENTS = 500


def memory() -> Iterator[Figure]:
    """Ids of 300 s at 1,000 events/s, and writing them down."""
    tracemalloc.start()
    seen = SeenIds()
    keys: list[Key] = []
    for first in range(0, 330_000, PAGE_EVENTS):
        numbers = range(first, first + PAGE_EVENTS)
        digests = [number.to_bytes(KEY_BYTES, "big") for number in numbers]
        _, new = seen.add(numbers, digests, range(PAGE_EVENTS))
        if first < 60_000:
            keys += new
    size_mb = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    yield Figure("memory for the event ids of 330 s at 1,000 events/s", size_mb, 40, "MB")
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder, "ledger.sqlite"), logging.getLogger("bench"))
        ledger.load()
        before_s = time.process_time()
        # The host takes batches of 128; what is done is written twenty times a second.
        for first in range(0, 60_000, 50):
            ledger.write(keys[first : first + 50], Mark(first), first)
        spent_s = time.process_time() - before_s
        ledger.close()
    yield Figure(
        "CPU time for writing the ledger at 1,000 events/s", 100 * spent_s / 60, 5, "% of a core"
    )
