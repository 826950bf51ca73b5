"""CPU time from a page's bytes to the queue, per event; new ones, and ones seen before.

    python bench/poller.py

The real source and the real boto3 client read pages from a connection that is
replaced by bytes in memory: everything that happens after the bytes have arrived
is counted, and so is what a call of botocore costs whatever it brings (signing, for
example); sockets and TLS are not. json.loads of the same pages is measured beside it.

Pages go both paths: native, and plain, where botocore parses all of it. The queue is the
native one in both. Whatever takes events from it is not counted.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# The native code without a host is the tests' library.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "native"))

# Neither boto3 nor botocore ships type information.
import boto3  # type: ignore[import-untyped]
import native_library
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]
from botocore.config import Config as ClientConfig  # type: ignore[import-untyped]

from k8saudit_eks.aws.answers import read_answers
from k8saudit_eks.aws.log_group import LogGroup
from k8saudit_eks.config.table import Config
from k8saudit_eks.delivery.ledger.protocol import NoLedger
from k8saudit_eks.metrics import Metric
from k8saudit_eks.native_log_events import NativeReader
from k8saudit_eks.native_queue import NativeQueue
from k8saudit_eks.sources.cloudwatch.source import CloudWatchSource

PAGES = 60
EVENT_BYTES = 2048
# Of json.loads of the same pages, on the native path.
NEW_MOST, SEEN_MOST = 0.6, 0.25
# Of the time from a page's bytes to the queue, on the native path.
GIL_MOST = 0.2
# The call budget is not what is measured: waiting for it costs a little CPU too.
CALLS_PER_S = 100
# All rounds read the same pages, whose events must not be older than this.
SHIFT_S = 300
ROUNDS = 5
STREAM_PREFIX = "kube-apiserver-audit-"
# These work for a whole page, or a push, without the GIL.
TIMED = ("kae_log_events_read", "kae_log_events_frame", "kae_frames_push")


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


class TimedLibrary:
    """The native library; counts the time that calls for a whole page take.

    Its clock costs time, too: rounds that ask for CPU time do without it.
    """

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self.used_s = 0.0

    def __getattr__(self, name: str) -> Any:
        # Called once for each name: what is found is kept.
        found = getattr(self._lib, name)
        if name in TIMED:
            found = self._timed(found)
        setattr(self, name, found)
        return found

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            started_s = time.perf_counter()
            answer = function(*arguments)
            self.used_s += time.perf_counter() - started_s
            return answer

        return call


class Consumer:
    """Takes batches from a queue until it is closed, as a host does; its CPU time is its own."""

    def __init__(self, ffi: Any, lib: Any) -> None:
        self._ffi, self._lib = ffi, lib
        self._metrics = native_library.new_metrics(ffi)
        self.queue = lib.kae_queue_new(4096, self._metrics)
        self.events = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._thread.ident is not None  # noqa: S101 - it was started
        self._clock = time.pthread_getcpuclockid(self._thread.ident)

    def _run(self) -> None:
        self.events = self._lib.kae_drain(self.queue)

    @property
    def used_s(self) -> float:
        return time.clock_gettime(self._clock)

    def close(self) -> None:
        self._lib.kae_queue_end(self.queue)
        self._thread.join()
        self._lib.kae_queue_close(self.queue, self._ffi.NULL)
        self._lib.kae_queue_unref(self.queue)


class Host:
    """Counts the events that were seen before."""

    log = logging.getLogger("bench")

    def __init__(self, reader: NativeReader) -> None:
        self.reader = reader
        self.duplicates = 0

    def count(self, metric: Metric, amount: int = 1) -> None:
        if metric is Metric.DUPLICATES_SUPPRESSED:
            self.duplicates += amount

    def gauge(self, metric: Metric, value: int) -> None: ...

    def age(self, metric: Metric, since_s: float) -> None: ...


def new_client(send: Callable[..., AWSResponse]) -> Any:
    client = boto3.client(
        "logs",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 (no secret)
        config=ClientConfig(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    client.meta.events.register("before-send.logs.FilterLogEvents", send)
    return client


def response(body: bytes) -> AWSResponse:
    headers = {"content-type": "application/x-amz-json-1.1"}
    return AWSResponse("https://x", 200, headers, Body(body))


@dataclass
class Used:
    """CPU seconds for all pages.

    Attributes:
        new_s, seen_s: when each event is new, and when each was seen before.
        new_native_s, seen_native_s: of these, in native code that works for a page.
    """

    new_s: float
    seen_s: float
    new_native_s: float
    seen_native_s: float


def poll(pages: list[bytes], events: int, *, is_native: bool, is_timed: bool = False) -> Used:
    """Lets the real source read all pages, and then the same pages again.

    Args:
        is_timed: whether native code is timed by itself; costs CPU time.
    """
    ffi, real = native_library.session_library()
    lib = TimedLibrary(real)
    bound = lib if is_timed else real
    reader = NativeReader(ffi, bound)
    consumer = Consumer(ffi, real)
    stop = threading.Event()
    answers = iter(pages + pages)
    # (CPU time without the consumer's, native time) at the start, and after each reading.
    marks: list[tuple[float, float]] = []
    asked = 0

    def mark() -> None:
        marks.append((time.process_time() - consumer.used_s, lib.used_s))

    def send(**_: object) -> AWSResponse:
        nonlocal asked
        if asked in (len(pages), 2 * len(pages)):
            mark()
        asked += 1
        answer = next(answers, None)
        if answer is None:  # everything has been read twice
            stop.set()
        return response(answer or b'{"events":[]}')

    client = new_client(send)
    if is_native:
        read_answers(client, reader, STREAM_PREFIX)
    group = LogGroup(
        client,
        reader=reader,
        name="/aws/eks/prod/cluster",
        stream_prefix=STREAM_PREFIX,
        account="1",
    )
    host = Host(reader)
    config = Config(shift=SHIFT_S, api_rate=CALLS_PER_S, polling_interval=1)
    source = CloudWatchSource(config, "prod", group, NoLedger(), host)
    mark()
    source.run(NativeQueue(ffi, bound, consumer.queue), stop)
    consumer.close()
    if consumer.events != events or host.duplicates != events:
        raise SystemExit(
            f"{consumer.events} new and {host.duplicates} known of {events} events arrived"
        )
    (start_s, native_0_s), (new_s, native_1_s), (seen_s, native_2_s) = marks[:3]
    return Used(new_s - start_s, seen_s - new_s, native_1_s - native_0_s, native_2_s - native_1_s)


def load(pages: list[bytes]) -> float:
    started_s = time.process_time()
    for page in pages:
        json.loads(page)
    return time.process_time() - started_s


def call_without_events() -> float:
    """CPU seconds of PAGES calls that bring nothing."""
    client = new_client(lambda **_: response(b'{"events":[]}'))
    request = {"logGroupName": "g", "startTime": 0, "endTime": 1, "logStreamNamePrefix": "k"}
    client.filter_log_events(**request)
    started_s = time.process_time()
    for _ in range(PAGES):
        client.filter_log_events(**request)
    return time.process_time() - started_s


def main() -> int:
    pages, events = make_pages(int(time.time() * 1000))
    # In turns: what else the machine does hits all alike.
    rounds = [
        (
            load(pages),
            call_without_events(),
            poll(pages, events, is_native=True),
            poll(pages, events, is_native=False),
            poll(pages, events, is_native=True, is_timed=True),
        )
        for _ in range(ROUNDS)
    ]
    loads_s = min(round_[0] for round_ in rounds)
    call_s = min(round_[1] for round_ in rounds)
    new = min((round_[2] for round_ in rounds), key=lambda used: used.new_s)
    seen = min((round_[2] for round_ in rounds), key=lambda used: used.seen_s)
    plain_new_s = min(round_[3].new_s for round_ in rounds)
    plain_seen_s = min(round_[3].seen_s for round_ in rounds)
    new_native_s = min(round_[4].new_native_s for round_ in rounds)
    seen_native_s = min(round_[4].seen_native_s for round_ in rounds)

    print(f"{events} events of {len(audit_line(0, 0))} bytes on {PAGES} pages, best of {ROUNDS}")
    print(f"{'':34} µs/event   of json.loads")
    failed = False

    def row(what: str, used_s: float, most: float | None = None) -> None:
        nonlocal failed
        ratio = used_s / loads_s
        limit = "" if most is None else f"(at most {most:.2f})"
        failed |= most is not None and ratio > most
        print(f"{what:34} {used_s / events * 1e6:8.2f} {ratio:10.2f} {limit}")

    row("json.loads of the pages", loads_s)
    row("calls that bring nothing", call_s)
    row("native: new, calls included", new.new_s, NEW_MOST)
    row("native: seen before, calls included", seen.seen_s, SEEN_MOST)
    row("plain: new, calls included", plain_new_s)
    row("plain: seen before, calls included", plain_seen_s)
    for what, used_s, native_s, most in (
        ("new", new.new_s, new_native_s, GIL_MOST),
        ("seen before", seen.seen_s, seen_native_s, None),
    ):
        share = 1 - native_s / (used_s - call_s)
        failed |= most is not None and share > most
        limit = "" if most is None else f"(at most {most:.0%})"
        print(f"native, {what}: GIL held {share:.0%} of the time from bytes to queue {limit}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
