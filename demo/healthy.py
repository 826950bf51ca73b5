"""Half an hour in the life of a healthy EKS cluster: who does what, and when.

Nothing here should raise an alert of priority WARNING or above.
"""

from __future__ import annotations

from random import Random

from demo import objects
from demo.audit_event import Target
from demo.identities import (
    AWS_NODE,
    COREDNS,
    DEPLOYER,
    DEVELOPER,
    EXTERNAL_DNS,
    LOAD_BALANCER_CONTROLLER,
    LOAD_BALANCER_PROBE,
    METRICS_SERVER,
    NODES,
    PLATFORM_ENGINEER,
    Json,
    control_plane,
    controller,
    eks,
)
from demo.operators import operators
from demo.telling import HEALTHY_DURATION_S, Story

SCHEDULER = control_plane("system:kube-scheduler", "kube-scheduler")
CONTROLLER_MANAGER = control_plane("system:kube-controller-manager", "kube-controller-manager")
API_SERVER = control_plane("system:apiserver", "kube-apiserver")

APPS = ["cart", "checkout", "catalog", "frontend", "payment"]


class _Cluster(Story):
    """The cluster's habits, one a method."""

    def nodes(self) -> None:
        for node in NODES:
            for second in self.every(120):
                self.renew_lease(second, node.kubelet, "kube-node-lease", node.name)
            for second in self.every(300):
                body = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
                target = Target("nodes", name=node.name, subresource="status")
                self.add(second, node.kubelet, "patch", target, body=body)
            for second in self.every(450):
                self.watch_again(second, node.kubelet, Target("pods"))
                self.watch_again(second, node.kubelet, Target("configmaps", "shop"))
            for second in self.every(600):
                self.token_request(second, node, "shop", self.random.choice(APPS))
                csi = Target("csinodes", name=node.name, group="storage.k8s.io")
                self.add(second, node.kubelet, "get", csi)

    def leaders(self) -> None:
        for second in self.every(75):
            self.renew_lease(second, SCHEDULER, "kube-system", "kube-scheduler")
            self.renew_lease(second, CONTROLLER_MANAGER, "kube-system", "kube-controller-manager")
        for second in self.every(180):
            name = "aws-load-balancer-controller-leader"
            self.renew_lease(second, LOAD_BALANCER_CONTROLLER, "kube-system", name)
        for second in self.every(150):
            self.add(second, API_SERVER, "get", Target("endpoints", "default", "kubernetes"))

    def controllers(self) -> None:
        for second in self.every(90):
            app = self.random.choice(APPS)
            slice_name = f"{app}-x4t9k"
            body = {"kind": "EndpointSlice", "metadata": {"name": slice_name}, "endpoints": []}
            target = Target("endpointslices", "shop", slice_name, "discovery.k8s.io")
            self.add(second, controller("endpointslice-controller"), "update", target, body=body)
        for second in self.every(240):
            scale = Target("deployments", "shop", self.random.choice(APPS), "apps")
            autoscaler = controller("horizontal-pod-autoscaler")
            self.add(
                second,
                autoscaler,
                "get",
                Target(
                    scale.resource, scale.namespace, scale.name, scale.group, subresource="scale"
                ),
            )
            self.add(
                second,
                autoscaler,
                "list",
                Target("pods", "shop", group="metrics.k8s.io", version="v1beta1"),
            )
        for second in self.every(400):
            self.add(second, controller("generic-garbage-collector"), "get", Target(path="/apis"))
            self.add(
                second,
                controller("resourcequota-controller"),
                "list",
                Target("resourcequotas", query={"limit": "500"}),
            )

    def add_ons(self) -> None:
        for second in self.every(420):
            for resource in ("services", "namespaces"):
                self.watch_again(second, COREDNS, Target(resource))
            slices = Target("endpointslices", group="discovery.k8s.io")
            self.watch_again(second, COREDNS, slices)
            eni = Target("eniconfigs", group="crd.k8s.amazonaws.com", version="v1alpha1")
            self.watch_again(second, AWS_NODE, eni)
            self.watch_again(second, METRICS_SERVER, Target("nodes"))
            self.watch_again(second, EXTERNAL_DNS, Target("services"))
            ingresses = Target("ingresses", group="networking.k8s.io")
            self.watch_again(second, LOAD_BALANCER_CONTROLLER, ingresses)
        for second in self.every(200):
            review = Target("tokenreviews", group="authentication.k8s.io")
            self.add(second, METRICS_SERVER, "create", review)
        for second in self.every(300):
            for name in ("cluster-event-watcher", "az-poller"):
                self.add(second, eks(name), "list", Target("nodes", query={"limit": "500"}))
            self.add(second, eks("vpc-resource-controller"), "list", Target("pods"))
        for second in self.every(120):
            self.add(second, LOAD_BALANCER_PROBE, "get", Target(path="/readyz"))
        for second in self.every(700):
            daemon_set = Target("daemonsets", "kube-system", "aws-node", "apps")
            self.add(second, eks("addon-manager"), "get", daemon_set)
            applied = objects.aws_node_daemon_set("v1.20.1")
            self.add(second, eks("addon-manager"), "patch", daemon_set, body=applied)
            config = Target("configmaps", "kube-system", "aws-auth")
            self.add(second, eks("authenticator"), "get", config)

    def people(self) -> None:
        for second in self.every(130):
            app = self.random.choice(APPS)
            pods = Target("pods", "shop", query={"limit": "500"})
            self.add(second, DEVELOPER, "list", pods)
            self.add(second + 4, DEVELOPER, "get", Target("deployments", "shop", app, "apps"))
            logs = Target(
                "pods",
                "shop",
                f"{app}-6b9f8d7c5-x7k2p",
                subresource="log",
                query={"tailLines": 100},
            )
            self.add(second + 9, DEVELOPER, "get", logs, duration_us=2_100_000)
        for second in self.every(350):
            for target in (
                Target("nodes", query={"limit": "500"}),
                Target("events", "shop", query={"limit": "500"}),
                Target("clusterroles", group="rbac.authorization.k8s.io", query={"limit": "500"}),
            ):
                self.add(second, PLATFORM_ENGINEER, "list", target)
        # A slip: the developer's role may not read another team's secrets.
        self.add(911, DEVELOPER, "get", Target("secrets", "billing", "stripe"), code=403)

    def rollout(self, second: float, app: str, tag: str) -> None:
        """A deployment, from the deployer's first request to the last pod's readiness."""
        self.add(
            second,
            DEPLOYER,
            "list",
            Target("secrets", "shop", query={"labelSelector": "owner=helm"}),
        )
        self.add(second + 1, DEPLOYER, "get", Target("configmaps", "shop", f"{app}-settings"))
        self.add(second + 1, DEPLOYER, "patch", Target("configmaps", "shop", f"{app}-settings"))
        target = Target("deployments", "shop", app, "apps", query={"fieldManager": "helm"})
        body = objects.deployment(app, tag, 3)
        self.add(second + 2, DEPLOYER, "patch", target, body=body)
        release = Target("secrets", "shop", "")
        self.add(second + 2, DEPLOYER, "create", release)

        template_hash = f"{self.random.getrandbits(36):09x}"
        owner = f"{app}-{template_hash}"
        replica_set = Target("replicasets", "shop", owner, "apps")
        made = objects.replica_set(app, tag, template_hash, 3)
        self.add(
            second + 3,
            controller("deployment-controller"),
            "create",
            Target("replicasets", "shop", "", "apps"),
            body=made,
        )
        for number in range(3):
            moment = second + 4 + 6 * number
            name = f"{owner}-{self.random.getrandbits(20):05x}"
            node = self.random.choice(NODES)
            self.add(
                moment,
                controller("replicaset-controller"),
                "create",
                Target("pods", "shop"),
                body=objects.pod(app, tag, owner),
            )
            binding = {"kind": "Binding", "target": {"kind": "Node", "name": node.name}}
            self.add(
                moment,
                SCHEDULER,
                "create",
                Target("pods", "shop", name, subresource="binding"),
                body=binding,
            )
            self.add(moment + 1, node.kubelet, "get", Target("pods", "shop", name))
            self.token_request(moment + 1, node, "shop", app)
            for condition in ("PodScheduled", "ContainersReady", "Ready"):
                body = {"status": {"conditions": [{"type": condition, "status": "True"}]}}
                status = Target("pods", "shop", name, subresource="status")
                self.add(moment + 2, node.kubelet, "patch", status, body=body)
            self.add(
                moment + 4,
                controller("deployment-controller"),
                "update",
                Target("deployments", "shop", app, "apps", subresource="status"),
                body=objects.deployment(app, tag, 3),
            )
        self.add(second + 24, controller("deployment-controller"), "update", replica_set, body=made)
        self.add(second + 26, DEPLOYER, "get", Target("deployments", "shop", app, "apps"))

    def nightly_jobs(self) -> None:
        for index, second in enumerate(self.every(600)):
            name = f"invoice-{29_400_000 + index}"
            body = objects.job(name, "invoice", "2.4.1")
            jobs = Target("jobs", "shop", "", "batch")
            self.add(second, controller("cronjob-controller"), "create", jobs, body=body)
            self.add(
                second + 1,
                controller("job-controller"),
                "create",
                Target("pods", "shop"),
                body=objects.pod("invoice", "2.4.1", name, "Job"),
            )
            self.add(
                second + 40,
                controller("job-controller"),
                "update",
                Target("jobs", "shop", name, "batch", subresource="status"),
                body=body,
            )
            self.add(
                second + 60,
                controller("cronjob-controller"),
                "delete",
                Target("jobs", "shop", name, "batch"),
            )


def healthy(seed: int, end_us: int) -> list[Json]:
    """The half hour before end_us (microseconds since the epoch), in order of time.

    The same seed and end give the same events.
    """
    story = _Cluster(Random(seed), end_us - HEALTHY_DURATION_S * 1_000_000)  # noqa: S311 - a story
    story.nodes()
    story.leaders()
    story.controllers()
    story.add_ons()
    story.people()
    story.rollout(250, "checkout", "4.18.0")
    story.rollout(1020, "catalog", "9.2.3")
    story.rollout(1460, "frontend", "31.0.1")
    story.nightly_jobs()
    operators(story)
    return [event for _, event in sorted(story.events, key=lambda timed: timed[0])]
