"""What the plugin asks of AWS, and the IAM policies that allow just that.

Resource types: the Service Authorization Reference of CloudWatch Logs. A policy's log
group is written with and without ":*": the action's resource is the log group, and
DescribeLogGroups and the console show its ARN with ":*".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

READ = "logs:FilterLogEvents"
LIST = "logs:DescribeLogGroups"
ASSUME = "sts:AssumeRole"
# No call: what AssumeRole asks for besides, of a session with transitive tags. Those of
# EKS Pod Identity are (EKS User Guide, "Cross-account tags").
TAG = "sts:TagSession"


def reading_policy(
    log_groups: Sequence[str],
    *,
    partition: str,
    region: str,
    account: str,
    names_clusters: bool,
) -> dict[str, Any]:
    """The policy of the identity that reads.

    Args:
        log_groups: names, e.g. /aws/eks/production/cluster.
        region, account: of the log groups; "*" for any.
        names_clusters: also what is nice to have: the account of each event, and the
            names of other clusters in refusals.
    """
    prefix = f"arn:{partition}:logs:{region}:{account}:log-group:"
    arns = [f"{prefix}{name}{end}" for name in log_groups for end in ("", ":*")]
    statements = [_allow("ReadAuditLogs", READ, arns)]
    if names_clusters:
        statements.append(_allow("NameAccountAndClusters", LIST, [f"{prefix}*"]))
    return _policy(statements)


def assuming_policy(role_arn: str) -> dict[str, Any]:
    """The policy of an identity that assumes `role_arn` to read; the role has reading_policy."""
    return _policy(
        [
            _allow("AssumeReadingRole", ASSUME, [role_arn]),
            _allow("PassPodIdentityTags", TAG, [role_arn]),
        ]
    )


def _allow(sid: str, action: str, resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}
