"""Ids in memory: what is forgotten when the mark moves, and what a gap keeps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.seen import BUCKET_MS, SeenIds, buckets_touching


def test_a_gap_keeps_its_ids() -> None:
    """What lies in a bucket that touches a gap is still known after the mark has passed."""
    seen = SeenIds()
    timestamps_ms = [bucket * BUCKET_MS for bucket in range(5)]
    digests = [bytes([bucket]) for bucket in range(5)]
    assert seen.add(timestamps_ms, digests, range(5))[0] == [0, 1, 2, 3, 4]
    seen.forget_before(4 * BUCKET_MS, [Gap(BUCKET_MS + 5, 2 * BUCKET_MS)])
    assert seen.add(timestamps_ms, digests, range(5))[0] == [0, 3]


@given(
    buckets=st.sets(st.integers(0, 30)),
    gaps=st.lists(
        st.tuples(st.integers(0, 30 * BUCKET_MS), st.integers(0, 3 * BUCKET_MS)).map(
            lambda pair: Gap(pair[0], pair[0] + pair[1])
        ),
        max_size=6,
    ),
)
def test_touching_means_a_common_millisecond(buckets: set[int], gaps: list[Gap]) -> None:
    """Gaps may overlap, come in any order, and end on a bucket's first or last millisecond."""
    expected = {
        bucket
        for bucket in buckets
        for gap in gaps
        if gap.start_ms <= bucket * BUCKET_MS + BUCKET_MS - 1 and gap.end_ms >= bucket * BUCKET_MS
    }
    assert buckets_touching(buckets, gaps) == expected


@given(
    events=st.lists(st.tuples(st.integers(0, 3 * BUCKET_MS), st.integers(0, 5)), max_size=30),
    known=st.lists(st.tuples(st.integers(0, 3 * BUCKET_MS), st.integers(0, 5)), max_size=5),
    left_out=st.sets(st.integers(0, 29)),
)
def test_each_event_is_new_once(
    events: list[tuple[int, int]], known: list[tuple[int, int]], left_out: set[int]
) -> None:
    """In any order of time, with ids that come twice, and some events left out."""
    seen = SeenIds()
    seen.load([(timestamp_ms // BUCKET_MS, bytes([number])) for timestamp_ms, number in known])
    places = [place for place in range(len(events)) if place not in left_out]
    expected, met = [], {(timestamp_ms // BUCKET_MS, number) for timestamp_ms, number in known}
    for place in places:
        timestamp_ms, number = events[place]
        if (timestamp_ms // BUCKET_MS, number) not in met:
            met.add((timestamp_ms // BUCKET_MS, number))
            expected.append(place)
    timestamps_ms = [timestamp_ms for timestamp_ms, _ in events]
    digests = [bytes([number]) for _, number in events]
    new, keys = seen.add(timestamps_ms, digests, places)
    assert new == expected
    assert keys == [(timestamps_ms[place] // BUCKET_MS, digests[place]) for place in new]
    assert len(seen) == len(met)
    assert seen.add(timestamps_ms, digests, places) == ([], [])
