"""What the tests of the boundary share beside their fixtures."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ABI = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"
BUILD = ROOT / "build"

COMPILE = [
    "gcc",
    "-std=c11",
    "-D_GNU_SOURCE",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pthread",
]
INCLUDE = [f"-I{CSRC}", f"-I{BUILD}"]

RunHost = Callable[..., "subprocess.CompletedProcess[str]"]
Compile = Callable[[str, Sequence[str | Path], Sequence[str]], Path]
ReplayFile = Callable[[Sequence[str]], Path]


def python_link_flags() -> list[str]:
    """What a host needs to link the Python that the library was built for."""
    libdir = sysconfig.get_config_var("LIBDIR")
    version = sysconfig.get_config_var("LDVERSION")
    include = sysconfig.get_path("include")
    return ["-isystem", include, f"-L{libdir}", f"-Wl,-rpath,{libdir}", f"-lpython{version}"]


def audit_event(audit_id: str, **members: object) -> dict[str, object]:
    """A small audit event; members replace or add top-level ones."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/default/pods",
        "verb": "list",
        "user": {"username": "system:node:ip-10-0-0-1", "groups": ["system:nodes"]},
        "stageTimestamp": "2026-11-23T04:01:02.003004Z",
        **members,
    }


def version_dir() -> str:
    return f"python{sysconfig.get_python_version()}"
