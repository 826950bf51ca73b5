"""A CloudWatch Logs of our own on 127.0.0.1 (moto's server), filled with a story."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

import boto3  # type: ignore[import-untyped]  # ships no types
from botocore.config import Config as BotoConfig  # type: ignore[import-untyped]  # the same
from moto.server import ThreadedMotoServer

from demo.audit_event import as_line
from demo.identities import CLUSTER, REGION, Json
from demo.story import STREAMS, stream_of

# PutLogEvents takes at most 1 MiB a call.
_EVENTS_PER_CALL = 100

# Any credentials do; real ones of the user's must not be sent anywhere.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def host_environment() -> dict[str, str]:
    """This process's environment with the invented credentials and no other AWS setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, **CREDENTIALS}


class LocalCloudWatch:
    """Use as a context manager: entering starts the server, leaving stops it."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.endpoint_url = ""
        self._logs: Any = None  # a boto3 client: its type is made at run time

    def __enter__(self) -> LocalCloudWatch:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint_url = f"http://{host}:{port}"
        self._logs = boto3.client(
            "logs",
            region_name=REGION,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=BotoConfig(retries={"total_max_attempts": 2}),
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()

    def init_config(self) -> dict[str, Any]:
        """The part of the plugin's init_config that points to this server."""
        return {"region": REGION, "endpoint_url": self.endpoint_url}

    def create_cluster(self, cluster: str = CLUSTER) -> None:
        """Make the log group and the audit streams of a cluster."""
        group = log_group(cluster)
        self._logs.create_log_group(logGroupName=group)
        for stream in (*STREAMS, "kube-scheduler-4b1f0e6d2c9a8375"):
            self._logs.create_log_stream(logGroupName=group, logStreamName=stream)

    def put(self, events: Sequence[Json], cluster: str = CLUSTER) -> None:
        """Write audit events, in order of time, each to its API server's stream."""
        for stream in STREAMS:
            lines = [
                (time_ms(event), as_line(event)) for event in events if stream_of(event) == stream
            ]
            self.put_lines(lines, stream, cluster)

    def put_lines(
        self, lines: Sequence[tuple[int, str]], stream: str = STREAMS[0], cluster: str = CLUSTER
    ) -> None:
        """Write (timestamp in milliseconds, message) pairs to one stream."""
        for start in range(0, len(lines), _EVENTS_PER_CALL):
            self._logs.put_log_events(
                logGroupName=log_group(cluster),
                logStreamName=stream,
                logEvents=[
                    {"timestamp": timestamp, "message": message}
                    for timestamp, message in lines[start : start + _EVENTS_PER_CALL]
                ],
            )


def log_group(cluster: str) -> str:
    """Where EKS writes a cluster's control plane logs."""
    return f"/aws/eks/{cluster}/cluster"


def time_ms(event: Json) -> int:
    """The CloudWatch timestamp that such an event gets, milliseconds since the epoch."""
    return int(datetime.fromisoformat(event["stageTimestamp"]).timestamp() * 1000)
