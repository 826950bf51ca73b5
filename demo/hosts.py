"""Finds a real host for the plugin: Falco on the PATH, else sysdig in a Debian root.

Roots are built by scripts/host-root.sh. Programs run with a root's own loader and
libraries, so they see the machine's files as they are and need neither chroot nor root.
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

# Debian suites with the libsinsp of the oldest and the newest Falco that is supported;
# sysdig comes from the newest.
OLDEST = "trixie"
NEWEST = "forky"


def host_root(suite: str = NEWEST) -> Path:
    """Where scripts/host-root.sh keeps the Debian root of a suite."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache, "k8saudit-eks", suite)


def command_in_root(root: Path, program: Path) -> list[str] | None:
    """The command that starts a program with a root's loader and libraries; None without both."""
    # ld-linux-x86-64.so.2, ld-linux-aarch64.so.1: one, in the architecture's folder.
    loaders = sorted(root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*"))
    if not loaders or not program.exists():
        return None
    return [str(loaders[0]), "--library-path", str(loaders[0].parent), str(program)]


def sysdig_command() -> list[str] | None:
    """The command that starts the root's sysdig, or None when there is no root."""
    root = host_root()
    return command_in_root(root, root / "usr" / "bin" / "sysdig")


def falco_command() -> list[str] | None:
    """The command that starts Falco, or None when it is not on the PATH."""
    falco = shutil.which("falco")
    return None if falco is None else [falco]
