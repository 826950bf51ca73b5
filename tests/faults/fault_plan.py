"""What can go wrong between here and AWS, and when: chosen from a seed."""

# Seeded chance, nothing secret.
# ruff: noqa: S311

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple


class Fault(Enum):
    """One way for a call of FilterLogEvents to go wrong."""

    EMPTY_PAGE = "an empty page with a token"
    THROTTLE = "ThrottlingException"
    SERVER_ERROR = "an answer with status 5xx, by AWS or by a proxy"
    RESET = "connection reset"
    HALF_SENT = "an answer that breaks off"
    NO_ANSWER = "an answer that never comes"
    NOT_JSON = "status 200 and a page for humans"
    WRONG_SHAPE = "valid JSON that is no answer"
    TOKEN_EXPIRED = "a page token that is refused"  # noqa: S105 (no secret)
    CREDENTIALS_EXPIRED = "ExpiredTokenException"
    ACCESS_DENIED = "AccessDeniedException"
    LOG_GROUP_GONE = "ResourceNotFoundException"


# A refusal's code, message and status, as CloudWatch Logs gives them.
REFUSALS = {
    Fault.THROTTLE: ("ThrottlingException", "Rate exceeded", 400),
    Fault.TOKEN_EXPIRED: (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
        400,
    ),
    Fault.CREDENTIALS_EXPIRED: (
        "ExpiredTokenException",
        "The security token included in the request is expired",
        400,
    ),
    Fault.ACCESS_DENIED: (
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/falco/i-1 is not authorized to perform: "
        "logs:FilterLogEvents on resource: arn:aws:logs:eu-west-1:123456789012:log-group:x",
        400,
    ),
    Fault.LOG_GROUP_GONE: (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
        400,
    ),
}

WRONG_SHAPES: tuple[Any, ...] = (
    [],
    7,
    "events",
    None,
    {},
    {"events": None},
    {"events": {}},
    {"events": "none"},
    {"events": [1, 2]},
    {"events": [{}]},
    {"events": [{"eventId": 5, "timestamp": 1, "message": "x"}]},
    {"events": [{"eventId": "5", "timestamp": "yesterday", "message": "x"}]},
    {"events": [], "nextToken": {"a": 1}},
    {"message": "Service Unavailable"},
)


class Outage(NamedTuple):
    """A fault that hits every call between two times of the server's clock."""

    fault: Fault
    start_ms: int
    end_ms: int


@dataclass
class FaultPlan:
    """Decides for each call whether it goes wrong, and how.

    Attributes:
        rates: the share of calls that each fault hits; together at most 1.
        at_most: how often a fault comes at all; without a number, no bound.
        calm_calls: so many calls are left alone first, so that a host can open.
        happened: how often each fault came.
    """

    seed: int = 0
    rates: Mapping[Fault, float] = field(default_factory=dict)
    outages: Sequence[Outage] = ()
    at_most: Mapping[Fault, int] = field(default_factory=dict)
    calm_calls: int = 1
    happened: Counter[Fault] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def fault(self, request: Mapping[str, Any], now_ms: int) -> Fault | None:
        """What happens to this call of FilterLogEvents."""
        if self.calm_calls > 0:
            self.calm_calls -= 1
            return None
        chosen = self._chosen(now_ms)
        if chosen is None or self.happened[chosen] >= self.at_most.get(chosen, 1 << 30):
            return None
        if chosen is Fault.TOKEN_EXPIRED and "nextToken" not in request:
            return None
        self.happened[chosen] += 1
        return chosen

    def _chosen(self, now_ms: int) -> Fault | None:
        for outage in self.outages:
            if outage.start_ms <= now_ms < outage.end_ms:
                return outage.fault
        throw = self.chance.random()
        for fault, rate in self.rates.items():
            throw -= rate
            if throw < 0:
                return fault
        return None
