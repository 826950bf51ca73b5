"""The fields of the audit event itself: who asked for what, when, from where, with what result."""

from __future__ import annotations

from collections.abc import Iterator

from k8saudit_eks.fields.model import KEY, Arg, Field, Guard, Shape
from k8saudit_eks.fields.rows import every, scalar


def _annotation(name: str, annotation: str, description: str) -> Field:
    return scalar(name, f"$.annotations['{annotation}']", description)


def request_fields() -> Iterator[Field]:
    yield scalar(
        "ka.auditid",
        "$.auditID",
        "Audit ID of the request, the same in each of its events; a client can choose it.",
    )
    yield scalar(
        "ka.stage", "$.stage", "Stage of the request, e.g. ResponseComplete or RequestReceived."
    )
    yield _annotation(
        "ka.auth.decision",
        "authorization.k8s.io/decision",
        "Decision of the authorizer: allow or forbid.",
    )
    yield _annotation(
        "ka.auth.reason",
        "authorization.k8s.io/reason",
        "Reason for the decision of the authorizer.",
    )
    yield _annotation(
        "ka.auth.openshift.decision",
        "authentication.openshift.io/decision",
        "Decision of OpenShift's authentication: allow, error or deny.",
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
        "Violations that Pod Security admission recorded in audit mode.",
    )
    yield scalar("ka.user.name", "$.user.username", "Name of the user who made the request.")
    yield every("ka.user.groups", "$.user.groups[*]", "Groups of the user who made the request.")
    yield scalar(
        "ka.impuser.name",
        "$.impersonatedUser.username",
        "Name of the user whom the request impersonates.",
    )
    yield scalar("ka.verb", "$.verb", "Verb of the request, e.g. get, create, patch or delete.")
    yield scalar(
        "ka.uri", "$.requestURI", "URI of the request as the client sent it, with the query."
    )
    yield Field(
        "ka.uri.param",
        "First value of the query parameter that the argument names, decoded.",
        ("$.requestURI",),
        Shape.QUERY_PARAMETER,
        arg=Arg.KEY,
    )
    yield scalar(
        "ka.target.name", "$.objectRef.name", "Name of the object that the request acts on."
    )
    yield scalar(
        "ka.target.namespace",
        "$.objectRef.namespace",
        "Namespace of the object that the request acts on.",
    )
    yield scalar(
        "ka.target.resource",
        "$.objectRef.resource",
        "Resource that the request acts on, e.g. pods or secrets.",
    )
    yield scalar(
        "ka.target.subresource",
        "$.objectRef.subresource",
        "Subresource that the request acts on, e.g. exec, log or status.",
    )
    yield Field(
        "ka.target.pod.name",
        "Name of the pod in the response, if the request acts on a pod and not on a subresource.",
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
        "Reason why the request failed, e.g. NotFound or Forbidden.",
    )
    yield scalar(
        "ka.useragent",
        "$.userAgent",
        "User agent that the client sent; a client can send any text.",
    )
    yield every(
        "ka.sourceips",
        "$.sourceIPs[*]",
        "Source IP addresses: those in the headers X-Forwarded-For and X-Real-Ip, which a client "
        "can write, then the address of the connection.",
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
        "Audit level, which says how much the event holds: Metadata, Request or RequestResponse.",
    )
    yield Field(
        "ka.truncated",
        "true if the plugin could not read all of the event, because its log line was cut, it is "
        "damaged, or its query has more than 10,000 parameters; otherwise false.",
        ("$.k8saudit_eks.truncated",),
        Shape.TRUNCATED,
        fallback="$.requestURI",
    )


def identity_fields() -> Iterator[Field]:
    yield scalar(
        "ka.user.uid",
        "$.user.uid",
        "UID of the user; EKS writes aws-iam-authenticator:<account>:<principal ID> for IAM "
        "principals.",
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
        "Values of the user's extra attribute that the argument names, e.g. ka.user.extra[arn].",
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
        "API group of the object that the request acts on; no value for the core group.",
    )
    yield scalar(
        "ka.target.apiversion",
        "$.objectRef.apiVersion",
        "API version of the object that the request acts on.",
    )
    yield scalar("ka.target.uid", "$.objectRef.uid", "UID of the object that the request acts on.")
    yield Field(
        "ka.uri.path",
        "Path of the request's URI, decoded and without the query.",
        ("$.requestURI",),
        Shape.URI_PATH,
    )
    yield Field(
        "ka.uri.too_many_params",
        "true if the URI has more than 10,000 query parameters, otherwise false. The plugin then "
        "answers none of them: older API servers obey them, newer ones ignore them all.",
        ("$.requestURI",),
        Shape.QUERY_REFUSED,
    )
    runs_command = (Guard("$.objectRef.subresource", ("exec", "attach")),)
    yield Field(
        "ka.exec.command",
        "Words of the command that the request runs in a container.",
        ("$.requestURI",),
        Shape.QUERY_VALUES,
        is_list=True,
        parts=("command",),
        guards=runs_command,
    )
    yield Field(
        "ka.exec.command_line",
        "Command that the request runs in a container, its words joined by a space.",
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
        "Milliseconds from the event's time to the moment when CloudWatch Logs ingested it.",
        ("$.k8saudit_eks.ingestion_time_ms",),
        Shape.MILLISECONDS_AFTER_EVENT,
        type="uint64",
    )
    yield Field(
        "ka.duration_ms",
        "Milliseconds from the arrival of the request at the API server to the event's stage.",
        ("$.stageTimestamp",),
        Shape.MILLISECONDS_BETWEEN,
        fallback="$.requestReceivedTimestamp",
        type="uint64",
    )
    yield Field(
        "ka.value",
        "Value at the JSON Pointer (RFC 6901) in the argument, e.g. "
        "ka.value[/requestObject/spec/tls].",
        ("$",),
        Shape.POINTER,
        arg=Arg.KEY,
    )
