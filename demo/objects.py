"""Kubernetes objects that appear in the demo's requests."""

from __future__ import annotations

from demo.identities import ACCOUNT, REGION, Json

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"

_CONTAINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_spec(app: str, tag: str) -> Json:
    """A well-behaved pod of one of the shop's services."""
    return {
        "containers": [
            {
                "name": app,
                "image": f"{REGISTRY}/shop/{app}:{tag}",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "env": [{"name": "LOG_LEVEL", "value": "info"}],
                "resources": {
                    "limits": {"memory": "512Mi"},
                    "requests": {"cpu": "250m", "memory": "512Mi"},
                },
                "volumeMounts": [{"name": "settings", "mountPath": "/etc/shop", "readOnly": True}],
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
                "securityContext": _CONTAINED,
                "imagePullPolicy": "IfNotPresent",
            }
        ],
        "volumes": [{"name": "settings", "configMap": {"name": f"{app}-settings"}}],
        "serviceAccountName": app,
        "securityContext": {"runAsUser": 10001, "fsGroup": 10001},
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
    }


def deployment(app: str, tag: str, replicas: int) -> Json:
    """A Deployment of one of the shop's services."""
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": app, "namespace": "shop", "labels": {"app": app}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": pod_spec(app, tag)},
            "strategy": {"type": "RollingUpdate"},
        },
    }


def replica_set(app: str, tag: str, template_hash: str, replicas: int) -> Json:
    """The ReplicaSet that a Deployment's controller makes for one version."""
    labels = {"app": app, "pod-template-hash": template_hash}
    return {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": f"{app}-{template_hash}", "namespace": "shop", "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(app, tag)},
        },
    }


def pod(app: str, tag: str, owner: str, kind: str = "ReplicaSet") -> Json:
    """A pod as its controller creates it."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": f"{owner}-",
            "labels": {"app": app},
            "ownerReferences": [{"kind": kind, "name": owner, "controller": True}],
        },
        "spec": pod_spec(app, tag),
    }


def job(name: str, app: str, tag: str) -> Json:
    """A Job as the CronJob controller creates it."""
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "ownerReferences": [{"kind": "CronJob", "name": app, "controller": True}],
        },
        "spec": {
            "backoffLimit": 2,
            "template": {"spec": {**pod_spec(app, tag), "restartPolicy": "Never"}},
        },
    }


def aws_node_daemon_set(version: str) -> Json:
    """The VPC CNI's DaemonSet: privileged, on the host's network, and as it should be."""
    image = f"602401143452.dkr.ecr.{REGION}.amazonaws.com/amazon-k8s-cni"
    return {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": "aws-node",
            "namespace": "kube-system",
            "labels": {"k8s-app": "aws-node", "app.kubernetes.io/version": version},
        },
        "spec": {
            "selector": {"matchLabels": {"k8s-app": "aws-node"}},
            "template": {
                "metadata": {"labels": {"k8s-app": "aws-node"}},
                "spec": {
                    "hostNetwork": True,
                    "serviceAccountName": "aws-node",
                    "initContainers": [
                        {
                            "name": "aws-vpc-cni-init",
                            "image": f"{image}-init:{version}",
                            "securityContext": {"privileged": True},
                        }
                    ],
                    "containers": [
                        {
                            "name": "aws-node",
                            "image": f"{image}:{version}",
                            "securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
                        }
                    ],
                    "volumes": [
                        {"name": "cni-bin-dir", "hostPath": {"path": "/opt/cni/bin"}},
                        {"name": "run-dir", "hostPath": {"path": "/var/run/aws-node"}},
                    ],
                },
            },
        },
    }


def lease(holder: str, namespace: str, name: str, renewed: str) -> Json:
    """A Lease: heartbeat of a node or a leader."""
    return {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 40, "renewTime": renewed},
    }
