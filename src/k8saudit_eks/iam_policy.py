"""What the plugin asks of AWS, and the IAM policies that allow just that.

Resource types: the Service Authorization Reference of CloudWatch Logs. A policy's log
group is written with and without ":*": the action's resource is the log group, and
DescribeLogGroups and the console show its ARN with ":*".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

READ = "logs:FilterLogEvents"
LIST = "logs:DescribeLogGroups"
ASSUME = "sts:AssumeRole"
# No call: what AssumeRole asks for besides, of a session with transitive tags. Those of
# EKS Pod Identity are (EKS User Guide, "Cross-account tags").
TAG = "sts:TagSession"

Policy = dict[str, Any]


class LogGroups(NamedTuple):
    """Log groups as an ARN names them; "*" stands for any in every part but the partition."""

    partition: str
    region: str
    account: str
    name: str

    @property
    def place(self) -> str:
        """The ARN without the name."""
        return f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:"


def reading_statements(groups: Iterable[LogGroups], *, names_clusters: bool) -> list[Policy]:
    """What reading takes.

    Args:
        groups: none give no statement.
        names_clusters: also what is nice to have: the account of each event, and the
            names of other clusters in refusals.
    """
    groups = tuple(dict.fromkeys(groups))
    if not groups:
        return []
    arns = [f"{group.place}{group.name}{end}" for group in groups for end in ("", ":*")]
    statements = [_allow("ReadAuditLogs", READ, arns)]
    if names_clusters:
        places = dict.fromkeys(f"{group.place}*" for group in groups)
        statements.append(_allow("NameAccountAndClusters", LIST, list(places)))
    return statements


def assuming_statements(role_arns: Sequence[str]) -> list[Policy]:
    """What assuming the roles takes."""
    return [
        _allow("AssumeReadingRole", ASSUME, list(role_arns)),
        _allow("PassPodIdentityTags", TAG, list(role_arns)),
    ]


def policy_of(statements: list[Policy]) -> Policy:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, action: str, resources: list[str]) -> Policy:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resources}
