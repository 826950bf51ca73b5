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
    return dict(json.loads(result.stdout))


def warnings(*arguments: str) -> list[str]:
    result = CliRunner().invoke(command, ["policy", *arguments])
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert all(line.startswith("k8saudit-eks: warning: ") for line in lines)
    return lines


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


READER = "arn:aws:iam::{account}:role/audit-reader"
OTHER = "444455556666"
POD = ("--namespace", "falco", "--service-account", "falco-k8saudit-eks")
ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
FALCO = "arn:aws:iam::111122223333:role/falco-k8saudit-eks"


def resources(policy: dict[str, Any], action: str = "logs:FilterLogEvents") -> list[str]:
    found = [one["Resource"] for one in policy["Statement"] if one["Action"] == action]
    return [arn for arns in found for arn in arns if not arn.endswith(":*")]


def test_a_place_wins_over_the_options() -> None:
    """Targets of several accounts and regions are one policy of one identity."""
    printed = policy(
        "production", f"staging@{OTHER}/eu-west-1", "test@eu-north-1", *PLACE, "--no-names"
    )
    assert resources(printed) == [
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/eks/production/cluster",
        f"arn:aws:logs:eu-west-1:{OTHER}:log-group:/aws/eks/staging/cluster",
        "arn:aws:logs:eu-north-1:111122223333:log-group:/aws/eks/test/cluster",
    ]


def test_targets_are_written_as_in_open_params() -> None:
    """Lists in one argument, ARNs of clusters and log groups, patterns as IAM's own."""
    printed = policy(
        f"arn:aws:eks:eu-west-1:{OTHER}:cluster/a, a@{OTHER}/eu-west-1",
        f"arn:aws:logs:eu-west-1:{OTHER}:log-group:/audit:*",
        "prod-?-*",
        *PLACE,
    )
    assert resources(printed) == [
        f"arn:aws:logs:eu-west-1:{OTHER}:log-group:/aws/eks/a/cluster",
        f"arn:aws:logs:eu-west-1:{OTHER}:log-group:/audit",
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/eks/prod-?-*/cluster",
    ]
    (names,) = (one for one in printed["Statement"] if one["Action"] == "logs:DescribeLogGroups")
    assert names["Resource"] == [
        f"arn:aws:logs:eu-west-1:{OTHER}:log-group:*",
        "arn:aws:logs:eu-central-1:111122223333:log-group:*",
    ]


def test_a_role_for_each_account() -> None:
    """Each reads its own account's targets; the identity those that name no account."""
    printed = policy(
        "production", f"staging@{OTHER}", f"a@{OTHER}", "b@777788889999", *PLACE,
        "--role-arn", READER,
    )  # fmt: skip
    assert list(printed) == ["identity", f"role-{OTHER}", "role-777788889999"]
    assert resources(printed["identity"]) == [
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/eks/production/cluster"
    ]
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert resources(printed["identity"], action) == [
            f"arn:aws:iam::{OTHER}:role/audit-reader",
            "arn:aws:iam::777788889999:role/audit-reader",
        ]
    assert resources(printed[f"role-{OTHER}"]) == [
        f"arn:aws:logs:eu-central-1:{OTHER}:log-group:/aws/eks/staging/cluster",
        f"arn:aws:logs:eu-central-1:{OTHER}:log-group:/aws/eks/a/cluster",
    ]
    assert resources(printed["role-777788889999"]) == [
        "arn:aws:logs:eu-central-1:777788889999:log-group:/aws/eks/b/cluster"
    ]


def test_an_identity_that_only_assumes_reads_nothing() -> None:
    """Where every target names its account."""
    printed = policy(f"a@{OTHER}", *PLACE, "--role-arn", READER)
    assert resources(printed["identity"]) == []
    assert resources(printed[f"role-{OTHER}"]) != []


