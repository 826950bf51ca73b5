"""The event ids of the time that may be read again."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from k8saudit_eks.delivery.ledger.protocol import Gap

# Ids are forgotten a bucket at a time.
BUCKET_MS = 10_000

# A key is 15 bytes long because a bytes object of that length fills one 48-byte
# block of CPython's allocator; one byte more would take 64. 120 bits: for a million
# ids a window, two different ones share a key with a probability below 1e-24.
KEY_BYTES = 15


# The bucket of an event's timestamp, and the digest of its id. Plain tuples: one is made for
# each event, and a class of its own would cost three times as much.
Key: TypeAlias = tuple[int, bytes]


def by_bucket(keys: Iterable[Key]) -> Iterator[tuple[int, list[bytes]]]:
    """Digests of neighbours in the same bucket together; a bucket may come again."""
    for bucket, neighbours in groupby(keys, itemgetter(0)):
        yield bucket, list(map(itemgetter(1), neighbours))


def buckets_touching(buckets: Iterable[int], gaps: Sequence[Gap]) -> set[int]:
    """Those of the buckets that share a millisecond with a gap; gaps may overlap."""
    touching = set()
    ahead = sorted(gaps, reverse=True)
    reached_ms = -sys.maxsize
    for bucket in sorted(buckets) if gaps else ():
        while ahead and ahead[-1].start_ms < (bucket + 1) * BUCKET_MS:
            reached_ms = max(reached_ms, ahead.pop().end_ms)
        if reached_ms >= bucket * BUCKET_MS:
            touching.add(bucket)
    return touching


class SeenIds:
    """Which events have been taken for delivery, and not been forgotten.

    About 91 bytes an id: 330 s at 1,000 events/s are some 30 MB (bench/delivery).
    """

    def __init__(self) -> None:
        self._buckets: dict[int, dict[bytes, None]] = {}

    def add(
        self, timestamps_ms: Sequence[int], digests: Sequence[bytes], places: Sequence[int]
    ) -> tuple[list[int], list[Key]]:
        """Remember events, given by their ascending places in the two sequences.

        Args:
            digests: of the event ids: BLAKE2b, KEY_BYTES long.

        Returns:
            The places of those that were not known, ascending, and their keys. Of
            events with the same id and bucket, the first counts.
        """
        new: list[int] = []
        keys: list[Key] = []
        for bucket, run in _runs(timestamps_ms, places):
            known = self._buckets.setdefault(bucket, {})
            unknown = run
            if not known.keys().isdisjoint([digests[place] for place in run]):
                unknown = [place for place in run if digests[place] not in known]
            if not unknown:
                continue
            found = dict.fromkeys([digests[place] for place in unknown])
            if len(found) < len(unknown):
                unknown = _first_of_each(digests, unknown)
            known.update(found)
            new += unknown
            keys += zip(repeat(bucket), found)
        return new, keys

    def load(self, keys: Iterable[Key]) -> None:
        """Remember keys from a ledger."""
        for bucket, digests in by_bucket(keys):
            self._buckets.setdefault(bucket, {}).update(dict.fromkeys(digests))

    def forget_before(self, timestamp_ms: int, keep: Sequence[Gap] = ()) -> None:
        """Forget every bucket that ends at or before `timestamp_ms` and touches no gap in keep."""
        first = timestamp_ms // BUCKET_MS
        old = {bucket for bucket in self._buckets if bucket < first}
        for bucket in old - buckets_touching(old, keep):
            del self._buckets[bucket]

    def newest_ms(self) -> int | None:
        """Where the newest bucket begins; None when nothing is remembered."""
        return max(self._buckets) * BUCKET_MS if self._buckets else None

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))


def _runs(
    timestamps_ms: Sequence[int], places: Sequence[int]
) -> Iterable[tuple[int, Sequence[int]]]:
    """Places one behind the other whose timestamps are in the same bucket."""
    if not places:
        return []
    first, last = min(timestamps_ms), max(timestamps_ms)
    if first // BUCKET_MS == last // BUCKET_MS:
        return [(first // BUCKET_MS, places)]
    buckets = [timestamp_ms // BUCKET_MS for timestamp_ms in timestamps_ms]
    # Pages are sorted by time, so these are one or two; any other order costs time only.
    return [(bucket, list(run)) for bucket, run in groupby(places, buckets.__getitem__)]


def _first_of_each(digests: Sequence[bytes], places: Sequence[int]) -> list[int]:
    """Where each digest is first; places are ascending."""
    return sorted({digests[place]: place for place in reversed(places)}.values())
