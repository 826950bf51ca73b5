"""The table of init_config's keys: the one place that names them.

Its annotations, defaults and `Key` metadata give the JSON schema that hosts see
and the validation (init_config.py), and the table in the docs (docs/configuration.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from k8saudit_eks.config import checks

_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Key:
    """What the table says of one key beside its name, type and default.

    Attributes:
        description: for the schema, the docs and `config -h`, ending without a full stop.
        unit: of a number, e.g. "seconds"; empty for everything else.
        minimum, maximum: inclusive bounds of a number.
        zero_is_default: 0 means the default, as in the Go plugin.
        check: of a string; returns None, or why the value is refused (see checks.py).
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
        "AWS region of the cluster's log group; if it is not set, the region comes from "
        "AWS_REGION, AWS_DEFAULT_REGION or the profile, in this order",
        check=checks.region,
    )
    profile: str | None = _key(
        None,
        "profile in the AWS config files that gives credentials and region; if it is not set, "
        "AWS_DEFAULT_PROFILE or AWS_PROFILE names the profile, in this order",
        check=checks.profile,
    )
    shift: int = _key(
        1,
        "time before now at which the first start begins to read; without state_dir, every "
        "restart begins there too",
        unit="seconds",
        maximum=3650 * _DAY_S,
    )
    polling_interval: int = _key(
        5,
        "pause between two polls when everything has been read; 0 means the default",
        unit="seconds",
        minimum=1,
        maximum=3600,
        zero_is_default=True,
    )
    buffer_size: int = _key(
        200,
        "number of events that may wait for Falco; when so many wait, the plugin stops "
        "reading until there is room; 0 means the default",
        unit="events",
        minimum=1,
        maximum=1_000_000,
        zero_is_default=True,
    )
    use_async: bool = _key(
        True,
        "no effect; the plugin accepts this key because configurations of the Go plugin may "
        "contain it",
    )
    # The Go plugin's 262,144 was CloudWatch's own limit until April 2025. Keeping the
    # number would cut what CloudWatch now delivers whole, and padding could hide a
    # request object from every rule.
    max_event_size: int = _key(
        1_048_576,
        "largest size of an audit event; the plugin cuts a longer event at this size and "
        "repairs it, as it repairs lines that EKS cut; the default is the limit of CloudWatch "
        "Logs for one log event",
        unit="bytes",
        minimum=1024,
        maximum=16_777_216,
    )
    role_arn: str | None = _key(
        None,
        "ARN of an IAM role that the plugin assumes before it reads, for example a role in the "
        "cluster's account",
        check=checks.role_arn,
    )
    external_id: str | None = _key(
        None,
        "external ID that the trust policy of role_arn requires",
        check=checks.external_id,
        secret=True,
    )
    endpoint_url: str | None = _key(
        None,
        "URL of another endpoint for CloudWatch Logs, for example a VPC endpoint or a local "
        "test server",
        check=checks.endpoint_url,
    )
    log_group: str = _key(
        "/aws/eks/{cluster}/cluster",
        "name of the log group to read; the plugin replaces {cluster} with the cluster's name",
        check=checks.log_group,
    )
    log_stream_prefix: str = _key(
        "kube-apiserver-audit-",
        "prefix of the names of the log streams to read; the plugin replaces {cluster} with "
        "the cluster's name",
        check=checks.log_stream_prefix,
    )
    late_window: int = _key(
        300,
        "longest time from an event's timestamp to the moment when CloudWatch Logs shows the "
        "event; the plugin delivers every event that takes no longer",
        unit="seconds",
        minimum=1,
        maximum=14 * _DAY_S,
    )
    state_dir: str | None = _key(
        None,
        "absolute path of the folder in which the plugin records what it has delivered; "
        "without it, a restart begins at now minus shift",
        check=checks.state_dir,
    )
    max_catch_up: int = _key(
        3600,
        "longest part of a downtime that the plugin reads after a restart; needs state_dir",
        unit="seconds",
        maximum=3650 * _DAY_S,
    )
    api_rate: float = _key(
        5.0,
        "highest rate of calls from this process to CloudWatch Logs; everything in the AWS "
        "account shares a quota of 5 to 25 calls per second, depending on the region",
        unit="calls per second",
        maximum=100,
    )
    filter_pattern: str | None = _key(
        None,
        "CloudWatch Logs filter pattern; the plugin reads only the events that match it. A "
        "JSON pattern never matches an audit event that was cut, so the plugin misses cut events",
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
