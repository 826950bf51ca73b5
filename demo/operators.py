"""What platform software does all day in a real EKS cluster, and must be allowed to.

Much of it looks like an attack from afar: it reads every secret, patches webhooks, approves
certificates, registers nodes, writes roles.
"""

from __future__ import annotations

from demo import objects
from demo.audit_event import Target
from demo.identities import (
    DEPLOYER,
    DEVELOPER,
    NODES,
    Identity,
    Json,
    Node,
    control_plane,
    controller,
    eks,
    service_account,
)
from demo.telling import HEALTHY_DURATION_S, Story

RBAC = "rbac.authorization.k8s.io"
CERTIFICATES = "certificates.k8s.io"
ADMISSION = "admissionregistration.k8s.io"

API_SERVER = control_plane("system:apiserver", "kube-apiserver")
NEW_NODE = Node(
    "ip-10-0-12-201.eu-central-1.compute.internal", "10.0.12.201", "i-0a1b2c3d4e5f60004"
)

ARGO_CD = service_account(
    "argocd",
    "argocd-application-controller",
    "argocd-application-controller-0",
    NODES[0],
    "argocd-application-controller/v3.1.5",
)
FLUX = service_account(
    "flux-system",
    "kustomize-controller",
    "kustomize-controller-5c8b7d6f9-tr4wq",
    NODES[1],
    "kustomize-controller/v1.6.1",
)
CERT_MANAGER = service_account(
    "cert-manager",
    "cert-manager",
    "cert-manager-7d9f8c6b5-p2x8n",
    NODES[2],
    "cert-manager-certificates/v1.18.2 (linux/amd64)",
)
CA_INJECTOR = service_account(
    "cert-manager",
    "cert-manager-cainjector",
    "cert-manager-cainjector-6b8d9c7f5-v9k3j",
    NODES[2],
    "cert-manager-cainjector/v1.18.2 (linux/amd64)",
)
EXTERNAL_SECRETS = service_account(
    "external-secrets",
    "external-secrets",
    "external-secrets-5f9d8b7c6-h7m2q",
    NODES[0],
    "external-secrets/v0.19.2 (linux/amd64)",
)
KARPENTER = service_account(
    "kube-system", "karpenter", "karpenter-7c6d5b8f9-d4n6s", NODES[1], "karpenter/v1.6.3"
)
EBS_CSI = service_account(
    "kube-system",
    "ebs-csi-controller-sa",
    "ebs-csi-controller-84d7f6c5b-q8z2w",
    NODES[0],
    "csi-provisioner/v5.3.0",
)
PROMETHEUS = service_account(
    "monitoring", "prometheus", "prometheus-prometheus-0", NODES[2], "Prometheus/3.5.0"
)
KUBE_PROXY = service_account(
    "kube-system", "kube-proxy", "kube-proxy-7wq2z", NODES[1], "kube-proxy/v1.33.4"
)


def operators(story: Story) -> None:
    """Add a half hour of all of them."""
    _eks_itself(story)
    _node_joins(story, 640)
    _pods_of_add_ons(story, 690)
    _leases(story)
    _gitops(story)
    _certificates(story)
    _storage_and_scaling(story)
    _ingress_and_metrics(story)
    _clean_up(story)
    _debugging(story)


def _eks_itself(story: Story) -> None:
    for second in story.every(240):
        leader = Target("leases", "kube-system", "cloud-controller-manager", "coordination.k8s.io")
        story.add(second, eks("cloud-controller-manager"), "update", leader)
        node = story.random.choice(NODES)
        status = Target("nodes", name=node.name, subresource="status")
        story.add(second, eks("cloud-controller-manager"), "patch", status, body={"status": {}})
    for second in story.every(500):
        pod = Target("pods", "shop", f"payment-7d5c9b6f4-{story.random.getrandbits(20):05x}")
        branch = {"metadata": {"annotations": {"vpc.amazonaws.com/pod-eni": "[]"}}}
        story.add(second, eks("vpc-resource-controller"), "patch", pod, body=branch)
        role = Target("clusterroles", name="eks:extension-metrics-apiserver", group=RBAC)
        story.add(second, eks("cluster-bootstrap"), "patch", role, body={"rules": []})
        secrets = Target("secrets", query={"limit": "500"})
        story.add(second, eks("kms-storage-migrator"), "list", secrets)
    for second in story.every(600):
        review = Target("subjectaccessreviews", group="authorization.k8s.io")
        story.add(second, controller("clusterrole-aggregation-controller"), "create", review)
        name = "v1beta1.metrics.k8s.io"
        service = Target("apiservices", name=name, group="apiregistration.k8s.io")
        story.add(second, API_SERVER, "get", service)
    for name in ("admin", "edit", "view"):
        role = Target("clusterroles", name=name, group=RBAC)
        rule: Json = {"apiGroups": ["*"], "resources": ["pods", "secrets"], "verbs": ["*"]}
        aggregator = controller("clusterrole-aggregation-controller")
        story.add(15, aggregator, "patch", role, body={"rules": [rule]})


