"""The policies of `k8saudit-eks policy` allow what a recorded run calls: no less, no more."""

from __future__ import annotations

import threading
import time
from typing import Any

import boto3
import botocore.client  # type: ignore[import-untyped]
import pytest
from fakes import FakeHost, audit_line
from test_moto import STREAM, WaitingQueue, url  # noqa: F401 (a fixture)

from k8saudit_eks.aws.log_group import list_eks_clusters
from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import OpenError
from k8saudit_eks.iam_policy import TAG, LogGroups, assuming_statements, reading_statements
from k8saudit_eks.sources.cloudwatch.source import open_cloudwatch

GROUP = "/aws/eks/recorded/cluster"
ROLE = "arn:aws:iam::123456789012:role/audit-reader"  # moto's account


def actions(statements: list[dict[str, Any]]) -> set[str]:
    return {statement["Action"] for statement in statements}


def test_the_policies_allow_the_calls_of_a_recorded_run(
    url: str,  # noqa: F811 (a fixture)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opened through a role, read, refused for a missing log group, asked for clusters."""
    client = boto3.client("logs", region_name="eu-west-1", endpoint_url=url)
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    event = {"timestamp": int(time.time() * 1000), "message": audit_line("1")}
    client.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=[event])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
    called: set[str] = set()
    call = botocore.client.BaseClient._make_api_call

    def record(self: Any, operation: str, request: dict[str, Any]) -> Any:
        called.add(f"{self.meta.service_model.signing_name}:{operation}")
        return call(self, operation, request)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    config = Config(
        region="eu-west-1", endpoint_url=url, role_arn=ROLE, shift=60, polling_interval=1
    )
    queue, stop = WaitingQueue(1), threading.Event()
    source = open_cloudwatch(config, "recorded", FakeHost())
    poller = threading.Thread(target=source.run, args=(queue, stop))
    poller.start()
    assert queue.full.wait(20)
    stop.set()
    poller.join(20)
    source.close()
    with pytest.raises(OpenError, match="there is no log group"):
        open_cloudwatch(config, "missing", FakeHost())
    assert "recorded" in list_eks_clusters(config)
    groups = [LogGroups("aws", "eu-west-1", "123456789012", GROUP)]
    allowed = actions(reading_statements(groups, names_clusters=True))
    assert called | {TAG} == allowed | actions(assuming_statements([ROLE]))
