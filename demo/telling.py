"""The story of a half hour as it is told: events at their seconds, with some jitter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from demo import objects
from demo.audit_event import Target, audit_event, rfc3339
from demo.identities import Identity, Json, Node

HEALTHY_DURATION_S = 1800
WATCH = {"allowWatchBookmarks": "true", "timeoutSeconds": "421", "watch": "true"}


@dataclass(frozen=True)
class Clock:
    """The story's time: microseconds since the epoch at its beginning."""

    start_us: int

    def at(self, second: float) -> int:
        return self.start_us + round(second * 1_000_000)


class Story:
    """Collects events: each method adds what one request, or one habit, leaves in the log."""

    def __init__(self, random: Random, start_us: int) -> None:
        self.random = random
        self.clock = Clock(start_us)
        self.events: list[tuple[int, Json]] = []

    def add(self, second: float, who: Identity, verb: str, target: Target, **details: Any) -> None:
        jittered = min(max(second + self.random.uniform(0, 0.9), 0), HEALTHY_DURATION_S - 0.001)
        time_us = self.clock.at(jittered)
        self.events.append(
            (time_us, audit_event(self.random, time_us, who, verb, target, **details))
        )

    def every(self, period_s: float) -> Iterator[float]:
        second = self.random.uniform(0, period_s)
        while second < HEALTHY_DURATION_S - 1:
            yield second
            second += period_s * self.random.uniform(0.92, 1.08)

    def renew_lease(self, second: float, who: Identity, namespace: str, name: str) -> None:
        body = objects.lease(name, namespace, name, rfc3339(self.clock.at(second)))
        target = Target("leases", namespace, name, "coordination.k8s.io")
        self.add(second, who, "update", target, body=body)

    def watch_again(self, second: float, who: Identity, target: Target) -> None:
        """A watch ends after some minutes and is opened again: two events, two stages."""
        watched = Target(
            target.resource, target.namespace, "", target.group, target.version, query=WATCH
        )
        self.add(second, who, "watch", watched, duration_us=421_000_000)
        self.add(second, who, "watch", watched, stage="ResponseStarted", duration_us=700)

    def token_request(self, second: float, node: Node, namespace: str, account: str) -> None:
        """A kubelet fetches a pod's IAM token (IRSA): logged at two stages."""
        body = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 86400},
        }
        target = Target("serviceaccounts", namespace, account, subresource="token")
        self.add(second, node.kubelet, "create", target, body=body, stage="RequestReceived")
        self.add(second, node.kubelet, "create", target, body=body)
