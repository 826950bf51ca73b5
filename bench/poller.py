"""CPU time from a page's bytes to the queue, per event.

    python bench/poller.py

The real source and the real boto3 client read pages from a connection that is
replaced by bytes in memory: everything that happens after the bytes have arrived
is counted (botocore's parsing, window, framing, acknowledgement), sockets and TLS
are not. json.loads of the same pages is measured beside it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

# Neither ships type information.
import boto3  # type: ignore[import-untyped]
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]
from botocore.config import Config as ClientConfig  # type: ignore[import-untyped]

from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import NoLedger
from k8saudit_eks.metrics import Metric
from k8saudit_eks.repair import close
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

PAGES = 60
EVENT_BYTES = 2048
LIMIT_US = 20.0
# The call budget is not what is measured: waiting for it costs a little CPU too.
CALLS_PER_S = 100
# All rounds read the same pages, whose events must not be older than this.
SHIFT_S = 200
ROUNDS = 5


def audit_line(number: int, timestamp_ms: int) -> str:
    """A realistic event of about EVENT_BYTES bytes that happened at timestamp_ms."""
    stage = datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="microseconds")
    event = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"00000000-0000-4000-8000-{number:012d}",
        "stage": "ResponseComplete",
        "requestURI": f"/api/v1/namespaces/team-{number % 40}/configmaps/settings?timeout=10s",
        "verb": "update",
        "user": {
            "username": "system:serviceaccount:kube-system:deployment-controller",
            "uid": "aws-iam-authenticator:123456789012:AROAEXAMPLE",
            "groups": ["system:serviceaccounts", "system:authenticated"],
        },
        "sourceIPs": ["10.0.13.7"],
        "userAgent": "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc",
        "objectRef": {"resource": "pods", "namespace": "default", "name": f"web-{number}"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestObject": {"spec": {"containers": []}},
        "requestReceivedTimestamp": "2026-01-01T00:00:00.100000Z",
        "stageTimestamp": stage.replace("+00:00", "Z"),
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }
    container = {"name": "app", "image": "registry.example/app:1.2.3", "args": ["--verbose"]}
    while len(json.dumps(event)) < EVENT_BYTES:
        event["requestObject"]["spec"]["containers"].append(container)  # type: ignore[index]
    return json.dumps(event, separators=(",", ":"))


def make_pages(start_ms: int) -> tuple[list[bytes], int]:
    """PAGES answers of 1 MB of messages each, and how many events they hold."""
    per_page = 1_000_000 // len(audit_line(0, start_ms))
    pages = []
    for page in range(PAGES):
        events = []
        for number in range(page * per_page, (page + 1) * per_page):
            timestamp_ms = start_ms + number // 2
            event = {
                "logStreamName": f"kube-apiserver-audit-{number % 3:032d}",
                "timestamp": timestamp_ms,
                "message": audit_line(number, timestamp_ms),
                "ingestionTime": timestamp_ms + 900,
                "eventId": f"{timestamp_ms:020d}{number:036d}",
            }
            events.append(event)
        answer = {"events": events, "searchedLogStreams": [], "nextToken": f"token-{page}"}
        if page == PAGES - 1:
            del answer["nextToken"]
        pages.append(json.dumps(answer).encode())
    return pages, PAGES * per_page


class Body:
    """What botocore reads an answer's bytes from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object) -> list[bytes]:
        return [self._content]

    def release_conn(self) -> None: ...


class Host:
    log = logging.getLogger("bench")
    close_json = staticmethod(close)

    def count(self, metric: Metric, amount: int = 1) -> None: ...

    def gauge(self, metric: Metric, value: int) -> None: ...

    def age(self, metric: Metric, since_s: float) -> None: ...


class Queue:
    """Counts, and joins the payloads as the native queue's caller does."""

    def __init__(self, stop_at: int, stop: threading.Event) -> None:
        self.count = 0
        self.stop_at = stop_at
        self.stop = stop

    def push(self, payloads: Sequence[bytes], times_ns: Sequence[int]) -> int:
        b"".join(payloads)
        self.count += len(payloads)
        if self.count >= self.stop_at:
            self.stop.set()
        return self.count

    def delivered(self) -> int:
        return self.count

    def set_progress(self, hundredths_percent: int) -> None: ...


def poll(pages: list[bytes], events: int) -> float:
    """CPU seconds that the real source takes for all pages."""
    client = boto3.client(
        "logs",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 (no secret)
        config=ClientConfig(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    answers = iter(pages)
    stop = threading.Event()

    def send(request: object, **_: object) -> AWSResponse:
        answer = next(answers, None)
        if answer is None:  # the source asks on: not everything reached the queue
            stop.set()
        headers = {"content-type": "application/x-amz-json-1.1"}
        return AWSResponse("https://x", 200, headers, Body(answer or b'{"events": []}'))

    client.meta.events.register("before-send.logs.FilterLogEvents", send)
    group = LogGroup(
        client, name="/aws/eks/prod/cluster", stream_prefix="kube-apiserver-audit-", account="1"
    )
    source = CloudWatchSource(
        Config(shift=SHIFT_S, api_rate=CALLS_PER_S), "prod", group, NoLedger(), Host()
    )
    queue = Queue(events, stop)
    started_s = time.process_time()
    source.run(queue, stop)
    used_s = time.process_time() - started_s
    if queue.count != events:
        raise SystemExit(f"{queue.count} of {events} events arrived")
    return used_s


def load(pages: list[bytes]) -> float:
    started_s = time.process_time()
    for page in pages:
        json.loads(page)
    return time.process_time() - started_s


def best(run: Callable[[], float]) -> float:
    return min(run() for _ in range(ROUNDS))


def main() -> int:
    pages, events = make_pages(int(time.time() * 1000))
    poll_us = best(lambda: poll(pages, events)) / events * 1e6
    loads_us = best(lambda: load(pages)) / events * 1e6
    print(f"{events} events of {len(audit_line(0, 0))} bytes on {PAGES} pages, best of {ROUNDS}")
    print(f"page to queue   {poll_us:6.2f} µs/event (at most {LIMIT_US:.0f})")
    print(f"json.loads      {loads_us:6.2f} µs/event of the same pages")
    print(f"ratio           {poll_us / loads_us:6.2f}")
    return 0 if poll_us <= LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
