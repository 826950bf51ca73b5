"""From the host's progress to the ledger: keys, marks and the time of life."""

from __future__ import annotations

from collections.abc import Sequence

from k8saudit_eks.delivery.acknowledge import Acknowledger
from k8saudit_eks.delivery.ledger.protocol import Gap, Mark, NoLedger
from k8saudit_eks.delivery.seen import Key


class Book(NoLedger):
    """Keeps each write."""

    def __init__(self) -> None:
        self.writes: list[tuple[list[Key], Mark | None, int | None]] = []

    def write(self, keys: Sequence[Key], mark: Mark | None, alive_ms: int | None = None) -> None:
        self.writes.append((list(keys), mark, alive_ms))


KEYS: list[Key] = [(1, bytes([number])) for number in range(3)]


def test_a_mark_waits_for_the_events_before_it() -> None:
    """With its gaps; the newest of several that are due counts."""
    book = Book()
    acknowledger = Acknowledger(book)
    acknowledger.about_to_push(KEYS, [1, 1, 1])
    first, second = Mark(5, (Gap(1, 2),)), Mark(6)
    acknowledger.settle(first)
    acknowledger.settle(second)
    acknowledger.commit(2)
    assert book.writes == [(KEYS[:2], None, None)]
    acknowledger.commit(3)
    assert book.writes[1:] == [(KEYS[2:], second, None)]


def test_the_time_of_life_goes_with_what_is_written() -> None:
    """And alone every thirty seconds, after a clock that was set back, and at close."""
    book = Book()
    acknowledger = Acknowledger(book)
    acknowledger.commit(0)
    assert book.writes == []
    acknowledger.alive(100_000)
    acknowledger.commit(0)
    acknowledger.alive(129_999)
    acknowledger.commit(0)
    assert book.writes == [([], None, 100_000)]
    acknowledger.settle(Mark(9))
    acknowledger.commit(0)
    acknowledger.alive(159_999)
    acknowledger.commit(0)
    acknowledger.commit(0)
    acknowledger.alive(60_000)
    acknowledger.commit(0)
    acknowledger.alive(60_001)
    acknowledger.close(0)
    assert book.writes[1:] == [
        ([], Mark(9), 129_999),
        ([], None, 159_999),
        ([], None, 60_000),
        ([], None, 60_001),
    ]


def test_a_push_is_written_down_as_far_as_the_host_is() -> None:
    """A list's key when its last event is evaluated; a blank line's with the key before it."""
    book = Book()
    acknowledger = Acknowledger(book)
    acknowledger.about_to_push(KEYS, [2, 0, 1])
    written = []
    for delivered in range(4):
        acknowledger.commit(delivered)
        written.append(sum(len(keys) for keys, _, _ in book.writes))
    assert written == [0, 0, 2, 3]
    assert not acknowledger.waiting


def test_keys_without_events_go_with_the_push_before() -> None:
    """Also where they begin a push, or are all of it."""
    book = Book()
    acknowledger = Acknowledger(book)
    acknowledger.about_to_push(KEYS[:1], [1])
    acknowledger.about_to_push(KEYS[1:2], [0])
    acknowledger.about_to_push(KEYS[2:], [0])
    acknowledger.commit(0)
    assert acknowledger.pending == 3
    acknowledger.commit(1)
    assert book.writes == [(KEYS, None, None)]
    assert acknowledger.pending == 0


def test_nothing_is_written_twice() -> None:
    """Where less is said to be delivered than before: reading begins again with commit(0)."""
    book = Book()
    acknowledger = Acknowledger(book)
    acknowledger.about_to_push(KEYS, [1, 1, 1])
    for delivered in (2, 0, 1, 3):
        acknowledger.commit(delivered)
    assert [keys for keys, _, _ in book.writes] == [KEYS[:2], KEYS[2:]]
