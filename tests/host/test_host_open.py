"""What can't be opened is refused with one clear sentence, in a real host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo.local_cloudwatch import LocalCloudWatch, host_environment

from host import Host


@pytest.mark.parametrize(
    ("init_config", "open_params", "sentence"),
    [
        ({"regoin": "eu-west-1"}, "production", 'unknown key "regoin": did you mean region?'),
        ({"shift": -1}, "production", "shift is -1"),
        ({"polling_interval": "soon"}, "production", 'polling_interval is "soon"'),
        ({}, "", "open_params is empty"),
        ({}, "no name!", 'open_params item 2 is "name!"'),
        ({}, "./events.jsonl", "write file:./events.jsonl"),
        ({}, "file:///no/such/file", "/no/such/file does not exist"),
        ({}, "production", "no AWS region is known: set region"),
    ],
)
def test_bad_configuration(
    host: Host, init_config: dict[str, Any], open_params: str, sentence: str
) -> None:
    """The sentence names the key or the value and says what to write; the host ends with 1."""
    code, run = host.run(open_params, ["ka.verb"], init_config=init_config)
    assert code == 1
    assert sentence in run.errors
    assert len(run.errors.strip().splitlines()) == 1


def test_no_credentials(host: Host, tmp_path: Path) -> None:
    """Without credentials the plugin says where they may come from."""
    bare = {key: value for key, value in host_environment().items() if "AWS" not in key}
    environment = {**bare, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    code, run = host.run(
        "production", ["ka.verb"], init_config={"region": "eu-west-1"}, environment=environment
    )
    assert code == 1
    assert "no AWS credentials were found" in run.errors


def test_unreachable_endpoint(host: Host) -> None:
    """An endpoint that refuses connections is named."""
    settings = {"region": "eu-west-1", "endpoint_url": "http://127.0.0.1:9"}
    code, run = host.run("production", ["ka.verb"], init_config=settings)
    assert code == 1
    assert "can't be reached" in run.errors
    assert "http://127.0.0.1:9" in run.errors


def test_missing_log_group(
    host: Host, cloudwatch: LocalCloudWatch, new_cluster: Callable[[], str]
) -> None:
    """A cluster without a log group: its name, and how to switch audit logging on.

    Hosts cut an open error after 255 bytes: what matters comes first.
    """
    new_cluster()
    code, run = host.run("prodution", ["ka.verb"], init_config=cloudwatch.init_config())
    assert code == 1
    assert "/aws/eks/prodution/cluster" in run.errors
    assert "update-cluster-config" in run.errors
    assert len(run.errors.strip().splitlines()) == 1
