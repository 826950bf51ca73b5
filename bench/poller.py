"""CPU time from a page's bytes to the queue, per event; new ones, and ones seen before.

    python bench/poller.py

The real source and the real boto3 client read pages from a connection that is
replaced by bytes in memory. Counted is what happens from the moment when the bytes have
arrived until the next call begins; and by itself what comes before that moment: asking
for the next page, signing. Sockets and TLS are in neither. json.loads of the same pages is
measured beside it.

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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

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
GIL_MOST = 0.4
# The call budget is not what is measured: waiting for it costs a little CPU too.
CALLS_PER_S = 100
# All rounds read the same pages, whose events must not be older than this.
SHIFT_S = 300
ROUNDS = 5
# Places in what poll() returns.
NEW, SEEN = 0, 1
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


class Times(NamedTuple):
    """CPU seconds of the poller's thread, for all pages.

    Attributes:
        calls_s: until a page's bytes have arrived.
        pages_s: from then on, until the next call.
        native_s: of that, in native code that works for a page; 0 where it is not timed.
    """

    calls_s: float
    pages_s: float
    native_s: float


class Watch:
    """Tells the two apart, from what botocore says of a call's beginning and end."""

    def __init__(self, lib: TimedLibrary) -> None:
        self._lib = lib
        self._calls_s = self._pages_s = 0.0
        self._at_s = time.thread_time()
        self._native_s = 0.0

    def call_begins(self, **_: object) -> None:
        now_s = time.thread_time()
        self._pages_s += now_s - self._at_s
        self._at_s = now_s

    def bytes_are_here(self) -> None:
        now_s = time.thread_time()
        self._calls_s += now_s - self._at_s
        self._at_s = now_s

    def take(self) -> Times:
        """What was counted since it was asked last."""
        taken = Times(self._calls_s, self._pages_s, self._lib.used_s - self._native_s)
        self._calls_s = self._pages_s = 0.0
        self._native_s = self._lib.used_s
        return taken


def poll(
    pages: list[bytes], events: int, *, is_native: bool, is_timed: bool = False
) -> tuple[Times, Times]:
    """Lets the real source read all pages, and then the same pages again.

    Args:
        is_timed: whether native code is timed by itself; costs CPU time.

    Returns:
        When each event is new, and when each was seen before.
    """
    ffi, real = native_library.session_library()
    lib = TimedLibrary(real)
    bound = lib if is_timed else real
    reader = NativeReader(ffi, bound)
    consumer = Consumer(ffi, real)
    stop = threading.Event()
    answers = iter(pages + pages)
    watch = Watch(lib)
    taken: list[Times] = []
    asked = 0

    def send(**_: object) -> AWSResponse:
        nonlocal asked
        # The pages before are done with.
        if asked in (0, len(pages), 2 * len(pages)):
            taken.append(watch.take())
        asked += 1
        answer = next(answers, None)
        if answer is None:  # everything has been read twice
            stop.set()
        answered = response(answer or b'{"events":[]}')
        watch.bytes_are_here()
        return answered

    client = new_client(send)
    client.meta.events.register(
        "provide-client-params.cloudwatch-logs.FilterLogEvents", watch.call_begins
    )
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
    source.run(NativeQueue(ffi, bound, consumer.queue), stop)
    consumer.close()
    if consumer.events != events or host.duplicates != events:
        raise SystemExit(
            f"{consumer.events} new and {host.duplicates} known of {events} events arrived"
        )
    _, new, seen = taken[:3]
    return new, seen


def load(pages: list[bytes]) -> float:
    started_s = time.thread_time()
    for page in pages:
        json.loads(page)
    return time.thread_time() - started_s


def main() -> int:
    pages, events = make_pages(int(time.time() * 1000))
    # In turns: what else the machine does hits all alike.
    rounds = [
        (
            load(pages),
            poll(pages, events, is_native=True),
            poll(pages, events, is_native=False),
            poll(pages, events, is_native=True, is_timed=True),
        )
        for _ in range(ROUNDS)
    ]
    loads_s = min(round_[0] for round_ in rounds)

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
    row("a call, until the bytes are here", min(r[1][1].calls_s for r in rounds))
    pages_s = [min(r[1][kind].pages_s for r in rounds) for kind in (NEW, SEEN)]
    row("native: new", pages_s[NEW], NEW_MOST)
    row("native: seen before", pages_s[SEEN], SEEN_MOST)
    row("plain: new", min(r[2][NEW].pages_s for r in rounds))
    row("plain: seen before", min(r[2][SEEN].pages_s for r in rounds))
    for what, kind, most in (("new", NEW, GIL_MOST), ("seen before", SEEN, None)):
        share = 1 - min(r[3][kind].native_s for r in rounds) / pages_s[kind]
        failed |= most is not None and share > most
        limit = "" if most is None else f"(at most {most:.0%})"
        print(f"native, {what}: GIL held {share:.0%} of the time from bytes to queue {limit}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