def _node_joins(story: Story, second: float) -> None:
    """A node is added: its kubelet registers it and gets a certificate to serve with."""
    kubelet = NEW_NODE.kubelet
    body: Json = {
        "kind": "Node",
        "metadata": {"name": NEW_NODE.name, "labels": {"eks.amazonaws.com/nodegroup": "blue"}},
        "spec": {"providerID": f"aws:///eu-central-1b/{NEW_NODE.instance}"},
    }
    story.add(second, kubelet, "create", Target("nodes"), body=body)
    request: Json = {
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "csr-8xk2p"},
        "spec": {
            "signerName": "kubernetes.io/kubelet-serving",
            "usages": ["digital signature", "server auth"],
            "groups": ["system:nodes", "system:authenticated"],
        },
    }
    requests = Target("certificatesigningrequests", group=CERTIFICATES)
    story.add(second + 2, kubelet, "create", requests, body=request)
    approval = Target(requests.resource, "", "csr-8xk2p", CERTIFICATES, subresource="approval")
    approver = eks("certificate-controller")
    story.add(second + 3, approver, "update", approval, body=request)
    story.add(second + 5, kubelet, "list", Target("csidrivers", group="storage.k8s.io"))
    story.add(second + 6, kubelet, "get", Target("secrets", "shop", "registry-credentials"))


def _pods_of_add_ons(story: Story, second: float) -> None:
    """The DaemonSet controller puts the add-ons' privileged pods on the new node."""
    spec = objects.aws_node_daemon_set("v1.20.1")["spec"]["template"]["spec"]
    body: Json = {"kind": "Pod", "metadata": {"generateName": "aws-node-"}, "spec": spec}
    pods = Target("pods", "kube-system")
    story.add(second, controller("daemon-set-controller"), "create", pods, body=body)
    for account in ("aws-node", "kube-proxy", "eks-pod-identity-agent"):
        story.token_request(second + 2, NEW_NODE, "kube-system", account)
    slices = Target("endpointslices", group="discovery.k8s.io")
    story.watch_again(second + 4, KUBE_PROXY, slices)


def _leases(story: Story) -> None:
    for who, namespace, name, period_s in (
        (EBS_CSI, "kube-system", "ebs-csi-aws-com", 150),
        (KARPENTER, "kube-system", "karpenter-leader-election", 170),
        (CERT_MANAGER, "cert-manager", "cert-manager-controller", 190),
        (CA_INJECTOR, "cert-manager", "cert-manager-cainjector-leader-election", 190),
        (FLUX, "flux-system", "kustomize-controller-leader-election", 180),
    ):
        for second in story.every(period_s):
            story.renew_lease(second, who, namespace, name)


def _gitops(story: Story) -> None:
    """Argo CD and Flux watch everything, secrets too, and apply what is in Git."""
    for second in story.every(450):
        for resource in ("secrets", "services", "configmaps"):
            story.watch_again(second, ARGO_CD, Target(resource))
    for second in story.every(500):
        story.add(second, ARGO_CD, "patch", _application("catalog"))
        deployment = Target("deployments", "shop", "catalog", "apps")
        story.add(
            second + 2, ARGO_CD, "patch", deployment, body=objects.deployment("catalog", "9.2.3", 3)
        )
        review = Target("selfsubjectaccessreviews", group="authorization.k8s.io")
        story.add(second + 3, ARGO_CD, "create", review)
    for second in story.every(600):
        role = Target("roles", "shop", "catalog", RBAC)
        rules: Json = {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
        story.add(second, FLUX, "patch", role, body={"kind": "Role", **rules})
        binding = Target("rolebindings", "shop", "catalog", RBAC)
        body: Json = {
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "catalog"},
            "subjects": [{"kind": "ServiceAccount", "name": "catalog", "namespace": "shop"}],
        }
        story.add(second + 1, FLUX, "patch", binding, body=body)
        account = Target("serviceaccounts", "shop", "catalog")
        story.add(second + 1, FLUX, "patch", account, body={"kind": "ServiceAccount"})
        story.add(second + 2, FLUX, "get", Target("secrets", "flux-system", "deploy-key"))
        # Flux compares what is there with what is in Git by a dry run, privileged or not.
        query = {"dryRun": "All", "fieldManager": "kustomize-controller"}
        compared = Target("daemonsets", "logging", "fluent-bit", "apps", query=query)
        privileged = objects.aws_node_daemon_set("v1.20.1")
        story.add(second + 3, FLUX, "patch", compared, body=privileged)


def _application(name: str) -> Target:
    return Target("applications", "argocd", name, "argoproj.io", "v1alpha1")


