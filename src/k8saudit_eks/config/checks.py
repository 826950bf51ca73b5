"""What AWS allows in the names that the configuration carries.

Each check takes a value and returns None, or the rest of the sentence
"<key> is <value>, ...": what the key must be, and what to write. None of them repeats
a value that could be a credential.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# EKS API, shape ClusterName; the user guide limits it to 100 characters.
_CLUSTER = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
# CloudWatch Logs API, shapes LogGroupName, LogStreamName and FilterPattern.
_LOG_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_LOG_STREAM = re.compile(r"[^:*]{1,512}")
_FILTER_PATTERN_MAX = 1024
# STS API: AssumeRole's externalIdType; the role's form is from the IAM user guide.
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,512}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+){1,4}-[0-9]{1,2}")
_ZONE = re.compile(r"([a-z]{2,}(?:-[a-z]+){1,4}-[0-9]{1,2})[a-z]")


def cluster(value: str) -> str | None:
    """EKS: 1 to 100 letters, digits, "-" and "_", starting with a letter or digit."""
    if _CLUSTER.fullmatch(value):
        return None
    return (
        "but an EKS cluster's name has 1 to 100 letters, digits, '-' and '_' "
        "and starts with a letter or digit"
    )


def region(value: str) -> str | None:
    """A region's code such as eu-central-1; new regions need no new version."""
    if _REGION.fullmatch(value):
        return None
    if zone := _ZONE.fullmatch(value):
        return f"which is an availability zone: write its region, {zone[1]}"
    return "which is no AWS region: write its code, for example eu-central-1"


def profile(value: str) -> str | None:
    """Anything printable that fits in a section header of the AWS config file."""
    if value.isprintable() and not set(value) & set("[]"):
        return None
    return "which can't be a profile: write a name from your AWS config file, without '[' and ']'"


def role_arn(value: str) -> str | None:
    """arn:<partition>:iam::<12 digits>:role/<path and name>."""
    if _ROLE_ARN.fullmatch(value):
        return None
    return "which is no IAM role's ARN: write arn:aws:iam::<account>:role/<name>"


def external_id(value: str) -> str | None:
    """2 to 1,224 characters of those AssumeRole takes."""
    if _EXTERNAL_ID.fullmatch(value):
        return None
    return "but AssumeRole takes 2 to 1224 letters, digits and characters of +=,.@:/_-"


def endpoint_url(value: str) -> str | None:
    """http:// or https://, a host, no user name or password."""
    try:
        url = urlsplit(value)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        return "which is no endpoint: write http:// or https:// and a host, and a port if needed"
    if url.username is not None or url.password is not None:
        return "which contains a user name or password: remove it, requests are signed instead"
    return None


def log_group(template: str) -> str | None:
    """A log group's name once {cluster} is replaced."""
    name = template.replace("{cluster}", "c")
    if _LOG_GROUP.fullmatch(name):
        return None
    if "{" in name or "}" in name:
        return "but only {cluster} can stand in braces"
    return "but a log group's name has 1 to 512 letters, digits and characters of ._-/#"


def log_stream_prefix(template: str) -> str | None:
    """The start of a log stream's name once {cluster} is replaced."""
    name = template.replace("{cluster}", "c")
    if "{" in name or "}" in name:
        return "but only {cluster} can stand in braces"
    if _LOG_STREAM.fullmatch(name):
        return None
    return "but a log stream's name has at most 512 characters and neither ':' nor '*'"


def filter_pattern(value: str) -> str | None:
    """At most 1,024 characters; CloudWatch Logs checks the syntax at open."""
    if len(value) <= _FILTER_PATTERN_MAX:
        return None
    return f"but CloudWatch Logs takes at most {_FILTER_PATTERN_MAX} characters"


def state_dir(value: str) -> str | None:
    """An absolute path: the host's working directory is not the user's to know."""
    if value.startswith("/") and "\0" not in value:
        return None
    return "which is no absolute path: write one that starts with '/'"
