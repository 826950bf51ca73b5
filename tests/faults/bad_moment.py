"""One moment of the log, or one log stream, that CloudWatch can't read for a while."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from fakes import client_error
from simulated_logs import SimulatedLogs

_TOKEN = "without-end-"  # noqa: S105 (a page token; no secret)


class Trouble(Enum):
    """What comes of asking for it."""

    REFUSED = "status 500 for each range that holds it"
    PAGE_REFUSED = "status 500 for the page that would hold it, after the pages before it"
    ENDLESS = "empty pages without end for each range that holds it"
    SAME_TOKEN = "empty pages whose token leads to themselves"  # noqa: S105


@dataclass(frozen=True)
class BadMoment:
    """Nothing whose range holds `at_ms` can be read between two times.

    Attributes:
        since_ms, until_ms: of AWS's clock, when it is asked.
    """

    at_ms: int
    since_ms: int
    until_ms: int
    trouble: Trouble = Trouble.REFUSED

    def answer(
        self, request: dict[str, Any], logs: SimulatedLogs, now_ms: int
    ) -> dict[str, Any] | None:
        """What comes instead of the log group's own answer; None when it is not asked.

        Raises:
            ClientError: the refusal.
        """
        token, mine = request.get("nextToken", ""), f"{_TOKEN}{self.at_ms}-"
        # Before it comes, there is nothing to be read.
        is_bad = max(self.since_ms, self.at_ms) <= now_ms < self.until_ms
        is_bad = is_bad and self._is_in_range(request)
        match self.trouble:
            case Trouble.REFUSED if is_bad:
                raise refusal()
            case Trouble.PAGE_REFUSED if is_bad:
                return self._page_before(request, logs, now_ms)
            case Trouble.ENDLESS if is_bad:
                number = int(token.removeprefix(mine)) if token.startswith(mine) else 0
                return {"events": [], "nextToken": f"{mine}{number + 1}"}
            case Trouble.SAME_TOKEN if is_bad:
                return {"events": [], "nextToken": f"{mine}0"}
        if token.startswith(mine):
            # Healed: behind the empty pages the events of the range begin.
            first = {name: value for name, value in request.items() if name != "nextToken"}
            return logs.filter_log_events(first, now_ms)
        return None

    def _is_in_range(self, request: dict[str, Any]) -> bool:
        return bool(request["startTime"] <= self.at_ms <= request.get("endTime", self.at_ms))

    def _page_before(
        self, request: dict[str, Any], logs: SimulatedLogs, now_ms: int
    ) -> dict[str, Any]:
        page = logs.filter_log_events(request, now_ms)
        events = page["events"]
        if "nextToken" in page and events and events[-1]["timestamp"] < self.at_ms:
            return page
        raise refusal()


@dataclass(frozen=True)
class BadStream:
    """A log stream that can't be asked for by name between two times."""

    name: str
    since_ms: int
    until_ms: int

    def answer(
        self, request: dict[str, Any], logs: SimulatedLogs, now_ms: int
    ) -> dict[str, Any] | None:
        """None, or the refusal.

        Raises:
            ClientError: the refusal.
        """
        if self.since_ms <= now_ms < self.until_ms and self.name in request.get(
            "logStreamNames", ()
        ):
            raise refusal()
        return None


def refusal() -> Exception:
    """Status 500, as for a part of the log that AWS can't read."""
    error: Exception = client_error("InternalFailure", "internal failure", status=500)
    return error
