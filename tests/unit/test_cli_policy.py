"""`k8saudit-eks policy`: exactly what the plugin asks of AWS, for the clusters given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from k8saudit_eks.cli.main import command
from k8saudit_eks.errors import PluginError

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "iam-policy.json"
PLACE = ("--region", "eu-central-1", "--account", "111122223333")


def policy(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(command, ["policy", *arguments])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def test_the_example_is_what_the_command_prints() -> None:
    """deploy/iam-policy.json: k8saudit-eks policy production --region … --account …"""
    assert json.loads(EXAMPLE.read_text("utf-8")) == policy("production", *PLACE)


def test_reading_is_allowed_on_the_clusters_log_groups_only() -> None:
    """Each log group in both forms that AWS writes its ARN; nothing else without names."""
    (statement,) = policy("a", "b", *PLACE, "--no-names")["Statement"]
    place = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/eks/"
    assert statement["Action"] == "logs:FilterLogEvents"
    assert statement["Resource"] == [
        f"{place}a/cluster",
        f"{place}a/cluster:*",
        f"{place}b/cluster",
        f"{place}b/cluster:*",
    ]


def test_names_need_a_statement_of_their_own() -> None:
    """The optional permission can be left out without touching the other."""
    statements = policy("a", *PLACE)["Statement"]
    assert [one["Action"] for one in statements] == [
        "logs:FilterLogEvents",
        "logs:DescribeLogGroups",
    ]
    assert len({one["Sid"] for one in statements}) == 2


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")],
)
def test_the_partition_follows_the_region(region: str, partition: str) -> None:
    """ARNs of China and GovCloud begin otherwise."""
    (statement,) = policy("a", "--region", region, "--no-names")["Statement"]
    assert all(arn.startswith(f"arn:{partition}:logs:{region}:*:") for arn in statement["Resource"])


def test_another_log_group() -> None:
    """As log_group in init_config says."""
    (statement,) = policy("a", *PLACE, "--no-names", "--log-group", "/audit/{cluster}")["Statement"]
    assert statement["Resource"][0].endswith(":log-group:/audit/a")


def test_a_role_in_between() -> None:
    """Who assumes role_arn needs that permission, and in a pod that of the session's tags."""
    role = "arn:aws:iam::111122223333:role/audit-reader"
    statements = policy("a", "--role-arn", role)["Statement"]
    assert [(one["Action"], one["Resource"]) for one in statements] == [
        ("sts:AssumeRole", [role]),
        ("sts:TagSession", [role]),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "--account", "12"], "--account is 12, but must have 12 digits"),
        (["a", "--region", "nowhere"], "AWS has no region nowhere: write one like eu-west-1"),
        (["file:///tmp/a"], "needs no policy: name an EKS cluster"),
        (["a", "--role-arn", "reader"], "role_arn"),
    ],
)
def test_refusals_name_the_input_and_the_cure(arguments: list[str], sentence: str) -> None:
    """One sentence each."""
    result = CliRunner().invoke(command, ["policy", *arguments])
    assert isinstance(result.exception, PluginError)
    assert sentence in str(result.exception)