def _certificates(story: Story) -> None:
    for second in story.every(420):
        story.watch_again(second, CERT_MANAGER, Target("secrets"))
        story.watch_again(second, CA_INJECTOR, Target("secrets"))
    for second in story.every(700):
        story.add(second, CERT_MANAGER, "update", Target("secrets", "shop", "shop-tls"))
        for resource in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
            webhook = Target(resource, "", "cert-manager-webhook", ADMISSION)
            body: Json = {"webhooks": [{"name": "webhook.cert-manager.io", "clientConfig": {}}]}
            story.add(second + 1, CA_INJECTOR, "patch", webhook, body=body)
    for second in story.every(600):
        story.add(second, EXTERNAL_SECRETS, "list", Target("secrets", query={"limit": "500"}))
        story.add(second + 1, EXTERNAL_SECRETS, "update", Target("secrets", "billing", "stripe"))
        token = Target("serviceaccounts", "billing", "vault-reader", subresource="token")
        story.add(second + 2, EXTERNAL_SECRETS, "create", token)


def _storage_and_scaling(story: Story) -> None:
    for second in story.every(400):
        story.watch_again(second, EBS_CSI, Target("persistentvolumeclaims"))
        claims = Target("nodeclaims", group="karpenter.sh")
        story.watch_again(second, KARPENTER, claims)
    for second in story.every(700):
        volume: Json = {
            "kind": "PersistentVolume",
            "metadata": {"name": f"pvc-{story.random.getrandbits(32):08x}"},
            "spec": {"csi": {"driver": "ebs.csi.aws.com"}, "capacity": {"storage": "20Gi"}},
        }
        story.add(second, EBS_CSI, "create", Target("persistentvolumes"), body=volume)
        story.add(second + 1, KARPENTER, "patch", Target("nodes", name=NODES[2].name), body={})
        evicted = Target("pods", "shop", "cart-6b9f8d7c5-x7k2p", subresource="eviction")
        story.add(second + 2, KARPENTER, "create", evicted, body={"kind": "Eviction"})


def _ingress_and_metrics(story: Story) -> None:
    balancer = service_account(
        "kube-system",
        "aws-load-balancer-controller",
        "aws-load-balancer-controller-5f6d8c7b9-w4xzr",
        NODES[1],
        "elbv2.k8s.aws/v2.13.4 (linux/amd64)",
    )
    for second in story.every(650):
        ingress = Target("ingresses", "shop", "shop", "networking.k8s.io")
        finalizers = {"metadata": {"finalizers": ["ingress.k8s.aws/resources"]}}
        story.add(second, balancer, "patch", ingress, body=finalizers)
        bound = Target("targetgroupbindings", "shop", "shop-http", "elbv2.k8s.aws", "v1beta1")
        story.add(second + 1, balancer, "update", bound)
    for second in story.every(420):
        for resource in ("nodes", "endpoints", "pods"):
            story.watch_again(second, PROMETHEUS, Target(resource))
        story.add(second, PROMETHEUS, "get", Target(path="/metrics"))


def _clean_up(story: Story) -> None:
    """A preview environment is made by the deployer, and deleted again with all it holds."""
    name = "preview-417"
    story.add(400, DEPLOYER, "create", Target("namespaces"), body=_named("Namespace", name))
    made = Target("serviceaccounts", name)
    body = _named("ServiceAccount", "default")
    story.add(401, controller("service-account-controller"), "create", made, body=body)
    published = Target("configmaps", name, "kube-root-ca.crt")
    story.add(401, controller("root-ca-cert-publisher"), "create", published)
    service: Json = {**_named("Service", "web"), "spec": {"type": "LoadBalancer"}}
    story.add(403, DEPLOYER, "create", Target("services", name), body=service)
    story.add(1300, DEPLOYER, "delete", Target("namespaces", name=name))
    for resource in ("pods", "secrets", "configmaps", "serviceaccounts", "services"):
        emptied = Target(resource, name)
        story.add(1305, controller("namespace-controller"), "deletecollection", emptied)


def _named(kind: str, name: str) -> Json:
    return {"kind": kind, "metadata": {"name": name}}


def _debugging(story: Story) -> None:
    """A developer looks into a pod of theirs, and reaches it from their machine."""
    query = {"command": ["printenv", "LOG_LEVEL"], "container": "cart", "stdout": "true"}
    session = Target("pods", "shop", "cart-6b9f8d7c5-x7k2p", subresource="exec", query=query)
    _session(story, 1180, DEVELOPER, session)
    tunnel = Target("pods", "shop", "cart-6b9f8d7c5-x7k2p", subresource="portforward")
    _session(story, HEALTHY_DURATION_S - 240, DEVELOPER, tunnel)


def _session(story: Story, second: float, who: Identity, target: Target) -> None:
    """A session is logged when it begins and when it ends."""
    story.add(second, who, "get", target, code=101, stage="ResponseStarted")
    story.add(second + 30, who, "get", target, code=101, duration_us=30_000_000)
