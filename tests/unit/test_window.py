"""Chains without an end, moments that are refused, and times when much is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from readers import log_events

from k8saudit_eks.delivery.ledger.protocol import Gap
from k8saudit_eks.delivery.polling.passes import EMPTY_PAGES_MAX
from k8saudit_eks.delivery.polling.read import Purpose, Read
from k8saudit_eks.delivery.polling.window import Window
from k8saudit_eks.delivery.seen import SeenIds

pytestmark = pytest.mark.both_ways

START_MS = 1_767_225_600_000
POLL_MS = 5_000
LATE_WINDOW_MS = 300_000
CALL_MS = 200
MINUTE_MS = 60_000
PAGE_EVENTS = 500


class Answer(Enum):
    """What the log group says to a request."""

    PAGE = "page"
    REFUSED = "refused"
    ENDLESS = "an empty page with a token"


def window_of(*gaps: Gap) -> Window:
    return Window(
        settled_ms=START_MS,
        seen=SeenIds(),
        now_ms=START_MS,
        late_window_ms=LATE_WINDOW_MS,
        polling_interval_ms=POLL_MS,
        give_up_after_ms=60 * MINUTE_MS,
        gaps=gaps,
    )


def an_event(at_ms: int) -> dict[str, Any]:
    return {"eventId": str(at_ms), "timestamp": at_ms, "ingestionTime": at_ms + 500}


@dataclass
class Capture:
    """A window, and a log group with an event a second, visible half a second later.

    Attributes:
        answer: to this read, now.
        calls: by purpose, in their order.
        most_gaps: at a time.
    """

    answer: Callable[[Read, int], Answer]
    window: Window = field(default_factory=window_of)
    now_ms: int = START_MS
    calls: list[Purpose] = field(default_factory=list)
    taken_ms: list[int] = field(default_factory=list)
    most_gaps: int = 0

    def run(self, until_ms: int) -> None:
        while self.now_ms < until_ms:
            reads = self.window.next_reads(self.now_ms)
            if isinstance(reads, int):
                self.now_ms += reads
                continue
            for read in reads:
                self._ask(read)
            self.most_gaps = max(self.most_gaps, len(self.window.gaps))
            assert self.window.give_up(self.now_ms) == 0
            self.window.take_mark()

    def _ask(self, read: Read) -> None:
        self.calls.append(read.purpose)
        self.now_ms += CALL_MS
        answer = self.answer(read, self.now_ms)
        if answer is Answer.REFUSED:
            self.window.refused(read, self.now_ms)
        elif answer is Answer.ENDLESS:
            self.window.page(read, log_events([]), read.token or "0", self.now_ms)
        else:
            events, token = self._page(read)
            result = self.window.page(read, log_events(events), token, self.now_ms)
            self.taken_ms += [events[place]["timestamp"] for place in result.fresh]

    def _page(self, read: Read) -> tuple[list[dict[str, Any]], str | None]:
        last_ms = self.now_ms - 500
        if read.end_ms is not None:
            last_ms = min(last_ms, read.end_ms)
        first_ms = -(-max(read.start_ms, START_MS) // 1_000) * 1_000
        moments_ms = range(first_ms, last_ms + 1, 1_000)
        skip = int(read.token or "0")
        page = moments_ms[skip : skip + PAGE_EVENTS]
        token = str(skip + PAGE_EVENTS) if skip + PAGE_EVENTS < len(moments_ms) else None
        return [an_event(at_ms) for at_ms in page], token


def holds(read: Read, at_ms: int, now_ms: int) -> bool:
    """Whether the read asks for that moment, which is over."""
    return read.start_ms <= at_ms <= (now_ms if read.end_ms is None else read.end_ms)


def written_ms(until_ms: int) -> list[int]:
    return list(range(START_MS, until_ms, 1_000))


@pytest.mark.parametrize("purpose", [Purpose.HEAD, Purpose.REREAD, Purpose.SETTLE, Purpose.GAP])
def test_a_chain_without_an_end_is_halved(purpose: Purpose) -> None:
    """Nine empty pages in a row are nothing; the tenth makes two of it, from their first page."""
    chains: list[Read] = []

    def answer(read: Read, _: int) -> Answer:
        if read.purpose is not purpose or (chains and read is not chains[0]):
            return Answer.PAGE
        chains.append(read)
        return Answer.ENDLESS

    gaps = (Gap(START_MS - 1_000, START_MS - 1),) if purpose is Purpose.GAP else ()
    capture = Capture(answer, window_of(*gaps), START_MS + 6 * MINUTE_MS)
    if purpose is Purpose.REREAD:
        # The head reaches as far as a rung where little is written.
        capture.window = Window(
            settled_ms=START_MS,
            seen=SeenIds(),
            now_ms=capture.now_ms - 2 * MINUTE_MS,
            late_window_ms=LATE_WINDOW_MS,
            polling_interval_ms=POLL_MS,
            give_up_after_ms=60 * MINUTE_MS,
        )
    capture.run(capture.now_ms + 2 * MINUTE_MS)
    assert len(chains) == EMPTY_PAGES_MAX
    assert capture.window.gaps == ()
    assert capture.window.settled_ms > START_MS + MINUTE_MS


def test_a_chain_that_has_an_end_after_all_is_no_gap() -> None:
    """Eleven empty pages before the event: a gap stays one until its last page has come."""
    window = window_of(Gap(START_MS, START_MS))
    (read,) = [r for r in _reads(window, START_MS) if r.purpose is Purpose.GAP]
    for _ in range(EMPTY_PAGES_MAX + 1):
        window.page(read, log_events([]), "token", START_MS)
    assert window.gaps == (Gap(START_MS, START_MS),), "one millisecond: it can't be halved"
    result = window.page(read, log_events([an_event(START_MS)]), None, START_MS)
    assert result.fresh == [0]
    assert window.gaps == ()


def _reads(window: Window, now_ms: int) -> list[Read]:
    reads = window.next_reads(now_ms)
    assert isinstance(reads, list)
    return reads


@pytest.mark.parametrize("kind", [Answer.ENDLESS, Answer.REFUSED])
def test_one_bad_millisecond_becomes_a_gap(kind: Answer) -> None:
    """Head, ladder and settling leave it out; all else comes in time, and it when it is well."""
    bad_ms = START_MS + 2 * MINUTE_MS
    well_ms = START_MS + 30 * MINUTE_MS

    def answer(read: Read, now_ms: int) -> Answer:
        is_bad = now_ms < well_ms and now_ms > bad_ms and holds(read, bad_ms, now_ms)
        return kind if is_bad else Answer.PAGE

    capture = Capture(answer)
    capture.run(well_ms - MINUTE_MS)
    assert capture.window.gaps == (Gap(bad_ms, bad_ms),)
    assert capture.window.settled_ms > capture.now_ms - LATE_WINDOW_MS - MINUTE_MS
    known_ms = {at_ms for at_ms in written_ms(capture.now_ms - 30_000) if at_ms != bad_ms}
    assert known_ms <= set(capture.taken_ms)
    assert len(capture.calls) < 2_000, "a healthy log group takes some 500"
    capture.run(well_ms + 2 * MINUTE_MS)
    assert capture.window.gaps == ()
    assert bad_ms in capture.taken_ms
    assert len(capture.taken_ms) == len(set(capture.taken_ms))


@pytest.mark.parametrize("seed", range(5))
def test_when_three_of_four_calls_fail_no_range_is_suspected(seed: int) -> None:
    """Half an hour of it by chance: few gaps, few calls; when it is over, nothing is lost."""
    chance = random.Random(seed)  # noqa: S311
    well_ms = START_MS + 30 * MINUTE_MS

    def answer(_: Read, now_ms: int) -> Answer:
        fails = now_ms < well_ms and chance.random() < 0.75
        return Answer.REFUSED if fails else Answer.PAGE

    capture = Capture(answer)
    capture.run(well_ms)
    # Where every refusal counts as the range's own there are 77 to 132, and 6,000 calls.
    assert capture.most_gaps <= 48
    assert len(capture.calls) < 1_500
    capture.run(well_ms + 15 * MINUTE_MS)
    assert capture.window.gaps == ()
    assert sorted(capture.taken_ms)[: 44 * 60] == written_ms(START_MS + 44 * MINUTE_MS)
    assert capture.window.settled_ms > capture.now_ms - LATE_WINDOW_MS - MINUTE_MS


@pytest.mark.parametrize("length_ms", [1_000, 5_000, 30_000])
def test_a_bad_range_holds_up_nothing_behind_it(length_ms: int) -> None:
    """It is refused from its writing on: what is written behind it comes within two polls."""
    bad = range(START_MS + MINUTE_MS, START_MS + MINUTE_MS + length_ms)

    def answer(read: Read, now_ms: int) -> Answer:
        end_ms = now_ms if read.end_ms is None else min(read.end_ms, now_ms)
        is_bad = read.start_ms < bad.stop and end_ms >= bad.start
        return Answer.REFUSED if is_bad else Answer.PAGE

    capture = Capture(answer)
    for until_ms in range(bad.stop, bad.stop + 10 * MINUTE_MS, POLL_MS):
        capture.run(until_ms)
        missing = set(written_ms(until_ms - 2 * POLL_MS)) - set(capture.taken_ms)
        # What was written while AWS refused the newest part, too, shares its gap for a while.
        assert {at_ms for at_ms in missing if at_ms >= bad.stop + 2 * POLL_MS} == set()
        if until_ms > bad.stop + 3 * MINUTE_MS:
            assert missing <= set(bad)


def test_what_came_late_behind_the_pages_of_a_gap_is_found() -> None:
    """The gap's chain began before late_window was over, and ended when no slice reads it."""
    gap = Gap(START_MS, START_MS + 9_999)
    window = window_of(gap)
    now_ms = START_MS + 200_000

    def gap_read() -> Read:
        for _ in range(100):
            reads = window.next_reads(now_ms)
            assert isinstance(reads, list)
            if reads[0].purpose is Purpose.GAP:
                return reads[0]
            window.page(reads[0], log_events([]), None, now_ms)
        raise AssertionError

    chain = gap_read()
    window.page(chain, log_events([]), "token", now_ms)
    now_ms = START_MS + LATE_WINDOW_MS + 2 * MINUTE_MS
    for _ in range(20):
        reads = window.next_reads(now_ms)
        assert isinstance(reads, list)
        for read in reads:
            if read is not chain:
                window.page(read, log_events([]), None, now_ms)
    window.page(chain, log_events([]), None, now_ms)
    assert window.gaps == (gap,), "something may have come late behind the first page"
    again = gap_read()
    window.page(again, log_events([an_event(START_MS + 1)]), None, now_ms)
    assert window.gaps == ()


def test_a_gap_of_the_head_covers_nothing_that_is_settled() -> None:
    """Its ids are forgotten: a gap there would deliver its events again."""
    window = window_of()
    now_ms = START_MS + LATE_WINDOW_MS + 40_000
    for _ in range(100):
        reads = window.next_reads(now_ms)
        now_ms += CALL_MS
        for read in [] if isinstance(reads, int) else reads:
            if read.purpose is Purpose.HEAD:
                window.refused(read, now_ms)
            else:
                window.page(read, log_events([an_event(read.start_ms)]), None, now_ms)
    assert window.settled_ms == START_MS + 30_000
    assert window.gaps
    assert window.gaps[0].start_ms >= window.settled_ms
