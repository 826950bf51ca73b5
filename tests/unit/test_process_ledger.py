"""What a capture leaves to the next one in the same process."""

from __future__ import annotations

import pytest

from k8saudit_eks.delivery.ledger.process import KEPT_MOST, KEPT_S, ProcessLedgers
from k8saudit_eks.delivery.ledger.protocol import Gap, Mark, Remembered
from k8saudit_eks.delivery.seen import BUCKET_MS, Key

NOTHING = Remembered(None, [])


class Now:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def key(bucket: int, number: int) -> Key:
    return (bucket, number.to_bytes(15, "big"))


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def ledgers(now: Now) -> ProcessLedgers:
    return ProcessLedgers(now)


def test_the_next_capture_goes_on(ledgers: ProcessLedgers) -> None:
    """With the mark, its gaps, the ids since, those that a gap keeps, and the time of life."""
    ledger = ledgers.open("a")
    assert ledger.load() == NOTHING
    ledger.write([key(bucket, bucket) for bucket in range(5)], None)
    mark = Mark(4 * BUCKET_MS, (Gap(BUCKET_MS, BUCKET_MS),))
    ledger.write([key(4, 9)], mark, 7)
    ledger.close()
    keys = [key(1, 1), key(4, 4), key(4, 9)]
    for _ in range(2):
        ledger = ledgers.open("a")
        assert ledger.load() == Remembered(*mark[:1], keys, mark.gaps, 7)
        ledger.close()


def test_it_goes_to_one_heir(ledgers: ProcessLedgers) -> None:
    """Captures that are open at the same time share nothing, nor do other owners."""
    first = ledgers.open("a")
    second = ledgers.open("a")
    first.write([key(1, 1)], Mark(5))
    assert second.load() == NOTHING
    first.close()
    assert ledgers.open("b").load() == NOTHING
    assert ledgers.open("a").load() == Remembered(5, [key(1, 1)])
    assert ledgers.open("a").load() == NOTHING


def test_it_is_forgotten_after_a_while(ledgers: ProcessLedgers, now: Now) -> None:
    """The next to open or close frees the memory; at most so many are kept before that."""
    ledgers.open("a").close()
    now.now_s = KEPT_S + 1
    assert ledgers.open("b").load() == NOTHING
    assert not ledgers._left
    for number in range(KEPT_MOST + 10):
        ledger = ledgers.open(number)
        ledger.write([], Mark(number))
        ledger.close()
    assert len(ledgers._left) == KEPT_MOST
    assert ledgers.open(KEPT_MOST + 9).load().settled_ms == KEPT_MOST + 9
