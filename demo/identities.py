"""Who speaks to the API server of the demo's cluster, as EKS's audit log shows them.

Shapes of `user` follow what EKS writes: IAM identities carry
``uid: aws-iam-authenticator:<account>:<principal id>`` and ``extra`` with arn,
canonicalArn, accessKeyId, principalId and sessionName; service accounts carry
``authentication.kubernetes.io/*`` keys. Account, keys and addresses are invented or
taken from the ranges reserved for documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-central-1"
CLUSTER = "shop-production"

Json = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """One client of the API server: its `user` member, its agent, its address."""

    user: Json
    user_agent: str
    source_ip: str
    # What annotations['authorization.k8s.io/reason'] says of a request it may make.
    reason: str


def _iam(
    username: str, groups: list[str], role: str, session: str, principal: str, key: str
) -> Json:
    return {
        "username": username,
        "uid": f"aws-iam-authenticator:{ACCOUNT}:{principal}",
        "groups": [*groups, "system:authenticated"],
        "extra": {
            "accessKeyId": [key],
            "arn": [f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"],
            "canonicalArn": [f"arn:aws:iam::{ACCOUNT}:role/{role}"],
            "principalId": [principal],
            "sessionName": [session],
        },
    }


@dataclass(frozen=True)
class Node:
    """A worker node."""

    name: str
    ip: str
    instance: str

    @property
    def kubelet(self) -> Identity:
        """Its kubelet, authenticated by the node role."""
        user = _iam(
            f"system:node:{self.name}",
            ["system:bootstrappers", "system:nodes"],
            "shop-production-node",
            self.instance,
            "AROAEXAMPLENODEROLE01",
            "ASIAEXAMPLENODE00001",
        )
        return Identity(user, "kubelet/v1.33.4 (linux/amd64) kubernetes/1f2d3c4", self.ip, "")


NODES = [
    Node("ip-10-0-11-24.eu-central-1.compute.internal", "10.0.11.24", "i-0a1b2c3d4e5f60001"),
    Node("ip-10-0-12-87.eu-central-1.compute.internal", "10.0.12.87", "i-0a1b2c3d4e5f60002"),
    Node("ip-10-0-13-141.eu-central-1.compute.internal", "10.0.13.141", "i-0a1b2c3d4e5f60003"),
]

# The control plane's own address as its components see it.
_CONTROL_PLANE_IP = "10.0.96.17"
_CONTROL_PLANE_AGENT = "(linux/amd64) kubernetes/1f2d3c4"


def control_plane(username: str, program: str) -> Identity:
    """A component of the control plane, e.g. system:kube-scheduler."""
    user: Json = {"username": username, "groups": ["system:authenticated"]}
    reason = f'RBAC: allowed by ClusterRoleBinding "{username}" of ClusterRole "{username}"'
    agent = f"{program}/v1.33.4 {_CONTROL_PLANE_AGENT}"
    return Identity(user, agent, _CONTROL_PLANE_IP, reason)


def controller(name: str) -> Identity:
    """One controller of the controller manager, e.g. replicaset-controller."""
    user: Json = {
        "username": f"system:serviceaccount:kube-system:{name}",
        "uid": f"6f0d0000-0000-4000-8000-{abs(hash_of(name)) % 10**12:012d}",
        "groups": [
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        ],
    }
    agent = (
        f"kube-controller-manager/v1.33.4 {_CONTROL_PLANE_AGENT}"
        f"/system:serviceaccount:kube-system:{name}"
    )
    reason = (
        f'RBAC: allowed by ClusterRoleBinding "system:controller:{name}" of ClusterRole '
        f'"system:controller:{name}" to ServiceAccount "{name}/kube-system"'
    )
    return Identity(user, agent, _CONTROL_PLANE_IP, reason)


def hash_of(text: str) -> int:
    """A number that depends on the text alone (hash() differs from run to run)."""
    return sum((index + 1) * byte for index, byte in enumerate(text.encode()))


def eks(name: str) -> Identity:
    """One of EKS's own users, e.g. eks:addon-manager."""
    user: Json = {
        "username": f"eks:{name}",
        "uid": f"aws-iam-authenticator:{ACCOUNT}:AROAEXAMPLEEKSSERVICE",
        "groups": ["system:authenticated"],
    }
    reason = f'RBAC: allowed by ClusterRoleBinding "eks:{name}" of ClusterRole "eks:{name}"'
    return Identity(user, f"{name}/v1.33 (linux/amd64)", _CONTROL_PLANE_IP, reason)


