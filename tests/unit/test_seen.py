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
