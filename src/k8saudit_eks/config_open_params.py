"""open_params: which cluster, or which files, one capture reads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from k8saudit_eks import config_checks as checks
from k8saudit_eks.errors import ConfigError

_SHOWN_CHARS: Final = 80


@dataclass(frozen=True)
class ReplayParams:
    """open_params `file:...`: audit events are read from a file or folder."""

    path: Path


@dataclass(frozen=True)
class ClusterParams:
    """open_params `<cluster>`: audit events are read from CloudWatch Logs."""

    cluster: str


_CLUSTER_ARN: Final = re.compile(r"arn:aws[a-z-]*:eks:[^:]*:[0-9]*:cluster/([^/]+)")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FILE_NAME: Final = re.compile(r"[.~].*|.*\.(json|jsonl|ndjson|log|txt|gz)", re.IGNORECASE)


def parse_open_params(text: str) -> ReplayParams | ClusterParams:
    """Decide what to read.

    Args:
        text: an EKS cluster's name, or `file:` and a path: file:///absolute,
            file:/absolute, file:./relative or file:relative (to the host's working
            directory). A path is taken literally, without %-escapes. Nothing
            without `file:` is ever a path.

    Raises:
        ConfigError: says what to write instead.
    """
    given = text.strip()
    if not given:
        raise ConfigError(
            "open_params is empty: write the EKS cluster's name, or file:///path for a replay"
        )
    scheme = _SCHEME.match(given)
    if scheme and scheme[1].lower() == "file":
        return ReplayParams(_replay_path(given, given[scheme.end() :]))
    if arn := _CLUSTER_ARN.fullmatch(given):
        raise ConfigError(
            f"open_params is {_shown(given)}: write only the cluster's name, {arn[1]}"
        )
    if scheme:
        raise ConfigError(
            f"open_params is {_shown(given)}, but {scheme[1]}: is not known: "
            "write the EKS cluster's name, or file:///path for a replay"
        )
    if "/" in given or _FILE_NAME.fullmatch(given):
        target = f"file://{given}" if given.startswith("/") else f"file:{given}"
        raise ConfigError(
            f"open_params is {_shown(given)}, which is no cluster's name: "
            f"to replay a file or folder, write {target[:_SHOWN_CHARS]}"
        )
    complaint = checks.cluster(given)
    if complaint is not None:
        raise ConfigError(f"open_params is {_shown(given)}, {complaint}")
    return ClusterParams(given)


def _replay_path(given: str, rest: str) -> Path:
    if rest.startswith("//"):
        # RFC 8089: file://<host>/<path>, where the host is empty or this machine.
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ConfigError(
                f"open_params is {_shown(given)}, where {_shown(host)} stands for a host: "
                "write file:///absolute/path or file:./relative/path"
            )
        rest = slash + path
    if not rest or "\0" in rest:
        raise ConfigError(
            f"open_params is {_shown(given)}, without a path: "
            "write file:///absolute/path or file:./relative/path"
        )
    return Path(rest)


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...")
