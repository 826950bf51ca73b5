"""The fields of the audit event itself: who asked for what, when, from where, with what result."""

from __future__ import annotations

from collections.abc import Iterator

from k8saudit_eks.fields.model import KEY, Arg, Field, Guard, Shape
from k8saudit_eks.fields.rows import every, scalar


def _annotation(name: str, annotation: str, description: str) -> Field:
    return scalar(name, f"$.annotations['{annotation}']", description)


def request_fields() -> Iterator[Field]:
    yield scalar("ka.auditid", "$.auditID", "Unique ID of the audit event's request.")
    yield scalar(
        "ka.stage", "$.stage", "Stage of the request, e.g. ResponseComplete or RequestReceived."
    )
    yield _annotation(
        "ka.auth.decision",
        "authorization.k8s.io/decision",
        "What the authorizer decided: allow or forbid.",
    )
    yield _annotation(
        "ka.auth.reason", "authorization.k8s.io/reason", "Why the authorizer decided so."
    )
    yield _annotation(
        "ka.auth.openshift.decision",
        "authentication.openshift.io/decision",
        "What OpenShift's authentication decided: allow, error or deny.",
    )
    yield _annotation(
        "ka.auth.openshift.username",
        "authentication.openshift.io/username",
        "User name given to OpenShift's authentication.",
    )
    yield _annotation(
        "ka.validations.admission.policy.failure",
        "validation.policy.admission.k8s.io/validation_failure",
        "Failures of ValidatingAdmissionPolicies, as JSON text.",
    )
    yield _annotation(
        "ka.security.pod.violations",
        "pod-security.kubernetes.io/audit-violations",
        "Violations of the pod security standard in audit mode.",
    )
    yield scalar("ka.user.name", "$.user.username", "Name of the user who made the request.")
    yield every("ka.user.groups", "$.user.groups[*]", "Groups of the user who made the request.")
    yield scalar(
        "ka.impuser.name",
        "$.impersonatedUser.username",
        "Name of the user whom the request impersonates.",
    )
    yield scalar("ka.verb", "$.verb", "What the request does, e.g. get, create, patch or delete.")
    yield scalar("ka.uri", "$.requestURI", "The request's URI as sent, with its query.")
    yield Field(
        "ka.uri.param",
        "First value of the named query parameter of the request's URI, decoded.",
        ("$.requestURI",),
        Shape.QUERY_PARAMETER,
        arg=Arg.KEY,
    )
    yield scalar("ka.target.name", "$.objectRef.name", "Name of the object acted on.")
    yield scalar(
        "ka.target.namespace", "$.objectRef.namespace", "Namespace of the object acted on."
    )
    yield scalar(
        "ka.target.resource", "$.objectRef.resource", "Resource acted on, e.g. pods or secrets."
    )
    yield scalar(
        "ka.target.subresource",
        "$.objectRef.subresource",
        "Subresource acted on, e.g. exec, log or status.",
    )
    yield Field(
        "ka.target.pod.name",
        "Name of the pod in the response, where the request acts on a pod itself.",
        ("$.responseObject.metadata.name",),
        guards=(Guard("$.objectRef.resource", ("pods",)), Guard("$.objectRef.subresource")),
    )


def response_fields() -> Iterator[Field]:
    yield scalar(
        "ka.resp.name", "$.responseObject.metadata.name", "Name of the object in the response."
    )
    yield scalar("ka.response.code", "$.responseStatus.code", "HTTP status code of the response.")
    yield scalar(
        "ka.response.reason",
        "$.responseStatus.reason",
        "Why the request failed, e.g. NotFound or Forbidden.",
    )
    yield scalar("ka.useragent", "$.userAgent", "User agent that the client named.")
    yield every(
        "ka.sourceips",
        "$.sourceIPs[*]",
        "Addresses that the request came from: the client's, then those of proxies.",
        Arg.INDEX,
    )
    yield Field(
        "ka.cluster.name",
        "Name of the cluster that the event came from.",
        ("$.annotations.cluster_name", "$.k8saudit_eks.cluster"),
    )


def envelope_fields() -> Iterator[Field]:
    yield scalar(
        "ka.level",
        "$.level",
        "How much the audit event holds: Metadata, Request or RequestResponse.",
    )
    yield Field(
        "ka.truncated",
        "true if not all of the event could be read: its log line was cut off, it is damaged, or "
        "its query has more than 10,000 parameters; else false.",
        ("$.k8saudit_eks.truncated",),
        Shape.TRUNCATED,
        fallback="$.requestURI",
    )


