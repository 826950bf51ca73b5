"""Trust policies: who may take the role that reads.

The principals, actions and condition keys are those of the EKS User Guide ("Create IAM
role with trust policy required by EKS Pod Identity", "Assign IAM roles to Kubernetes
service accounts") and of the IAM User Guide ("Access to AWS accounts owned by third
parties").
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from k8saudit_eks.iam_policy import ASSUME, TAG, Policy

# Stands where init_config's external_id belongs: the value itself is never printed.
EXTERNAL_ID_PLACE: Final = "EXTERNAL_ID"

_PROVIDER: Final = re.compile(
    r"(?:https://|arn:(aws[a-z-]*):iam::([0-9]{12}):oidc-provider/)?"
    r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/[A-Za-z0-9._~-]+)*)/?"
)
_PRINCIPAL: Final = re.compile(
    r"arn:(aws[a-z-]*):(?:iam::[0-9]{12}:(?:root|(?:role|user)/[!-)+->@-~]{1,512})"
    r"|sts::[0-9]{12}:assumed-role/[!-)+->@-~]{1,512})"
)
# Kubernetes API: names of namespaces are labels of RFC 1123, others subdomains.
_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SERVICE_ACCOUNT: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class ServiceAccount(NamedTuple):
    """A Kubernetes service account."""

    namespace: str
    name: str


class OidcProvider(NamedTuple):
    """An IAM OIDC provider: the issuer is the cluster's issuer URL without https://."""

    partition: str
    account: str
    issuer: str


def oidc_provider(text: str, *, account: str | None, partition: str) -> OidcProvider | None:
    """A provider by its ARN, or by the cluster's issuer URL with or without https://.

    account and partition are taken where the text is no ARN; None if it is neither, or
    if there is no account.
    """
    match = _PROVIDER.fullmatch(text)
    if match is None:
        return None
    own_partition, own_account, issuer = match.groups()
    owner = own_account or account
    return OidcProvider(own_partition or partition, owner, issuer) if owner else None


def principal_partition(arn: str) -> str | None:
    """The partition of an IAM role's, user's, account's or session's ARN; None if it is none."""
    match = _PRINCIPAL.fullmatch(arn)
    return match[1] if match else None


def namespace(value: str) -> str | None:
    """None, or why it is no namespace's name, as in config/checks.py."""
    if _NAMESPACE.fullmatch(value):
        return None
    return "but a namespace's name has 1 to 63 lower-case letters, digits and '-'"


def service_account(value: str) -> str | None:
    """None, or why it is no service account's name, as in config/checks.py."""
    if _SERVICE_ACCOUNT.fullmatch(value):
        return None
    return "but a service account's name has 1 to 253 lower-case letters, digits, '-' and '.'"


def pod_identity_trust(account: ServiceAccount | None) -> list[Policy]:
    """EKS Pod Identity; a service account limits it to the associations of just that one.

    With session tags switched off in the association no such limit is possible.
    """
    statement = _allow(
        "TrustPodIdentity", {"Service": "pods.eks.amazonaws.com"}, action=[ASSUME, TAG]
    )
    if account is not None:
        statement["Condition"] = {
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": account.namespace,
                "aws:RequestTag/kubernetes-service-account": account.name,
            }
        }
    return [statement]


def irsa_trust(provider: OidcProvider, account: ServiceAccount) -> list[Policy]:
    """IAM roles for service accounts: one service account of one cluster."""
    arn = f"arn:{provider.partition}:iam::{provider.account}:oidc-provider/{provider.issuer}"
    statement = _allow(
        "TrustServiceAccount", {"Federated": arn}, action="sts:AssumeRoleWithWebIdentity"
    )
    statement["Condition"] = {
        "StringEquals": {
            f"{provider.issuer}:sub": f"system:serviceaccount:{account.namespace}:{account.name}",
            f"{provider.issuer}:aud": "sts.amazonaws.com",
        }
    }
    return [statement]


def principal_trust(arn: str, *, external_id: bool) -> list[Policy]:
    """Another identity, and the tags that its session may pass on.

    external_id: with a condition in which EXTERNAL_ID_PLACE stands for the value.
    """
    assume = _allow("TrustReader", {"AWS": arn}, action=ASSUME)
    if external_id:
        assume["Condition"] = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID_PLACE}}
    # A statement of its own: TagSession knows no external id.
    return [assume, _allow("TrustTagsOfReader", {"AWS": arn}, action=TAG)]


def _allow(sid: str, principal: dict[str, str], *, action: str | list[str]) -> Policy:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": action}
