"""What falcoctl on a host would put back: the artifacts that its configuration names.

Source: falcoctl's falcoctl.yaml (artifact.install.refs, artifact.follow.refs); the falcosecurity
index names the Go plugin k8saudit-eks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from k8saudit_eks import PLUGIN_NAME

CONFIG = Path("etc/falcoctl/falcoctl.yaml")


def plugin_refs(root: Path) -> list[str]:
    """The references by which falcoctl installs the Go plugin, e.g. k8saudit-eks:0.12.0."""
    try:
        keys = yaml.safe_load((root / CONFIG).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        # No falcoctl, or one that can't read it either.
        return []
    return [ref for ref in _refs(keys) if _artifact(ref) == PLUGIN_NAME]


def _refs(keys: Any) -> Iterator[str]:
    artifact = keys.get("artifact") if isinstance(keys, dict) else None
    for action in ("install", "follow"):
        part = artifact.get(action) if isinstance(artifact, dict) else None
        refs = part.get("refs") if isinstance(part, dict) else None
        yield from (one for one in (refs if isinstance(refs, list) else []) if isinstance(one, str))


def _artifact(ref: str) -> str:
    """The name in NAME[:TAG] or REGISTRY/PATH/NAME[:TAG][@DIGEST]."""
    return ref.rpartition("/")[2].partition("@")[0].partition(":")[0]
