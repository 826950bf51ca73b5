"""Which policies a list of targets takes, and for whom.

The identity is what Falco itself runs as. Without a role it reads everything. With
init_config's role_arn it assumes the role, and the role reads. A role_arn that holds
{account} is one role for each account that a target names: that role reads the account's
targets, and the identity itself reads those that name none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from k8saudit_eks.config.table import Config
from k8saudit_eks.errors import PluginError, shown
from k8saudit_eks.iam_policy import (
    LogGroups,
    Policy,
    assuming_statements,
    policy_of,
    reading_statements,
)
from k8saudit_eks.partitions import DEFAULT_PARTITION, partition_of
from k8saudit_eks.targets import ClusterTarget, QueueTarget, Target

IDENTITY: Final = "identity"
ACCOUNT_PLACE: Final = "{account}"
# AWS allows so many characters, white space not counted, in a managed policy.
MANAGED_POLICY_CHARS: Final = 6144


class PolicyError(PluginError):
    """A policy can't be written for what was given."""


@dataclass(frozen=True)
class Read:
    """What one target's log groups are, and the account that the target itself names."""

    groups: LogGroups
    named_account: str | None
    every_cluster: bool


def reads(
    targets: Sequence[Target], config: Config, *, region: str, account: str, role_arn: str | None
) -> tuple[Read, ...]:
    """The log groups of the targets.

    Args:
        config: its log_group names a cluster's log group.
        region, account: of targets that name none; "*" for any.
        role_arn: its partition is that of targets without a region.

    Raises:
        PolicyError: a queue is among them, or no identity can read them all.
    """
    partition = _partition(
        [target.region or region for target in targets],
        role_arn.split(":")[1] if role_arn else None,
    )
    found = []
    for target in targets:
        if isinstance(target, QueueTarget):
            raise PolicyError(
                f"{target} is a queue, which the plugin can't read yet: name an EKS cluster"
            )
        is_cluster = isinstance(target, ClusterTarget)
        name = config.log_group_of(target.name) if is_cluster else target.name
        groups = LogGroups(partition, target.region or region, target.account or account, name)
        found.append(Read(groups, target.account, is_cluster and target.name == "*"))
    return tuple(found)


def _partition(regions: Iterable[str], of_role: str | None) -> str:
    found = {partition_of(region) for region in regions if region != "*"}
    if of_role is not None:
        found.add(of_role)
    if len(found) > 1:
        raise PolicyError(
            f"the targets and the role are in several partitions, {' and '.join(sorted(found))}, "
            "and no identity reads across: run the command once for each"
        )
    # Policies of one partition never name another, so no wildcard stands here.
    return found.pop() if found else DEFAULT_PARTITION


def role_arns(found: Sequence[Read], role_arn: str) -> dict[str, str]:
    """The role of each account, by account; one role without {account} is under its own.

    Raises:
        PolicyError: no target names an account that could stand for {account}.
    """
    if ACCOUNT_PLACE not in role_arn:
        return {role_arn.split(":")[4]: role_arn}
    accounts = dict.fromkeys(read.named_account for read in found if read.named_account)
    if not accounts:
        raise PolicyError(
            f"--role-arn is {shown(role_arn)}, but no target names an account: "
            "write one as in production@111122223333"
        )
    return {account: role_arn.replace(ACCOUNT_PLACE, account) for account in accounts}


def policies(
    found: Sequence[Read], role_arn: str | None, *, names_clusters: bool
) -> dict[str, Policy]:
    """The policies by the name of who gets them: identity, and role-ACCOUNT for each role.

    Raises:
        PolicyError: see role_arns.
    """

    def reading(of: Iterable[Read]) -> list[Policy]:
        return reading_statements([read.groups for read in of], names_clusters=names_clusters)

    if role_arn is None:
        return {IDENTITY: policy_of(reading(found))}
    roles = role_arns(found, role_arn)
    one_role = ACCOUNT_PLACE not in role_arn
    own = [] if one_role else [read for read in found if read.named_account is None]
    named = {IDENTITY: policy_of(reading(own) + assuming_statements(list(roles.values())))}
    for account in roles:
        its = [read for read in found if one_role or read.named_account == account]
        named[role_name(account)] = policy_of(reading(its))
    return named


def role_name(account: str) -> str:
    """What the policy of an account's role is called."""
    return f"role-{account}"