def service_account(
    namespace: str, name: str, pod: str, node: Node, user_agent: str, source_ip: str | None = None
) -> Identity:
    """A pod that speaks to the API server with its service account's token."""
    user: Json = {
        "username": f"system:serviceaccount:{namespace}:{name}",
        "uid": f"7a0d0000-0000-4000-8000-{hash_of(namespace + name) % 10**12:012d}",
        "groups": [
            "system:serviceaccounts",
            f"system:serviceaccounts:{namespace}",
            "system:authenticated",
        ],
        "extra": {
            "authentication.kubernetes.io/credential-id": [
                f"JTI=5d0e0000-0000-4000-8000-{hash_of(pod) % 10**12:012d}"
            ],
            "authentication.kubernetes.io/node-name": [node.name],
            "authentication.kubernetes.io/pod-name": [pod],
            "authentication.kubernetes.io/pod-uid": [
                f"9b0c0000-0000-4000-8000-{hash_of(pod) % 10**12:012d}"
            ],
        },
    }
    reason = (
        f'RBAC: allowed by ClusterRoleBinding "{name}" of ClusterRole "{name}" '
        f'to ServiceAccount "{name}/{namespace}"'
    )
    return Identity(user, user_agent, source_ip or node.ip, reason)


COREDNS = service_account(
    "kube-system", "coredns", "coredns-7bf648ff5d-2xk7q", NODES[0], "coredns/1.12.2"
)
AWS_NODE = service_account(
    "kube-system", "aws-node", "aws-node-l8w2v", NODES[1], "aws-k8s-agent/v1.20.1"
)
METRICS_SERVER = service_account(
    "kube-system",
    "metrics-server",
    "metrics-server-6c4f6fd8b7-9tq4m",
    NODES[2],
    "metrics-server/v0.8.0 (linux/amd64) kubernetes/9c8b7a6",
)
LOAD_BALANCER_CONTROLLER = service_account(
    "kube-system",
    "aws-load-balancer-controller",
    "aws-load-balancer-controller-5f6d8c7b9-w4xzr",
    NODES[1],
    "elbv2.k8s.aws/v2.13.4 (linux/amd64)",
)
EXTERNAL_DNS = service_account(
    "external-dns", "external-dns", "external-dns-6d8f7b5c4-kq2lp", NODES[0], "external-dns/v0.19.0"
)

DEVELOPER = Identity(
    _iam(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Developer_1a2b3c4d5e6f7081/maria@example.com",
        ["developers"],
        "AWSReservedSSO_Developer_1a2b3c4d5e6f7081",
        "maria@example.com",
        "AROAEXAMPLEDEVELOPER1",
        "ASIAEXAMPLEDEV000001",
    ),
    "kubectl/v1.33.3 (darwin/arm64) kubernetes/80779bd",
    "198.51.100.23",
    'RBAC: allowed by RoleBinding "developers/shop" of ClusterRole "edit" to Group "developers"',
)
PLATFORM_ENGINEER = Identity(
    _iam(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Platform_8f7e6d5c4b3a2910/jonas@example.com",
        ["platform-engineers"],
        "AWSReservedSSO_Platform_8f7e6d5c4b3a2910",
        "jonas@example.com",
        "AROAEXAMPLEPLATFORM01",
        "ASIAEXAMPLEPLAT00001",
    ),
    "kubectl/v1.33.4 (linux/amd64) kubernetes/1f2d3c4",
    "198.51.100.31",
    'RBAC: allowed by ClusterRoleBinding "platform-engineers" of ClusterRole "admin" '
    'to Group "platform-engineers"',
)
DEPLOYER = Identity(
    _iam(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/github-deployer/deploy-7412",
        ["deployers"],
        "github-deployer",
        "deploy-7412",
        "AROAEXAMPLEDEPLOYER01",
        "ASIAEXAMPLEDEPLOY001",
    ),
    "Helm/3.18.6",
    "198.51.100.77",
    'RBAC: allowed by RoleBinding "deployers/shop" of ClusterRole "admin" to Group "deployers"',
)
# An operator whose laptop and keys are in the wrong hands by the end of the story.
STOLEN_OPERATOR = Identity(
    _iam(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Platform_8f7e6d5c4b3a2910/jonas@example.com",
        ["platform-engineers"],
        "AWSReservedSSO_Platform_8f7e6d5c4b3a2910",
        "jonas@example.com",
        "AROAEXAMPLEPLATFORM01",
        "ASIAEXAMPLEPLAT00002",
    ),
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc",
    "203.0.113.66",
    'RBAC: allowed by ClusterRoleBinding "platform-engineers" of ClusterRole "admin" '
    'to Group "platform-engineers"',
)
ANONYMOUS_SCANNER = Identity(
    {"username": "system:anonymous", "groups": ["system:unauthenticated"]},
    "Mozilla/5.0 zgrab/0.x",
    "203.0.113.66",
    "",
)
LOAD_BALANCER_PROBE = Identity(
    {"username": "system:anonymous", "groups": ["system:unauthenticated"]},
    "ELB-HealthChecker/2.0",
    "10.0.96.200",
    'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole '
    '"system:public-info-viewer" to Group "system:unauthenticated"',
)
