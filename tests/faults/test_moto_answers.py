"""Pages of moto's server over real HTTP: read before botocore parses them, and after."""

from __future__ import annotations

import time
from collections.abc import Iterator

import boto3
import native_library
import pytest
from moto.server import ThreadedMotoServer

from k8saudit_eks.aws.log_group import Page, open_log_group
from k8saudit_eks.config.table import Config
from k8saudit_eks.log_events import Form
from k8saudit_eks.native_log_events import NativeLogEvents, NativeReader

# Not that of test_moto.py: servers of one process share what they hold.
CLUSTER = "answers"
GROUP = f"/aws/eks/{CLUSTER}/cluster"
STREAM = "kube-apiserver-audit-0123"
EVENTS = 300


class Declining(NativeReader):
    """Sends every answer the plain path."""

    def read(self, document: bytes, form: Form) -> None:
        return None


class Insisting(NativeReader):
    """Declines nothing."""

    def read(self, document: bytes, form: Form) -> NativeLogEvents:
        events = super().read(document, form)
        assert events is not None, document[:300]
        return events


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with one log stream of EVENTS log events."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("logs", region_name="eu-west-1", endpoint_url=url)
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    now_ms = int(time.time() * 1000)
    lines = [f'{{"auditID":"\u00e9 {number}"}}\n' for number in range(EVENTS)]
    client.put_log_events(
        logGroupName=GROUP,
        logStreamName=STREAM,
        logEvents=[{"timestamp": now_ms, "message": line} for line in lines],
    )
    yield url
    server.stop()


def pages(url: str, reader: NativeReader) -> list[Page]:
    group = open_log_group(Config(region="eu-west-1", endpoint_url=url), CLUSTER, reader)
    found = [group.page(0, None)]
    while (token := found[-1].next_token) is not None:
        found.append(group.page(0, None, token=token))
    return found


def test_the_reader_takes_every_answer_and_so_does_the_plain_path(url: str) -> None:
    """The same log events in the same order, with the same keys."""
    ffi, lib = native_library.session_library()
    read = pages(url, Insisting(ffi, lib))
    plain = pages(url, Declining(ffi, lib))
    assert sum(len(page.events) for page in read) == EVENTS
    assert [page.next_token for page in read] == [page.next_token for page in plain]
    for one, other in zip(read, plain, strict=True):
        assert one.events.keys == other.events.keys
        assert one.events.timestamps_ms == other.events.timestamps_ms
        assert one.events.ingestion_times_ms == other.events.ingestion_times_ms
        assert (one.events.stream_names, one.malformed) == (other.events.stream_names, 0)
