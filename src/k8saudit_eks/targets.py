"""The targets of open_params: which clusters, log groups and queues to read.

    open_params   = target { separator target }       separator = "," or white space
    target        = cluster | log-group-arn | queue
    cluster       = ( name | pattern ) [ "@" place ] | eks-arn
    pattern       = a name with "*" and "?" in it; "*" alone is every cluster
    place         = account | region | account "/" region
    eks-arn       = arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME
    log-group-arn = arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME[:*]
    queue         = "sqs://" NAME [ "@" place ] | arn:PARTITION:sqs:REGION:ACCOUNT:NAME
                    | https://sqs.REGION.amazonaws.com/ACCOUNT/NAME

A name holds none of the characters that separate, so nothing needs quotes. `file:` and
a path stand alone and are no target: config/open_params.py reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from k8saudit_eks.config import checks
from k8saudit_eks.errors import ConfigError, shown
from k8saudit_eks.partitions import partition_of

_SEPARATOR: Final = re.compile(r"[,\s]+")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_PATTERN: Final = re.compile(r"[0-9A-Za-z*?][A-Za-z0-9_*?-]{0,99}")
# SQS API, CreateQueue.
_QUEUE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_QUEUE_URL: Final = re.compile(
    r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/([0-9]{12})/([^/]+)"
)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FILE_NAME: Final = re.compile(r"[.~].*|.*\.(json|jsonl|ndjson|log|txt|gz)", re.IGNORECASE)

_EXAMPLE: Final = "111122223333/eu-west-1"


@dataclass(frozen=True)
class ClusterTarget:
    """EKS clusters by name; account and region are None where the text names none.

    Attributes:
        name: an EKS cluster's name, or a pattern in which "*" and "?" stand for others.
        account: 12 digits.
        region: a region's code, e.g. eu-central-1.
    """

    name: str
    account: str | None = None
    region: str | None = None

    @property
    def is_pattern(self) -> bool:
        """Whether the name may stand for several clusters."""
        return "*" in self.name or "?" in self.name

    def __str__(self) -> str:
        """As it is written in open_params."""
        return self.name + _at(self.account, self.region)


@dataclass(frozen=True)
class LogGroupTarget:
    """One log group by its ARN; name is without ":*"."""

    name: str
    account: str
    region: str

    def __str__(self) -> str:
        """As it is written in open_params."""
        partition = partition_of(self.region)
        return f"arn:{partition}:logs:{self.region}:{self.account}:log-group:{self.name}"


@dataclass(frozen=True)
class QueueTarget:
    """One SQS standard queue; account and region are None where the text names none."""

    name: str
    account: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        """As it is written in open_params."""
        return f"sqs://{self.name}{_at(self.account, self.region)}"


Target = ClusterTarget | LogGroupTarget | QueueTarget


def parse_targets(text: str) -> tuple[Target, ...]:
    """The targets in their order, at least one; what is written twice comes twice.

    Raises:
        ConfigError: names the item, its position where there are several, and what to
            write instead.
    """
    items = [item for item in _SEPARATOR.split(text) if item]
    if not items:
        raise ConfigError(
            "open_params is empty: write the EKS cluster's name, or file:///path for a replay"
        )
    targets = []
    for position, item in enumerate(items, start=1):
        try:
            targets.append(_target(item))
        except _RefusedError as complaint:
            where = f"open_params item {position}" if len(items) > 1 else "open_params"
            raise ConfigError(f"{where} is {shown(item)}, {complaint}") from None
    return tuple(targets)


class _RefusedError(Exception):
    """Why an item is no target: the rest of the sentence "<item> is <text>, ..."."""


def _target(item: str) -> Target:
    scheme = _SCHEME.match(item)
    if scheme is None:
        return _cluster(item)
    kind, rest = scheme[1].lower(), item[scheme.end() :]
    if kind == "arn":
        return _arn(rest)
    if kind == "sqs":
        name, account, region = _split(rest.removeprefix("//"), f"sqs://falco-audit@{_EXAMPLE}")
        return QueueTarget(_queue(name), account, region)
    if kind == "https":
        return _queue_url(item)
    if kind == "file":
        raise _RefusedError("but file: stands alone: write nothing else beside it, or leave it out")
    raise _RefusedError(
        f"but {shown(scheme[1])[1:-1]}: is not known: "
        "write the EKS cluster's name, or file:///path for a replay"
    )


def _cluster(item: str) -> ClusterTarget:
    written = item.partition("@")[0]
    if "/" in written or _FILE_NAME.fullmatch(written):
        path = shown(f"file://{item}" if item.startswith("/") else f"file:{item}")[1:-1]
        raise _RefusedError(
            f"which is no cluster's name: to replay a file or folder, write {path}"
            + (" alone" if "@" in item else "")
        )
    name, account, region = _split(item, f"staging@{_EXAMPLE}")
    if not _PATTERN.fullmatch(name):
        raise _RefusedError(checks.cluster(name) or "")
    return ClusterTarget(name, account, region)


def _split(item: str, example: str) -> tuple[str, str | None, str | None]:
    """Name, account and region of `name[@place]`."""
    name, at, place = item.partition("@")
    if not at:
        return name, None, None
    first, slash, second = place.partition("/")
    if slash and _ACCOUNT.fullmatch(first):
        return name, first, _region(second)
    if not slash and _ACCOUNT.fullmatch(first):
        return name, first, None
    if not slash and checks.region(first) is None:
        return name, None, first
    raise _RefusedError(
        f"but {shown(place)} is no place: write a region, an account of 12 digits, or "
        f"both as account/region, for example {example}"
    )


def _arn(rest: str) -> Target:
    """rest is what follows "arn:"."""
    parts = rest.split(":", 4)
    if len(parts) < 5 or parts[1] not in ("eks", "logs", "sqs"):
        raise _RefusedError(
            "which is no ARN of an EKS cluster, a log group or a queue: write one that begins "
            "with arn:aws:eks:, arn:aws:logs: or arn:aws:sqs:"
        )
    partition, service, region, account, resource = parts
    _region(region)
    if not _ACCOUNT.fullmatch(account):
        raise _RefusedError(f"but {shown(account)} is no account: write its 12 digits")
    _partition(partition, region)
    if service == "sqs":
        return QueueTarget(_queue(resource), account, region)
    if service == "eks":
        kind, slash, name = resource.partition("/")
        if (kind, slash) != ("cluster", "/"):
            raise _RefusedError("but it is no cluster's ARN: write one with :cluster/")
        if complaint := checks.cluster(name):
            raise _RefusedError(complaint)
        return ClusterTarget(name, account, region)
    kind, colon, group = resource.partition(":")
    group = group.removesuffix(":*")
    if (kind, colon) != ("log-group", ":"):
        raise _RefusedError("but it is no log group's ARN: write one with :log-group:")
    if "{" in group or checks.log_group(group):
        raise _RefusedError("but a log group's name has 1 to 512 letters, digits and ._-/#")
    return LogGroupTarget(group, account, region)


def _queue_url(item: str) -> QueueTarget:
    url = _QUEUE_URL.fullmatch(item)
    if url is None:
        raise _RefusedError(
            "which is no queue's URL: write https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, or "
            "the queue's ARN"
        )
    region, china, account, name = url.groups()
    _region(region)
    if bool(china) != (partition_of(region) == "aws-cn"):
        raise _RefusedError("but only hosts of China's regions end with .amazonaws.com.cn")
    return QueueTarget(_queue(name), account, region)


def _queue(name: str) -> str:
    if _QUEUE.fullmatch(name):
        return name
    if name.endswith(".fifo"):
        raise _RefusedError("which is a FIFO queue: write a standard queue's name")
    raise _RefusedError("but a queue's name has 1 to 80 letters, digits, '-' and '_'")


def _region(region: str) -> str:
    if complaint := checks.region(region):
        raise _RefusedError(f"where the region is {shown(region)}, {complaint}")
    return region


def _partition(partition: str, region: str) -> None:
    wanted = partition_of(region)
    if partition != wanted:
        raise _RefusedError(f"but the region belongs to {wanted}: write arn:{wanted}:")


def _at(account: str | None, region: str | None) -> str:
    place = "/".join(part for part in (account, region) if part is not None)
    return f"@{place}" if place else ""
