"""Whose turn it is, and how long a back-off may take, when AWS refuses reads."""

from __future__ import annotations

import pytest

from k8saudit_eks.delivery.read import Purpose, Read
from k8saudit_eks.delivery.seen import SeenIds
from k8saudit_eks.delivery.window import Window

START_MS = 1_767_225_600_000
POLL_MS = 5_000
BEHIND_MS = START_MS + 3_600_000


@pytest.fixture
def window() -> Window:
    return Window(
        settled_ms=START_MS,
        seen=SeenIds(),
        late_window_ms=300_000,
        polling_interval_ms=POLL_MS,
    )


def reads_of(window: Window, now_ms: int) -> list[Read]:
    reads = window.next_reads(now_ms, 3)
    assert isinstance(reads, list)
    return reads


def test_a_backlog_backs_off_as_long_as_it_likes(window: Window) -> None:
    """Some calls failed, others did not: the head is not next, so nothing is cut short."""
    (settling,) = reads_of(window, BEHIND_MS)
    assert settling.purpose is Purpose.SETTLE
    assert window.patience_ms(BEHIND_MS) is None


def test_a_head_comes_between_two_refusals_of_a_slice(window: Window) -> None:
    """It is asked for what no slice reads yet, and its next poll ends a back-off."""
    (settling,) = reads_of(window, BEHIND_MS)
    window.refused([settling])
    assert window.patience_ms(BEHIND_MS) == 0
    (head,) = reads_of(window, BEHIND_MS)
    assert (head.purpose, head.start_ms) == (Purpose.HEAD, BEHIND_MS - 330_000)
    # One page, of a chain that may never end.
    window.page(head, [], "token", BEHIND_MS)
    assert reads_of(window, BEHIND_MS) == [settling]
    window.refused([settling])
    assert reads_of(window, BEHIND_MS) == [head]
    window.page(head, [], None, BEHIND_MS)
    assert reads_of(window, BEHIND_MS) == [settling]
    window.refused([settling])
    assert window.patience_ms(BEHIND_MS + 2_000) == POLL_MS - 2_000
    assert reads_of(window, BEHIND_MS + 2_000) == [settling]


def test_where_heads_are_refused_too_back_off_is_not_cut_short(window: Window) -> None:
    """Nothing is gained by asking sooner; one page that comes ends that."""
    (settling,) = reads_of(window, BEHIND_MS)
    window.refused([settling])
    (head,) = reads_of(window, BEHIND_MS)
    window.refused([head])
    assert reads_of(window, BEHIND_MS) == [settling]
    window.refused([settling])
    assert window.patience_ms(BEHIND_MS) is None
    window.page(head, [], None, BEHIND_MS)
    window.refused([settling])
    assert window.patience_ms(BEHIND_MS) == POLL_MS
