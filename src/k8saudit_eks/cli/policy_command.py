"""`k8saudit-eks policy`: the least IAM policy for given clusters."""

from __future__ import annotations

import json
import re

import click

from k8saudit_eks.config import parse_init_config, parse_open_params
from k8saudit_eks.config_open_params import ReplayParams
from k8saudit_eks.errors import PluginError
from k8saudit_eks.iam_policy import assuming_policy, reading_policy

_ACCOUNT = re.compile(r"\d{12}|\*")


class PolicyError(PluginError):
    """A policy can't be written for what was given."""


@click.command("policy")
@click.argument("clusters", metavar="CLUSTER...", nargs=-1, required=True)
@click.option("--region", default="*", show_default=True, help="of the clusters' log groups")
@click.option("--account", default="*", show_default=True, help="of the clusters' log groups")
@click.option("--log-group", default=None, help="as in init_config, if it is not EKS's own")
@click.option(
    "--names/--no-names",
    default=True,
    help="with or without DescribeLogGroups, which names the account of each event and, in "
    "refusals, the clusters there are  [default: with]",
)
@click.option(
    "--role-arn",
    default=None,
    help="print instead what an identity needs to assume this role, as init_config's role_arn "
    "does. The role itself needs the policy without this option; its trust policy must allow the "
    "same two actions to that identity. Without EKS Pod Identity, sts:TagSession can be left out",
)
def policy_command(
    clusters: tuple[str, ...],
    region: str,
    account: str,
    log_group: str | None,
    names: bool,
    role_arn: str | None,
) -> None:
    """Print the IAM policy that lets the plugin read the audit logs of CLUSTERs.

    It allows exactly the calls that the plugin makes.
    """
    given = {"log_group": log_group, "role_arn": role_arn}
    config = parse_init_config(json.dumps(given))
    if role_arn is not None:
        policy = assuming_policy(role_arn)
    else:
        if not _ACCOUNT.fullmatch(account):
            raise PolicyError(f"--account is {account}, but must have 12 digits")
        policy = reading_policy(
            [config.log_group_of(_cluster(cluster)) for cluster in clusters],
            partition=_partition_of(region),
            region=region,
            account=account,
            names_clusters=names,
        )
    click.echo(json.dumps(policy, indent=2))


def _cluster(text: str) -> str:
    params = parse_open_params(text)
    if isinstance(params, ReplayParams):
        raise PolicyError(f"{text} is a file, and needs no policy: name an EKS cluster")
    return params.cluster


def _partition_of(region: str) -> str:
    if region == "*":
        # A wildcard is no partition: policies of one partition never name another.
        return "aws"
    # Slow to import, and only needed here.
    from k8saudit_eks.aws_session import partition_of

    return partition_of(region)
