"""The fields of the object that a request carries: bindings, roles, pods, services, metadata."""

from __future__ import annotations

from collections.abc import Iterator

from k8saudit_eks.fields.model import KEY, Arg, Field, Guard, Shape
from k8saudit_eks.fields.pods import SPEC
from k8saudit_eks.fields.rows import every, keyed, scalar

_SUBJECTS = "$.requestObject.subjects"
_SERVICE_ACCOUNTS = f"{_SUBJECTS}[?(@.kind=='ServiceAccount')]"
_FIRST_IMAGE = f"{SPEC}.containers[0].image"


def binding_fields() -> Iterator[Field]:
    yield every(
        "ka.req.binding.subjects",
        f"{_SUBJECTS}[*]",
        "Subjects of the requested binding, each as a JSON object.",
    )
    yield every(
        "ka.req.binding.subjects.user_names",
        f"{_SUBJECTS}[?(@.kind=='User')].name",
        "Names of the users among the subjects of the requested binding.",
    )
    yield every(
        "ka.req.binding.subjects.serviceaccount_names",
        f"{_SERVICE_ACCOUNTS}.name",
        "Names of the service accounts among the subjects of the requested binding.",
    )
    yield Field(
        "ka.req.binding.subjects.serviceaccount_ns_names",
        "Service accounts among the subjects of the requested binding, as namespace:name.",
        (_SERVICE_ACCOUNTS,),
        Shape.COLON_JOINED,
        is_list=True,
        parts=("namespace", "name"),
    )
    yield every(
        "ka.req.binding.subjects.group_names",
        f"{_SUBJECTS}[?(@.kind=='Group')].name",
        "Names of the groups among the subjects of the requested binding.",
    )
    yield scalar(
        "ka.req.binding.role",
        "$.requestObject.roleRef.name",
        "Role or cluster role that the requested binding grants.",
    )
    yield Field(
        "ka.req.binding.subject.has_name",
        "Always true.",
        shape=Shape.ALWAYS_TRUE,
        arg=Arg.KEY,
        deprecated="ka.req.binding.subjects.user_names and its siblings",
    )


def object_fields() -> Iterator[Field]:
    yield scalar(
        "ka.req.configmap.name",
        "$.objectRef.name",
        "Name of the ConfigMap that the request acts on.",
    )
    yield scalar(
        "ka.req.configmap.obj",
        "$.requestObject.data",
        "Data of the requested ConfigMap, as JSON text.",
    )
    yield Field(
        "ka.req.container.image",
        "Image of the requested pod's first container.",
        (_FIRST_IMAGE,),
        deprecated="ka.req.pod.containers.image",
    )
    yield Field(
        "ka.req.container.image.repository",
        "Image of the requested pod's first container without tag and digest.",
        (_FIRST_IMAGE,),
        Shape.REPOSITORY,
        deprecated="ka.req.pod.containers.image.repository",
    )
    yield Field(
        "ka.req.container.host_network",
        "Whether the requested pod uses the node's network.",
        (f"{SPEC}.hostNetwork",),
        deprecated="ka.req.pod.host_network",
    )
    yield Field(
        "ka.req.container.privileged",
        "Whether any container of the requested pod is privileged: true or false; no value "
        "without containers.",
        (f"{SPEC}.containers[*]",),
        Shape.ANY_TRUE,
        parts=("securityContext.privileged",),
        deprecated="ka.req.pod.any_privileged",
    )


def pod_fields() -> Iterator[Field]:
    context = f"{SPEC}.securityContext"
    yield scalar(
        "ka.req.pod.host_ipc",
        f"{SPEC}.hostIPC",
        "Whether the requested pod shares the node's IPC namespace.",
    )
    yield scalar(
        "ka.req.pod.host_network",
        f"{SPEC}.hostNetwork",
        "Whether the requested pod uses the node's network.",
    )
    yield scalar(
        "ka.req.pod.host_pid",
        f"{SPEC}.hostPID",
        "Whether the requested pod shares the node's process ID namespace.",
    )
    yield scalar(
        "ka.req.pod.run_as_user",
        f"{context}.runAsUser",
        "User ID of the requested pod's security context.",
    )
    yield scalar(
        "ka.req.pod.run_as_group",
        f"{context}.runAsGroup",
        "Group ID of the requested pod's security context.",
    )
    yield scalar(
        "ka.req.pod.fs_group",
        f"{context}.fsGroup",
        "Group ID that owns the requested pod's volumes.",
    )
    yield every(
        "ka.req.pod.supplemental_groups",
        f"{context}.supplementalGroups[*]",
        "Supplemental group IDs of the requested pod.",
    )


