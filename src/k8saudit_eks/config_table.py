"""The table of init_config's keys: the one place that names them.

Its annotations, defaults and `Key` metadata give the JSON schema that hosts see
and the validation (config.py), and the table in the docs (config_docs.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from k8saudit_eks import config_checks as checks

_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Key:
    """What the table says of one key beside its name, type and default.

    Attributes:
        description: for the schema and the docs, ending without a full stop.
        unit: of a number, e.g. "seconds"; empty for everything else.
        minimum, maximum: inclusive bounds of a number.
        zero_is_default: 0 means the default, as in the Go plugin.
        check: of a string; None, or why the value can't be (see config_checks).
        secret: the value never appears in a message.
    """

    description: str
    unit: str = ""
    minimum: int = 0
    maximum: int = 0
    zero_is_default: bool = False
    check: Callable[[str], str | None] | None = None
    secret: bool = False


def _key(default: Any, description: str, **rest: Any) -> Any:
    """A field of Config; Any because its type is the annotation beside it."""
    return dataclasses.field(default=default, metadata={"key": Key(description, **rest)})


@dataclass(frozen=True)
class Config:
    """init_config after validation; each attribute is the key of the same name.

    None stands for "not configured": boto3 then looks in its usual order
    (environment, shared files, container and instance metadata). What is
    configured wins over the environment.
    """

    region: str | None = _key(
        None,
        "AWS region of the cluster's log group; without it, boto3's order: AWS_REGION, "
        "AWS_DEFAULT_REGION, the profile",
        check=checks.region,
    )
    profile: str | None = _key(
        None,
        "profile of the AWS config files to take credentials and region from; "
        "without it, AWS_PROFILE",
        check=checks.profile,
    )
    shift: int = _key(
        1,
        "how far before now the first start begins to read",
        unit="seconds",
        maximum=3650 * _DAY_S,
    )
    polling_interval: int = _key(
        5,
        "pause between two polls once everything has been read; 0 means the default",
        unit="seconds",
        minimum=1,
        maximum=3600,
        zero_is_default=True,
    )
    buffer_size: int = _key(
        200,
        "how many events may wait for the host before reading pauses; 0 means the default",
        unit="events",
        minimum=1,
        maximum=1_000_000,
        zero_is_default=True,
    )
    use_async: bool = _key(
        True,
        "accepted for configurations of the Go plugin and without effect: "
        "field extraction is native code",
    )
    # The Go plugin's 262,144 was CloudWatch's own limit until April 2025. Keeping the
    # number would cut what CloudWatch now delivers whole, and padding could hide a
    # request object from every rule.
    max_event_size: int = _key(
        1_048_576,
        "longer audit events are cut at this size and repaired, like lines cut by EKS; the "
        "default is CloudWatch's own limit for one event",
        unit="bytes",
        minimum=1024,
        maximum=16_777_216,
    )
    role_arn: str | None = _key(
        None,
        "IAM role to assume for reading, for example in the cluster's account",
        check=checks.role_arn,
    )
    external_id: str | None = _key(
        None,
        "external id that the trust policy of role_arn asks for",
        check=checks.external_id,
        secret=True,
    )
    endpoint_url: str | None = _key(
        None,
        "another endpoint for CloudWatch Logs: a VPC endpoint or a local test server",
        check=checks.endpoint_url,
    )
    log_group: str = _key(
        "/aws/eks/{cluster}/cluster",
        "log group to read; {cluster} is replaced by the cluster's name",
        check=checks.log_group,
    )
    log_stream_prefix: str = _key(
        "kube-apiserver-audit-",
        "only log streams whose names start with this are read; {cluster} is replaced by "
        "the cluster's name",
        check=checks.log_stream_prefix,
    )
    late_window: int = _key(
        300,
        "events that become visible up to this long after their timestamp are delivered "
        "without exception",
        unit="seconds",
        minimum=1,
        maximum=14 * _DAY_S,
    )
    state_dir: str | None = _key(
        None,
        "absolute path of a folder that remembers what was delivered; without it, a restart "
        "begins at now minus shift",
        check=checks.state_dir,
    )
    max_catch_up: int = _key(
        3600,
        "how much of a downtime is read after a restart, at most; needs state_dir",
        unit="seconds",
        maximum=3650 * _DAY_S,
    )
    api_rate: float = _key(
        5.0,
        "calls to CloudWatch Logs at most; its quota, shared by the whole account, is 5 to 25 "
        "by region",
        unit="calls per second",
        maximum=100,
    )
    filter_pattern: str | None = _key(
        None,
        "CloudWatch Logs filter pattern; only matching events are read. A JSON pattern never "
        "matches an audit event that was cut, so those are then missed",
        check=checks.filter_pattern,
    )

    def log_group_of(self, cluster: str) -> str:
        """The log group's name for a cluster."""
        return self.log_group.replace("{cluster}", cluster)

    def log_stream_prefix_of(self, cluster: str) -> str:
        """The start of the audit streams' names for a cluster."""
        return self.log_stream_prefix.replace("{cluster}", cluster)


@dataclass(frozen=True)
class TableRow:
    """One key of the table, flattened for whoever generates something from it."""

    name: str
    type: str  # "string", "integer", "number" or "boolean", as JSON schema names them
    default: str | int | float | bool | None
    key: Key


_TYPES: Final[Mapping[str, str]] = {
    "str | None": "string",
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
}


def table() -> tuple[TableRow, ...]:
    """Every key, in the order of the docs."""
    defaults = Config()
    return tuple(
        # With postponed annotations a field's type is its source text.
        TableRow(
            field.name,
            _TYPES[str(field.type)],
            getattr(defaults, field.name),
            field.metadata["key"],
        )
        for field in dataclasses.fields(defaults)
    )