def identity_fields() -> Iterator[Field]:
    yield scalar(
        "ka.user.uid",
        "$.user.uid",
        "UID of the user, on EKS aws-iam-authenticator:<account>:<principal ID>.",
    )
    for suffix, member, description in (
        ("arn", "arn", "ARN of the IAM principal behind the request, with its session."),
        ("canonical_arn", "canonicalArn", "ARN of the IAM user or role behind the request."),
        ("session_name", "sessionName", "Session name of the assumed IAM role."),
        ("access_key_id", "accessKeyId", "ID of the AWS access key that signed the token."),
        ("principal_id", "principalId", "Unique ID of the IAM principal."),
    ):
        yield Field(
            f"ka.user.{suffix}",
            description,
            (f"$.user.extra.{member}[0]",),
            any_case=(member,),
        )
    yield Field(
        "ka.user.extra",
        "Values of the named extra attribute of the user, e.g. ka.user.extra[arn].",
        (f"$.user.extra['{KEY}'][*]",),
        is_list=True,
        arg=Arg.KEY,
    )
    yield every(
        "ka.impuser.groups",
        "$.impersonatedUser.groups[*]",
        "Groups of the user whom the request impersonates.",
    )
    yield scalar(
        "ka.impuser.uid", "$.impersonatedUser.uid", "UID of the user whom the request impersonates."
    )


def target_and_uri_fields() -> Iterator[Field]:
    yield scalar(
        "ka.target.apigroup",
        "$.objectRef.apiGroup",
        "API group of the object acted on; no value for the core group.",
    )
    yield scalar(
        "ka.target.apiversion", "$.objectRef.apiVersion", "API version of the object acted on."
    )
    yield scalar("ka.target.uid", "$.objectRef.uid", "UID of the object acted on.")
    yield Field(
        "ka.uri.path",
        "Path of the request's URI, decoded, without the query.",
        ("$.requestURI",),
        Shape.URI_PATH,
    )
    yield Field(
        "ka.uri.too_many_params",
        "true if the URI has more than 10,000 query parameters, of which none is answered: older "
        "API servers obey them, newer ones ignore them all; else false.",
        ("$.requestURI",),
        Shape.QUERY_REFUSED,
    )
    runs_command = (Guard("$.objectRef.subresource", ("exec", "attach")),)
    yield Field(
        "ka.exec.command",
        "Words of the command that is run in a container.",
        ("$.requestURI",),
        Shape.QUERY_VALUES,
        is_list=True,
        parts=("command",),
        guards=runs_command,
    )
    yield Field(
        "ka.exec.command_line",
        "The command that is run in a container, its words joined by a space.",
        ("$.requestURI",),
        Shape.QUERY_VALUES_JOINED,
        parts=("command",),
        guards=runs_command,
    )


def delivery_fields() -> Iterator[Field]:
    for suffix, description in {
        "region": "AWS region that the event was read from.",
        "account": "AWS account that the event was read from.",
        "log_group": "CloudWatch Logs log group that the event was read from.",
        "log_stream": "CloudWatch Logs log stream that the event was read from.",
        "event_id": "Event ID that CloudWatch Logs gave the event.",
    }.items():
        yield scalar(f"ka.eks.{suffix}", f"$.k8saudit_eks.{suffix}", description)
    yield Field(
        "ka.eks.ingestion_delay_ms",
        "Milliseconds from the event's time to its ingestion by CloudWatch Logs.",
        ("$.k8saudit_eks.ingestion_time_ms",),
        Shape.MILLISECONDS_AFTER_EVENT,
        type="uint64",
    )
    yield Field(
        "ka.duration_ms",
        "Milliseconds from the arrival of the request to the event's stage.",
        ("$.stageTimestamp",),
        Shape.MILLISECONDS_BETWEEN,
        fallback="$.requestReceivedTimestamp",
        type="uint64",
    )
    yield Field(
        "ka.value",
        "What the JSON Pointer (RFC 6901) reaches, e.g. ka.value[/requestObject/spec/tls].",
        ("$",),
        Shape.POINTER,
        arg=Arg.KEY,
    )
