"""The fields of pods: container families, volumes, and the pod spec of any workload."""

from __future__ import annotations

from collections.abc import Iterator

from k8saudit_eks.fields.model import Arg, Choice, Field, Guard, Shape

SPEC = "$.requestObject.spec"

# In the order in which Kubernetes' PodSpec and every list over all of them names them.
FAMILIES = {
    "containers": "container",
    "initContainers": "init container",
    "ephemeralContainers": "ephemeral container",
}

# Which object is written decides where its pod spec is, not what the request's body
# holds: a patch may carry members that the API server ignores, to mislead rules.
_RESOURCE = "$.objectRef.resource"
_OF_CRON_JOB = "$.requestObject.spec.jobTemplate.spec.template.spec"
_OF_TEMPLATE = "$.requestObject.spec.template.spec"
POD_SPEC = (
    Choice(SPEC, (Guard(_RESOURCE, ("pods",)),)),
    Choice(SPEC, (Guard(_RESOURCE), Guard("$.requestObject.kind", ("Pod",)))),
    Choice(_OF_CRON_JOB, (Guard(_RESOURCE, ("cronjobs",)),)),
    Choice(_OF_CRON_JOB, (Guard(_RESOURCE), Guard("$.requestObject.kind", ("CronJob",)))),
    Choice(_OF_TEMPLATE, (Guard(_RESOURCE, ("pods", "cronjobs"), negated=True),)),
)


def container_fields() -> Iterator[Field]:
    """The fields of the three container lists, family by family."""
    for family, one in FAMILIES.items():
        yield from _family_fields(family, one)


def _family_fields(family: str, one: str) -> Iterator[Field]:
    prefix = f"ka.req.pod.{family}"
    each = f"{SPEC}.{family}[*]"

    def row(
        suffix: str,
        path: str,
        description: str,
        shape: Shape = Shape.TEXT,
        parts: tuple[str, ...] = (),
    ) -> Field:
        return Field(
            name=f"{prefix}.{suffix}",
            description=description,
            paths=(each + path,),
            shape=shape,
            is_list=True,
            arg=Arg.INDEX,
            parts=parts,
        )

    def security(suffix: str, member: str, description: str) -> Field:
        return row(suffix, f".securityContext.{member}", description)

    def effective(suffix: str, member: str, description: str) -> Field:
        return Field(
            name=f"{prefix}.{suffix}",
            description=description,
            paths=(each,),
            is_list=True,
            arg=Arg.INDEX,
            parts=(f"securityContext.{member}",),
            fallback=f"{SPEC}.securityContext.{member}",
            default="0",
        )

    yield row("name", ".name", f"Name of each {one} of the requested pod.")
    yield row("image", ".image", f"Image of each {one} of the requested pod.")
    yield row(
        "image.repository",
        ".image",
        f"Image of each {one} without tag and digest; the port of a registry is kept.",
        Shape.REPOSITORY,
    )
    yield row(
        "command",
        ".command",
        f"Command (entrypoint) of each {one} that sets one, its words joined by a space.",
        Shape.JOINED,
    )
    yield row(
        "args",
        ".args",
        f"Arguments of each {one} that sets any, joined by a space.",
        Shape.JOINED,
    )
    if family != "ephemeralContainers":  # Kubernetes forbids ports there
        yield row(
            "host_port",
            ".ports[*]",
            f"Host port of each port of each {one}; if a port has none, its container port.",
            parts=("hostPort", "containerPort"),
        )
    yield security(
        "privileged",
        "privileged",
        f"Whether each {one} that sets this is privileged: true or false.",
    )
    yield security(
        "allow_privilege_escalation",
        "allowPrivilegeEscalation",
        f"Whether each {one} that sets this may gain more privileges than its parent process.",
    )
    yield security(
        "read_only_fs",
        "readOnlyRootFilesystem",
        f"Whether each {one} that sets this has a read-only root file system.",
    )
    yield security("run_as_user", "runAsUser", f"User ID of each {one} that sets one.")
    yield effective(
        "eff_run_as_user",
        "runAsUser",
        f"Effective user ID of every {one}: its own; if it has none, the pod's; otherwise 0.",
    )
    yield security("run_as_group", "runAsGroup", f"Group ID of each {one} that sets one.")
    yield effective(
        "eff_run_as_group",
        "runAsGroup",
        f"Effective group ID of every {one}: its own; if it has none, the pod's; otherwise 0.",
    )
    yield security("proc_mount", "procMount", f"Kind of /proc mount of each {one} that sets one.")
    yield security(
        "add_capabilities",
        "capabilities.add",
        f'Capabilities added by each {one} that adds any, as a JSON array, e.g. ["SYS_ADMIN"].',
    )


