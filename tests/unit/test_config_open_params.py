"""open_params: a cluster's name, or file: and a path, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8saudit_eks.config.open_params import ClusterParams, ReplayParams, parse_open_params
from k8saudit_eks.errors import ConfigError


@pytest.mark.parametrize("name", ["prod", "a", "0-a_B", "x" * 100, " prod\n", "default"])
def test_a_name_eks_allows_is_a_cluster(name: str) -> None:
    """Blanks around it are no part of it."""
    assert parse_open_params(name) == ClusterParams(name.strip())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:///var/log/audit.jsonl", "/var/log/audit.jsonl"),
        ("file:/var/log/audit.jsonl", "/var/log/audit.jsonl"),
        ("file://localhost/var/log", "/var/log"),
        ("FILE:///var/log", "/var/log"),
        ("file:./audit.jsonl", "audit.jsonl"),
        ("file:audit.jsonl", "audit.jsonl"),
        ("file:../x y/%20.json", "../x y/%20.json"),
    ],
)
def test_the_file_scheme_is_a_path(text: str, path: str) -> None:
    """Absolute and relative, taken literally."""
    assert parse_open_params(text) == ReplayParams(Path(path))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["open_params is empty", "cluster's name", "file:///path"]),
        ("  ", ["open_params is empty"]),
        ("/var/log/audit.jsonl", ["write file:///var/log/audit.jsonl"]),
        ("./audit.jsonl", ["write file:./audit.jsonl"]),
        ("audit.jsonl", ["write file:audit.jsonl"]),
        ("export.GZ", ["write file:export.GZ"]),
        ("~/audit", ["write file:~/audit"]),
        (".", ["write file:."]),
        ("file:", ["without a path", "file:///absolute/path"]),
        ("file://", ["without a path"]),
        ("file://audit.jsonl", ['"audit.jsonl" stands for a host', "file:./relative/path"]),
        ("file:a\0b", ["without a path"]),
        ("s3://bucket/key", ["s3: is not known", "file:///path"]),
        ("arn:aws:eks:eu-west-1:123456789012:cluster/prod", ["only the cluster's name, prod"]),
        ("-prod", ['"-prod"', "starts with a letter or digit"]),
        ("prod,dev", ['"prod,dev"', "names 2 targets", "write one name"]),
        ("prod,d.v", ['open_params item 2 is "d.v"', "1 to 100 letters"]),
        ("prod-*", ['"prod-*"', "write its whole name"]),
        ("prod@eu-west-1", ["only the cluster's name, prod"]),
        ("sqs://falco-audit", ["names no cluster"]),
        ("prod,file:///tmp/a", ["item 2", "file: stands alone"]),
        ("x" * 101, ["1 to 100 letters"]),
        ("prod.eu", ['"prod.eu"', "1 to 100 letters"]),
        ("prod\nx", ['"prod\\nx"']),
        ("pröd", ["1 to 100 letters"]),
    ],
)
def test_anything_else_is_refused_with_what_to_write(text: str, parts: list[str]) -> None:
    """One line that holds what was written and the cure; never a guess."""
    with pytest.raises(ConfigError) as caught:
        parse_open_params(text)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    for part in parts:
        assert part in message
