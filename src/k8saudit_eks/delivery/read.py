"""What is asked of a log group: one range, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# CloudWatch's page tokens expire after 24 hours, and some servers answer a bad
# token with an empty page, as if the chain had ended: never use an old one.
_TOKEN_MAX_AGE_MS = 12 * 3600 * 1000


class Purpose(Enum):
    """Why a range is read."""

    HEAD = "head"
    SETTLE = "settle"
    SCOUT = "scout"


@dataclass(eq=False)
class Read:
    """A chain of pages to be read: the next request is this, with this token.

    Attributes:
        start_ms, end_ms: inclusive; an end of None is open.
        streams: only these log streams; empty for all.
        token: of the next page; None for the first.
        token_at_ms: when the token was got.
        pages, events, duplicates, largest_page: what was read so far; the last in events.
        done: whether the chain has ended.
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
    done: bool = False

    def restart(self) -> None:
        """Read the same range again from its first page."""
        self.token = None
        self.pages = self.events = self.duplicates = self.largest_page = 0

    def drop_old_token(self, now_ms: int) -> None:
        """Begin again rather than use a token that may have expired."""
        if self.token is not None and now_ms - self.token_at_ms > _TOKEN_MAX_AGE_MS:
            self.restart()

    def took(self, events: int, duplicates: int, next_token: str | None, now_ms: int) -> None:
        """A page has come; without a next token it was the last."""
        self.pages += 1
        self.events += events
        self.duplicates += duplicates
        self.largest_page = max(self.largest_page, events)
        self.token = next_token
        self.token_at_ms = now_ms
        self.done = next_token is None
