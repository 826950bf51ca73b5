"""`k8saudit-eks policy`: the least IAM policies for given targets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import click

from k8saudit_eks.cli import trust_policy as trust
from k8saudit_eks.cli.policies import (
    ACCOUNT_PLACE,
    IDENTITY,
    MANAGED_POLICY_CHARS,
    PolicyError,
    Read,
    policies,
    reads,
)
from k8saudit_eks.cli.region import check_region
from k8saudit_eks.config import checks
from k8saudit_eks.config.init_config import parse_init_config
from k8saudit_eks.config.open_params import replay_path
from k8saudit_eks.errors import shown
from k8saudit_eks.iam_policy import Policy, policy_of
from k8saudit_eks.targets import Target, parse_targets

_ACCOUNT = re.compile(r"[0-9]{12}|\*")
_ANY_ACCOUNT = "0" * 12


@dataclass(frozen=True)
class _Trust:
    """What --trust and its companions say."""

    kinds: tuple[str, ...]
    oidc_provider: str | None
    namespace: str | None
    service_account: str | None
    principal: str | None
    external_id: bool


@click.command("policy", short_help="Print the IAM policies that reading TARGETs takes.")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option(
    "--region", default="*", show_default=True, help="of targets that name none, * for any"
)
@click.option(
    "--account", default="*", show_default=True, help="of targets that name none, * for any"
)
@click.option("--log-group", default=None, help="as in init_config, if it is not EKS's own")
@click.option(
    "--names/--no-names",
    default=True,
    help="with or without DescribeLogGroups. With it, events carry their account, and an error "
    "about a missing log group names the clusters that have one  [default: with]",
)
@click.option(
    "--role-arn",
    default=None,
    help="the role that init_config's role_arn names: print what an identity needs to assume it. "
    "With {account} in it, there is one role for each account that a target names, and its "
    "policy is printed, too. Without EKS Pod Identity, sts:TagSession can be left out",
)
@click.option(
    "--trust",
    "kinds",
    type=click.Choice(["pod-identity", "irsa", "role"]),
    multiple=True,
    help="print the trust policy, too: of the identity for EKS Pod Identity or for IRSA, or of "
    "the role that another identity (--principal) assumes; can be given several times",
)
@click.option(
    "--oidc-provider",
    metavar="URL|ARN",
    help="for --trust irsa: the issuer URL of the cluster that Falco runs in (aws eks "
    "describe-cluster shows it), or the ARN of its IAM OIDC provider, which need not be in "
    "--account",
)
@click.option("--namespace", help="of Falco's service account, for --trust irsa or pod-identity")
@click.option("--service-account", help="of Falco, for --trust irsa or pod-identity")
@click.option(
    "--principal", metavar="ARN", help="for --trust role: the identity that assumes the role"
)
@click.option(
    "--external-id",
    is_flag=True,
    help="for --trust role: ask for an external id; put the value of init_config's external_id "
    f"in the place of {trust.EXTERNAL_ID_PLACE}",
)
def policy_command(
    targets: tuple[str, ...],
    region: str,
    account: str,
    log_group: str | None,
    names: bool,
    role_arn: str | None,
    kinds: tuple[str, ...],
    oidc_provider: str | None,
    namespace: str | None,
    service_account: str | None,
    principal: str | None,
    external_id: bool,
) -> None:
    """Print the IAM policies that let the plugin read the audit logs of TARGETs.

    They allow exactly the calls that the plugin makes. TARGET is the name of an EKS
    cluster, a pattern with * and ?, the ARN of a cluster or of a log group. A name
    can be followed by a place: production@eu-central-1, production@111122223333 or
    production@111122223333/eu-central-1.

    One policy is printed as it is. Several are printed as one JSON object: identity
    is the policy of what Falco runs as, role-ACCOUNT that of a role which it assumes,
    and the name of a trust policy is that name with -trust at its end.
    """
    asked = _Trust(kinds, oidc_provider, namespace, service_account, principal, external_id)
    _check_use(asked)
    config = parse_init_config(json.dumps({"log_group": log_group}))
    if not _ACCOUNT.fullmatch(account):
        raise PolicyError(f"--account is {shown(account)}, but must have 12 digits")
    if role_arn is not None and (
        complaint := checks.role_arn(role_arn.replace(ACCOUNT_PLACE, _ANY_ACCOUNT))
    ):
        raise PolicyError(f"--role-arn is {shown(role_arn)}, {complaint}")
    found = reads(
        _parse(targets, region), config, region=region, account=account, role_arn=role_arn
    )
    named = policies(found, role_arn, names_clusters=names)
    if role_arn is not None and ACCOUNT_PLACE not in role_arn and not kinds:
        # What the role itself needs is the policy without --role-arn.
        named = {IDENTITY: named[IDENTITY]}
    trusts = _trusts(asked, list(named), account, found[0].groups.partition, role_arn)
    _warn(found, named, role_arn)
    if trusts:
        named |= {f"{name}-trust": policy_of(statements) for name, statements in trusts.items()}
    click.echo(json.dumps(named if len(named) > 1 else named[IDENTITY], indent=2))


def _parse(texts: Sequence[str], region: str) -> tuple[Target, ...]:
    """The targets, with regions that exist."""
    for text in texts:
        if replay_path(text.strip()) is not None:
            raise PolicyError(f"{text} is a file, and needs no policy: name an EKS cluster")
    targets = parse_targets(" ".join(texts))
    for one in dict.fromkeys([region, *(target.region for target in targets)]):
        if one is not None and one != "*":
            check_region(one)
    return targets


def _check_use(asked: _Trust) -> None:
    """Options that belong together: exit code 2 where one is missing or has no effect."""
    in_pod = {"irsa", "pod-identity"} & set(asked.kinds)
    if "irsa" in asked.kinds:
        for name in ("oidc_provider", "namespace", "service_account"):
            if getattr(asked, name) is None:
                raise click.UsageError(f"--trust irsa needs --{name.replace('_', '-')}.")
    elif asked.oidc_provider is not None:
        raise click.UsageError("--oidc-provider needs --trust irsa.")
    if (asked.namespace is None) != (asked.service_account is None):
        raise click.UsageError("--namespace and --service-account need each other.")
    if asked.namespace is not None and not in_pod:
        raise click.UsageError("--namespace needs --trust irsa or --trust pod-identity.")
    if "role" in asked.kinds:
        if asked.principal is None:
            raise click.UsageError("--trust role needs --principal.")
    elif asked.principal is not None or asked.external_id:
        raise click.UsageError("--principal and --external-id need --trust role.")


def _trusts(
    asked: _Trust, names: Sequence[str], account: str, partition: str, role_arn: str | None
) -> dict[str, list[Policy]]:
    """The statements of the trust policies, by the name of whose they are."""
    pod = None
    if asked.namespace is not None and asked.service_account is not None:
        for option, value, complaint in (
            ("--namespace", asked.namespace, trust.namespace(asked.namespace)),
            (
                "--service-account",
                asked.service_account,
                trust.service_account(asked.service_account),
            ),
        ):
            if complaint is not None:
                raise PolicyError(f"{option} is {shown(value)}, {complaint}")
        pod = trust.ServiceAccount(asked.namespace, asked.service_account)
    statements: dict[str, list[Policy]] = {}
    for kind in dict.fromkeys(asked.kinds):
        if kind == "pod-identity":
            statements.setdefault(IDENTITY, []).extend(trust.pod_identity_trust(pod))
        elif kind == "irsa" and pod is not None:
            provider = _provider(asked.oidc_provider or "", account, partition)
            statements.setdefault(IDENTITY, []).extend(trust.irsa_trust(provider, pod))
        elif kind == "role":
            principal = _principal(asked.principal or "", partition)
            of_role = trust.principal_trust(principal, external_id=asked.external_id)
            for name in names:
                if (name == IDENTITY) == (role_arn is None):
                    statements.setdefault(name, []).extend(of_role)
    return statements


def _provider(text: str, account: str, partition: str) -> trust.OidcProvider:
    provider = trust.oidc_provider(
        text, account=None if account == "*" else account, partition=partition
    )
    if provider is None:
        if trust.oidc_provider(text, account=_ANY_ACCOUNT, partition=partition):
            cure = "but its account is not known: give --account, or the provider's ARN"
        else:
            cure = (
                "which is neither an issuer URL nor an OIDC provider's ARN: write one like "
                "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE"
            )
        raise PolicyError(f"--oidc-provider is {shown(text)}, {cure}")
    _same_partition("--oidc-provider", text, provider.partition, partition)
    return provider


def _principal(arn: str, partition: str) -> str:
    found = trust.principal_partition(arn)
    if found is None:
        raise PolicyError(
            f"--principal is {shown(arn)}, which is no identity's ARN: write one like "
            "arn:aws:iam::111122223333:role/falco-k8saudit-eks"
        )
    _same_partition("--principal", arn, found, partition)
    return arn


def _same_partition(option: str, value: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise PolicyError(
            f"{option} is {shown(value)} of the partition {found}, but the targets are in "
            f"{wanted}: no identity reads across"
        )


def _warn(found: Sequence[Read], named: dict[str, Policy], role_arn: str | None) -> None:
    """One sentence each on stderr; what is printed can be right all the same."""
    reading = role_arn is None or len(named) > 1
    wide = {
        "every cluster": any(read.every_cluster for read in found),
        "every region": any(read.groups.region == "*" for read in found),
        "every account": any(read.groups.account == "*" for read in found),
    }
    if reading and any(wide.values()):
        meant = " and ".join(name for name, is_so in wide.items() if is_so)
        _say(
            f"* stands for {meant}: give --account, --region and names, or write a target like "
            "production@111122223333/eu-central-1, if that is more than you mean"
        )
    accounts = {read.named_account for read in found if read.named_account}
    if len(accounts) > 1 and (role_arn is None or ACCOUNT_PLACE not in role_arn):
        _say(
            f"the targets lie in {len(accounts)} accounts, which one identity reads through "
            "linked accounts (CloudWatch observability access manager) only: give --role-arn "
            "with {account} in it to read each through a role of its own"
        )
    for name, policy in named.items():
        length = len(json.dumps(policy, separators=(",", ":")))
        if length > MANAGED_POLICY_CHARS:
            _say(
                f"the policy of {name} has {length} characters, but a managed policy takes "
                f"{MANAGED_POLICY_CHARS}: write patterns instead of names"
            )


def _say(warning: str) -> None:
    click.echo(f"k8saudit-eks: warning: {warning}", err=True)
