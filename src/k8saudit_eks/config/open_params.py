"""open_params: which cluster, or which files, one capture reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from k8saudit_eks.errors import ConfigError, shown
from k8saudit_eks.targets import ClusterTarget, parse_targets


@dataclass(frozen=True)
class ReplayParams:
    """open_params `file:...`: audit events are read from a file or folder."""

    path: Path


@dataclass(frozen=True)
class ClusterParams:
    """open_params `<cluster>`: audit events are read from CloudWatch Logs."""

    cluster: str


_FILE: Final = re.compile(r"file:", re.IGNORECASE)


def parse_open_params(text: str) -> ReplayParams | ClusterParams:
    """Decide what to read.

    Args:
        text: an EKS cluster's name, or `file:` and a path (see replay_path). Nothing
            without `file:` is ever a path.

    Raises:
        ConfigError: says what to write instead.
    """
    given = text.strip()
    path = replay_path(given)
    if path is not None:
        return ReplayParams(path)
    targets = parse_targets(given)
    if len(targets) > 1:
        raise ConfigError(
            f"open_params is {shown(given)}, which names {len(targets)} targets: "
            "one plugin reads one cluster, so write one name"
        )
    target = targets[0]
    if not isinstance(target, ClusterTarget):
        raise ConfigError(
            f"open_params is {shown(given)}, which names no cluster: "
            "write the EKS cluster's name, or file:///path for a replay"
        )
    if target.is_pattern:
        raise ConfigError(
            f"open_params is {shown(given)}, which may stand for several clusters: "
            "one plugin reads one cluster, so write its whole name"
        )
    if target.account is not None or target.region is not None:
        raise ConfigError(
            f"open_params is {shown(given)}: write only the cluster's name, {target.name}"
        )
    return ClusterParams(target.name)


def replay_path(given: str) -> Path | None:
    """The path behind `file:`, or None where the text has no `file:`.

    Args:
        given: file:///absolute, file:/absolute, file:./relative or file:relative (to
            the working directory). A path is taken literally, without %-escapes.

    Raises:
        ConfigError: there is no path, or another machine's name.
    """
    scheme = _FILE.match(given)
    if scheme is None:
        return None
    rest = given[scheme.end() :]
    if rest.startswith("//"):
        # RFC 8089: file://<host>/<path>, where the host is empty or this machine.
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ConfigError(
                f"open_params is {shown(given)}, where {shown(host)} stands for a host: "
                "write file:///absolute/path or file:./relative/path"
            )
        rest = slash + path
    if not rest or "\0" in rest:
        raise ConfigError(
            f"open_params is {shown(given)}, without a path: "
            "write file:///absolute/path or file:./relative/path"
        )
    return Path(rest)