def test_trust_of_pod_identity() -> None:
    """EKS User Guide: the service, both actions, and the tags of one service account."""
    printed = policy("production", *PLACE, "--trust", "pod-identity")
    assert list(printed) == ["identity", "identity-trust"]
    assert printed["identity"] == policy("production", *PLACE)
    (statement,) = printed["identity-trust"]["Statement"]
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert "Condition" not in statement
    limited = policy("production", *PLACE, "--trust", "pod-identity", *POD)["identity-trust"]
    assert limited["Statement"][0]["Condition"] == {
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": "falco",
            "aws:RequestTag/kubernetes-service-account": "falco-k8saudit-eks",
        }
    }


@pytest.mark.parametrize(
    "provider",
    [
        f"https://{ISSUER}",
        ISSUER,
        f"{ISSUER}/",
        f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}",
    ],
)
def test_trust_of_irsa(provider: str) -> None:
    """EKS User Guide: the provider, and exactly one service account for exactly STS."""
    arguments = ("--trust", "irsa", "--oidc-provider", provider, *POD)
    (statement,) = policy("production", *PLACE, *arguments)["identity-trust"]["Statement"]
    assert statement["Principal"] == {
        "Federated": f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
    }
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:sub": "system:serviceaccount:falco:falco-k8saudit-eks",
            f"{ISSUER}:aud": "sts.amazonaws.com",
        }
    }


def test_an_oidc_provider_of_another_account() -> None:
    """Its ARN says which; --account is the log groups'."""
    arn = f"arn:aws:iam::{OTHER}:oidc-provider/{ISSUER}"
    printed = policy("a", *PLACE, "--trust", "irsa", "--oidc-provider", arn, *POD)
    assert printed["identity-trust"]["Statement"][0]["Principal"] == {"Federated": arn}


def test_trust_of_a_role() -> None:
    """The principal and its tags; an external id is a place for the value, never a value."""
    printed = policy("production", *PLACE, "--trust", "role", "--principal", FALCO)
    assert list(printed) == ["identity", "identity-trust"]
    assume, tag = printed["identity-trust"]["Statement"]
    assert (assume["Principal"], assume["Action"]) == ({"AWS": FALCO}, "sts:AssumeRole")
    assert (tag["Principal"], tag["Action"]) == ({"AWS": FALCO}, "sts:TagSession")
    assert "Condition" not in assume
    with_id = policy("a", *PLACE, "--trust", "role", "--principal", FALCO, "--external-id")
    assume, tag = with_id["identity-trust"]["Statement"]
    assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": "EXTERNAL_ID"}}
    assert "Condition" not in tag


def test_trust_of_roles_in_between_and_of_the_identity() -> None:
    """Each policy has the trust policy that belongs to it."""
    printed = policy(
        f"a@{OTHER}", *PLACE, "--role-arn", READER,
        "--trust", "role", "--principal", FALCO, "--trust", "pod-identity",
    )  # fmt: skip
    assert sorted(printed) == [
        "identity", "identity-trust", f"role-{OTHER}", f"role-{OTHER}-trust"
    ]  # fmt: skip
    assert "Service" in printed["identity-trust"]["Statement"][0]["Principal"]
    assert printed[f"role-{OTHER}-trust"]["Statement"][0]["Principal"] == {"AWS": FALCO}


def test_one_role_in_between_has_its_policies_with_trust() -> None:
    """Without --trust, only what assuming it takes is printed, as ever."""
    role = f"arn:aws:iam::{OTHER}:role/audit-reader"
    trusting = ("--trust", "role", "--principal", FALCO)
    printed = policy(
        "a", "--region", "eu-west-1", "--account", OTHER, "--role-arn", role, *trusting
    )
    assert list(printed) == ["identity", f"role-{OTHER}", f"role-{OTHER}-trust"]
    assert printed["identity"] == policy("a", "--role-arn", role)
    assert printed[f"role-{OTHER}"] == policy("a", "--region", "eu-west-1", "--account", OTHER)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["a"], "every region and every account"),
        (["a", "--region", "eu-west-1"], "every account"),
        (["a@eu-west-1"], "every account"),
        (["a", "--account", OTHER], "every region"),
        (["*", *PLACE], "every cluster"),
        (["prod-*", *PLACE], None),
        (["a", *PLACE], None),
        ([f"a@{OTHER}/eu-west-1"], None),
        (["a", "--role-arn", FALCO], None),
    ],
)
def test_a_star_that_stands_alone_is_warned_of(arguments: list[str], meant: str | None) -> None:
    """One sentence on stderr; a pattern that is named is meant."""
    lines = warnings(*arguments)
    assert len(lines) == (0 if meant is None else 1)
    assert all(f"* stands for {meant}:" in line for line in lines)