def all_container_fields() -> Iterator[Field]:
    """Fields over the three container lists of a requested pod at once."""
    yield Field(
        "ka.req.pod.images",
        "Images of all containers, init containers and ephemeral containers of the requested pod.",
        tuple(f"{SPEC}.{family}[*].image" for family in FAMILIES),
        is_list=True,
    )
    yield Field(
        "ka.req.pod.any_privileged",
        "Whether any container, init container or ephemeral container of the requested pod is "
        "privileged: true or false; no value without containers.",
        tuple(f"{SPEC}.{family}[*]" for family in FAMILIES),
        Shape.ANY_TRUE,
        parts=("securityContext.privileged",),
    )


def workload_fields() -> Iterator[Field]:
    """Fields of the pod spec that the request holds, whatever kind of workload it is."""

    def scalar(suffix: str, path: str, description: str) -> Field:
        return Field(f"ka.req.workload.{suffix}", description, (path,), base=POD_SPEC)

    def everything(suffix: str, paths: tuple[str, ...], description: str) -> Field:
        return Field(f"ka.req.workload.{suffix}", description, paths, is_list=True, base=POD_SPEC)

    yield everything(
        "images",
        tuple(f"{family}[*].image" for family in FAMILIES),
        "Images of all containers of the requested Pod, Deployment, DaemonSet, StatefulSet, "
        "ReplicaSet, Job or CronJob.",
    )
    yield Field(
        "ka.req.workload.any_privileged",
        "Whether any container of the requested workload is privileged: true or false; no value "
        "without containers.",
        tuple(f"{family}[*]" for family in FAMILIES),
        Shape.ANY_TRUE,
        parts=("securityContext.privileged",),
        base=POD_SPEC,
    )
    yield scalar(
        "host_network", "hostNetwork", "Whether the workload's pods use the node's network."
    )
    yield scalar(
        "host_pid", "hostPID", "Whether the workload's pods share the node's process ID namespace."
    )
    yield scalar(
        "host_ipc", "hostIPC", "Whether the workload's pods share the node's IPC namespace."
    )
    yield Field(
        "ka.req.workload.hostpaths",
        "Paths of the node that the workload's pods have as volumes, normalized: //etc/./ is /etc.",
        ("volumes[*].hostPath.path",),
        Shape.HOST_PATH,
        is_list=True,
        base=POD_SPEC,
    )
    yield Field(
        "ka.req.workload.hostpath_prefixes",
        "Paths of the node that the workload's pods have as volumes, and the folders above them "
        "from the root down to the eighth level, e.g. /, /etc and /etc/ssh. With it, one list of "
        "folders covers everything below them.",
        ("volumes[*].hostPath.path",),
        Shape.HOST_PATH_PREFIXES,
        is_list=True,
        base=POD_SPEC,
    )
    yield Field(
        "ka.req.workload.add_capabilities",
        "Capabilities that the workload's containers add, in upper case and without CAP_, e.g. "
        "SYS_ADMIN. Container runtimes accept any case.",
        tuple(f"{family}[*].securityContext.capabilities.add[*]" for family in FAMILIES),
        Shape.CAPABILITY,
        is_list=True,
        base=POD_SPEC,
    )
    yield scalar(
        "service_account", "serviceAccountName", "Service account that the workload's pods run as."
    )