def role_fields() -> Iterator[Field]:
    rules = "$.requestObject.rules[*]"
    yield every("ka.req.role.rules", rules, "Rules of the requested role, each as a JSON object.")
    for member, what in {
        "apiGroups": "API groups",
        "nonResourceURLs": "Non-resource URLs",
        "verbs": "Verbs",
        "resources": "Resources",
    }.items():
        yield every(
            f"ka.req.role.rules.{member}",
            f"{rules}.{member}[*]",
            f"{what} of all rules of the requested role; with an index, of the rule there.",
            Arg.INDEX,
        )


def service_and_volume_fields() -> Iterator[Field]:
    volumes = f"{SPEC}.volumes[*]"
    yield scalar(
        "ka.req.service.type", f"{SPEC}.type", "Type of the requested service, e.g. NodePort."
    )
    yield every(
        "ka.req.service.ports",
        f"{SPEC}.ports",
        "Ports of the requested service, as one JSON array; with an index, the port there.",
        Arg.INDEX,
    )
    yield every(
        "ka.req.pod.volumes.hostpath",
        f"{volumes}.hostPath.path",
        "Paths of the node that the requested pod has as volumes (hostPath).",
        Arg.INDEX,
    )
    yield Field(
        "ka.req.volume.hostpath",
        "Whether a volume of the requested pod is the node's path that the argument names (a * at "
        "its end stands for any rest): true or false; no value without volumes.",
        (volumes,),
        Shape.ANY_MATCHES_KEY,
        arg=Arg.KEY,
        parts=("hostPath.path",),
        deprecated="ka.req.pod.volumes.hostpath",
    )
    yield every(
        "ka.req.pod.volumes.flexvolume_driver",
        f"{volumes}.flexVolume.driver",
        "FlexVolume drivers of the requested pod's volumes.",
        Arg.INDEX,
    )
    yield Field(
        "ka.req.pod.volumes.volume_type",
        "Types of the requested pod's volumes, e.g. hostPath or secret.",
        (volumes,),
        Shape.MEMBER_NAMES,
        is_list=True,
        arg=Arg.INDEX,
        parts=("name",),
    )


def persistent_volume_fields() -> Iterator[Field]:
    """A persistent volume lies on one path of the host at most, as hostPath or as local volume."""
    paths = (f"{SPEC}.hostPath.path", f"{SPEC}.local.path")
    guards = (Guard("$.objectRef.resource", ("persistentvolumes",)),)
    yield Field(
        "ka.req.persistentvolume.hostpath",
        "Path of the node that the requested persistent volume uses, normalized.",
        paths,
        Shape.HOST_PATH,
        guards=guards,
    )
    yield Field(
        "ka.req.persistentvolume.hostpath_prefixes",
        "Path of the node that the requested persistent volume uses, and the folders above it from "
        "the root down to the eighth level.",
        paths,
        Shape.HOST_PATH_PREFIXES,
        is_list=True,
        guards=guards,
    )


def metadata_fields() -> Iterator[Field]:
    metadata = "$.requestObject.metadata"
    yield keyed(
        "ka.annotations",
        f"$.annotations['{KEY}']",
        "Annotation of the audit event that the argument names.",
    )
    yield keyed(
        "ka.req.labels",
        f"{metadata}.labels['{KEY}']",
        "Label of the requested object that the argument names.",
    )
    yield keyed(
        "ka.req.annotations",
        f"{metadata}.annotations['{KEY}']",
        "Annotation of the requested object that the argument names, e.g. "
        "ka.req.annotations[eks.amazonaws.com/role-arn].",
    )
    yield scalar("ka.req.name", f"{metadata}.name", "Name of the requested object.")
    yield scalar("ka.req.kind", "$.requestObject.kind", "Kind of the requested object.")
    yield scalar(
        "ka.req.pod.service_account",
        f"{SPEC}.serviceAccountName",
        "Service account that the requested pod runs as.",
    )
    yield scalar(
        "ka.req.pod.node_name", f"{SPEC}.nodeName", "Node that the spec of the requested pod names."
    )
    yield scalar(
        "ka.req.pod.automount_token",
        f"{SPEC}.automountServiceAccountToken",
        "Whether Kubernetes mounts the service account's token into the requested pod.",
    )
    yield every(
        "ka.req.pod.volumes.name",
        f"{SPEC}.volumes[*].name",
        "Names of the requested pod's volumes.",
        Arg.INDEX,
    )