def test_several_accounts_and_one_identity_are_warned_of() -> None:
    """That needs linked accounts; a role for each account does not."""
    several = (f"a@{OTHER}", "b@777788889999", "--region", "eu-west-1")
    (line,) = warnings(*several)
    assert "2 accounts" in line
    assert "--role-arn" in line
    assert warnings(*several, "--role-arn", READER) == []


def test_a_policy_that_is_too_long_for_aws_is_warned_of() -> None:
    """A managed policy takes 6,144 characters; the least list that has more is told so."""
    clusters = [f"cluster-{number:04}" for number in range(40)]
    (line,) = warnings(*clusters, *PLACE)
    assert "6144" in line
    assert warnings(*clusters[:20], *PLACE) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a", "--account", "12"], '--account is "12", but must have 12 digits'),
        (["a", "--region", "nowhere"], "is no AWS region"),
        (["a", "--region", "eu-centrla-1"], "did you mean eu-central-1"),
        (["a", "b@eu-centrla-1"], "did you mean eu-central-1"),
        (["file:///tmp/a"], "needs no policy: name an EKS cluster"),
        (["a", "b.c"], 'open_params item 2 is "b.c"'),
        (["sqs://audit"], "is a queue"),
        (["a", "--role-arn", "reader"], "--role-arn is"),
        (["a", "--role-arn", READER], "no target names an account"),
        (["a@eu-west-1", "b@cn-north-1"], "aws and aws-cn"),
        (["a@cn-north-1", "--role-arn", FALCO], "aws and aws-cn"),
        (["a", *PLACE, "--trust", "role", "--principal", "*"], "--principal is"),
        (
            ["a", "--trust", "role", "--principal", "arn:aws:iam::111122223333:role/*"],
            "--principal is",
        ),
        (["a@cn-north-1", "--trust", "role", "--principal", FALCO], "of the partition aws"),
        (["a", "--trust", "irsa", "--oidc-provider", ISSUER, *POD], "give --account"),
        (["a", *PLACE, "--trust", "irsa", "--oidc-provider", "nowhere", *POD], "neither an"),
        (
            ["a", "--trust", "pod-identity", "--namespace", "falco", "--service-account", "a*"],
            "--service-account is",
        ),
        (
            ["a", "--trust", "pod-identity", "--namespace", "*", "--service-account", "a"],
            "--namespace is",
        ),
    ],
)
def test_refusals_name_the_input_and_the_cure(arguments: list[str], sentence: str) -> None:
    """One sentence each, and nothing printed."""
    result = CliRunner().invoke(command, ["policy", *arguments])
    assert isinstance(result.exception, PluginError)
    assert sentence in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--trust", "irsa", *POD], "--trust irsa needs --oidc-provider"),
        (["--trust", "irsa", "--oidc-provider", ISSUER], "--trust irsa needs --namespace"),
        (["--oidc-provider", ISSUER], "--oidc-provider needs --trust irsa"),
        (["--trust", "pod-identity", "--namespace", "falco"], "need each other"),
        ([*POD], "--namespace needs --trust"),
        (["--trust", "role"], "--trust role needs --principal"),
        (["--principal", FALCO], "need --trust role"),
        (["--external-id"], "need --trust role"),
    ],
)
def test_options_that_belong_together(arguments: list[str], sentence: str) -> None:
    """A wrong use of the command: exit code 2."""
    result = CliRunner().invoke(command, ["policy", "a", *PLACE, *arguments])
    assert result.exit_code == 2
    assert sentence in result.output
