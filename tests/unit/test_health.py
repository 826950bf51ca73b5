"""What tells a range that AWS refuses from a time when it refuses much."""

from __future__ import annotations

from k8saudit_eks.delivery.polling.health import Health
from k8saudit_eks.delivery.polling.read import Purpose, Read

START_MS = 1_767_225_600_000


def read_of(refusals: int = 0, pages: int = 0) -> Read:
    read = Read(Purpose.SETTLE, START_MS, START_MS, refusals=refusals)
    read.pages = read.events = pages
    return read


def test_it_is_good_at_first_and_nothing_was_answered() -> None:
    """A range that is refused from the start may be suspected, but not given up."""
    health = Health()
    assert health.is_good
    assert not health.answered_since(0)


def test_it_takes_a_few_refused_reads_to_be_bad_and_as_many_answers_to_be_good() -> None:
    """Five at the start are bad luck, six are a bad time; it ends as it began."""
    health = Health()
    for _ in range(5):
        health.refused(read_of())
    assert health.is_good
    health.refused(read_of())
    assert not health.is_good
    health.answered(read_of(), START_MS)
    assert health.is_good


def test_after_a_long_bad_time_it_takes_more_than_an_answer() -> None:
    """One of the few that get through is no proof that most do."""
    health = Health()
    for _ in range(100):
        health.refused(read_of())
    for _ in range(5):
        health.answered(read_of(), START_MS)
        assert not health.is_good
    health.answered(read_of(), START_MS)
    assert health.is_good


def test_a_read_counts_by_its_first_attempt() -> None:
    """A bad range asked for again and again spoils nothing, a late answer proves nothing."""
    health = Health()
    for refusals in range(1, 100):
        health.refused(read_of(refusals))
    assert health.is_good
    for _ in range(100):
        health.refused(read_of())
    for _ in range(100):
        health.answered(read_of(refusals=1), START_MS)
        health.answered(read_of(pages=1), START_MS)
    assert not health.is_good


def test_any_answer_shows_that_aws_answers() -> None:
    """Of a read that was refused before, too; the newest counts."""
    health = Health()
    health.answered(read_of(refusals=3, pages=2), START_MS)
    assert health.answered_since(START_MS)
    assert not health.answered_since(START_MS + 1)
    health.refused(read_of())
    assert health.answered_since(START_MS)
