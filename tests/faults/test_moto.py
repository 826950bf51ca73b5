"""The CloudWatch source against moto's server, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from fakes import FakeHost, FakeQueue, audit_line
from moto.server import ThreadedMotoServer

from k8saudit_eks.aws.log_group import list_eks_clusters
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError
from k8saudit_eks.log_events import Frames
from k8saudit_eks.sources.cloudwatch.source import open_cloudwatch

GROUP = "/aws/eks/prod/cluster"
STREAM = "kube-apiserver-audit-0123"


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class WaitingQueue(FakeQueue):
    """Says when enough events have come."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self._enough = enough
        self.full = threading.Event()

    def push(self, frames: Frames) -> int:
        last = super().push(frames)
        if len(self.payloads) >= self._enough:
            self.full.set()
        return last


def test_events_arrive_and_a_stop_ends_the_thread(url: str) -> None:
    """What was there and what comes while polling; a stop ends the wait at once."""
    client = boto3.client("logs", region_name="eu-west-1", endpoint_url=url)
    client.create_log_group(logGroupName=GROUP)
    for stream in (STREAM, "kube-apiserver-0123"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)

    def put(first: int, count: int, stream: str = STREAM) -> None:
        now_ms = int(time.time() * 1000)
        lines = [audit_line(str(number)) for number in range(first, first + count)]
        client.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": now_ms, "message": line} for line in lines],
        )

    put(0, 100)
    put(1000, 5, "kube-apiserver-0123")
    config = Config(region="eu-west-1", endpoint_url=url, polling_interval=1, shift=60)
    source = open_cloudwatch(config, "prod", FakeHost())
    queue, stop = WaitingQueue(150), threading.Event()
    thread = threading.Thread(target=source.run, args=(queue, stop))
    thread.start()
    put(100, 50)
    assert queue.full.wait(20)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    source.close()
    assert sorted(queue.audit_ids, key=int) == [str(number) for number in range(150)]
    assert b'"account":"123456789012"' in queue.payloads[0]


def test_a_missing_log_group_lists_the_others(url: str) -> None:
    """Over real HTTP, as a user meets it."""
    client = boto3.client("logs", region_name="eu-west-1", endpoint_url=url)
    client.create_log_group(logGroupName="/aws/eks/staging/cluster")
    config = Config(region="eu-west-1", endpoint_url=url)
    with pytest.raises(OpenError, match=r"that have one: .*staging\).*update-cluster-config"):
        open_cloudwatch(config, "absent", FakeHost())
    assert "staging" in list_eks_clusters(config)
