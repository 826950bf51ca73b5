"""What is asked of a log group: one range, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from k8saudit_eks.delivery.ledger.protocol import Gap

# CloudWatch's page tokens expire after 24 hours, and some servers answer a bad
# token with an empty page, as if the chain had ended: never use an old one.
_TOKEN_MAX_AGE_MS = 12 * 3600 * 1000

# A read that is refused again and again is left alone for so long at most.
BACK_OFF_MAX_MS = 30_000


class Purpose(Enum):
    """Why a range is read."""

    HEAD = "head"
    REREAD = "reread"
    SAMPLE = "sample"
    SETTLE = "settle"
    GAP = "gap"


@dataclass(eq=False)
class Read:
    """A chain of pages to be read: the next request is this, with this token.

    Attributes:
        start_ms, end_ms: inclusive; an end of None is open.
        streams: only these log streams; empty for all.
        token: of the next page; None for the first.
        token_at_ms: when the token was got.
        pages, events, duplicates, largest_page: what was read so far; the last in events.
        empty_pages: how many of the latest pages, without a break, had no events.
        done: whether the chain has ended.
        refusals: how often AWS refused it, or what it is a part of.
        refused_at_ms: when that happened first.
        retry_at_ms: not to be asked for before.
        began_ms: when its first page was asked for.
    """

    purpose: Purpose
    start_ms: int
    end_ms: int | None
    streams: tuple[str, ...] = ()
    token: str | None = None
    token_at_ms: int = 0
    pages: int = 0
    events: int = 0
    duplicates: int = 0
    largest_page: int = 0
    empty_pages: int = 0
    done: bool = False
    refusals: int = 0
    refused_at_ms: int | None = None
    retry_at_ms: int = 0
    began_ms: int = 0

    def length_ms(self, now_ms: int) -> int:
        """How long the range is; an open end counts as now."""
        return (now_ms if self.end_ms is None else self.end_ms) - self.start_ms + 1

    def restart(self) -> None:
        """Read the same range again from its first page."""
        self.token = None
        self.done = False
        self.pages = self.events = self.duplicates = self.largest_page = self.empty_pages = 0

    def waits(self, now_ms: int) -> bool:
        """Whether it is to be left alone for a while; a clock that went back prolongs nothing."""
        return 0 < self.retry_at_ms - now_ms <= BACK_OFF_MAX_MS

    def about_to_ask(self, now_ms: int) -> None:
        """The next page is asked for: with no token that may have expired."""
        if self.token is not None and now_ms - self.token_at_ms > _TOKEN_MAX_AGE_MS:
            self.restart()
        if self.pages == 0:
            self.began_ms = now_ms

    def took(self, events: int, duplicates: int, next_token: str | None, now_ms: int) -> None:
        """A page has come; without a next token it was the last."""
        self.pages += 1
        self.events += events
        self.duplicates += duplicates
        self.largest_page = max(self.largest_page, events)
        self.empty_pages = 0 if events else self.empty_pages + 1
        self.token = next_token
        self.token_at_ms = now_ms
        self.done = next_token is None
        if events and not self.done:
            # What was refused may have been bad luck after all.
            self.refusals, self.refused_at_ms = 0, None

    def halves(self, now_ms: int) -> tuple[Read, Read]:
        """The same range as two, each from its first page; the length must be 2 ms or more."""
        middle_ms = self.start_ms + self.length_ms(now_ms) // 2
        return self._part(self.start_ms, middle_ms - 1), self._part(middle_ms, self.end_ms)

    def around(self, gaps: Iterable[Gap]) -> list[Read]:
        """The parts of the range that are in none of the gaps, oldest first.

        Args:
            gaps: apart from each other, oldest first.
        """
        parts = []
        start_ms = self.start_ms
        for gap in gaps:
            if gap.end_ms < start_ms or (self.end_ms is not None and gap.start_ms > self.end_ms):
                continue
            if gap.start_ms > start_ms:
                parts.append(self._part(start_ms, gap.start_ms - 1))
            start_ms = gap.end_ms + 1
        if self.end_ms is None or start_ms <= self.end_ms:
            parts.append(self._part(start_ms, self.end_ms))
        return parts

    def _part(self, start_ms: int, end_ms: int | None) -> Read:
        part = Read(self.purpose, start_ms, end_ms, self.streams)
        part.refusals, part.refused_at_ms = self.refusals, self.refused_at_ms
        return part
