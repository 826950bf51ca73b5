"""Page tokens are never used when they may have expired."""

from __future__ import annotations

from k8saudit_eks.delivery.seen import SeenIds
from k8saudit_eks.delivery.window import Window

START_MS = 1_767_225_600_000
HOUR_MS = 3_600_000


def test_a_chain_that_was_interrupted_for_long_begins_again() -> None:
    """A suspended machine: after half a day the range is read from its first page."""
    window = Window(
        settled_ms=START_MS, seen=SeenIds(), late_window_ms=300_000, polling_interval_ms=5_000
    )
    reads = window.next_reads(START_MS)
    assert isinstance(reads, list)
    (head,) = reads
    window.page(head, [], "token", START_MS)
    assert window.next_reads(START_MS + 1) == [head]
    assert head.token is not None
    # Behind as it is now, the window settles first; the head goes on afterwards.
    for _ in range(200):
        again = window.next_reads(START_MS + 13 * HOUR_MS)
        assert isinstance(again, list)
        if again == [head]:
            break
        for read in again:
            window.page(read, [], None, START_MS + 13 * HOUR_MS)
    assert head.token is None
