"""Finds a real host for the plugin: Falco on the PATH, else sysdig in a Debian root.

The root is built by scripts/host-root.sh. Its sysdig runs with the root's own loader and
libraries, so it sees the machine's files as they are and needs neither chroot nor root.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LIBRARY = PROJECT / "build" / "libk8saudit-eks.so"
RULES = [
    PROJECT / "rules" / "k8s_audit_rules.yaml",
    PROJECT / "rules" / "k8s_audit_eks_rules.yaml",
]
HOW_TO_GET_ONE = "run `make host` once as root (builds sysdig's root), or put Falco on the PATH"


def host_root() -> Path:
    """Where scripts/host-root.sh keeps the Debian root."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache, "k8saudit-eks", "forky")


def sysdig_command() -> list[str] | None:
    """The command that starts the root's sysdig, or None when there is no root."""
    root = host_root()
    # ld-linux-x86-64.so.2, ld-linux-aarch64.so.1: one, in the architecture's folder.
    loaders = sorted(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"))
    program = root / "usr" / "bin" / "sysdig"
    if not loaders or not program.exists():
        return None
    return [str(loaders[0]), "--library-path", str(loaders[0].parent), str(program)]


def falco_command() -> list[str] | None:
    """The command that starts Falco, or None when it is not on the PATH."""
    falco = shutil.which("falco")
    return None if falco is None else [falco]
