"""What the tests of the boundary share beside their fixtures."""

from __future__ import annotations

import functools
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import native_build as native  # noqa: E402 - the path above comes first
from native_build import BUILD, CSRC  # noqa: E402 - the same

__all__ = ["ABI", "BUILD", "CSRC", "ROOT", "native"]

ABI = Path(__file__).resolve().parent
PROGRAMS = BUILD / "hosts"

RunHost = Callable[..., "subprocess.CompletedProcess[str]"]
ReplayFile = Callable[[Sequence[str]], Path]


def compile_program(
    name: str,
    sources: Sequence[Path],
    mode: native.Mode = native.DEBUG,
    *,
    compile_flags: Sequence[str] = (),
    link_flags: Sequence[str] = (),
) -> Path:
    """A program from C sources, compiled where it is not up to date."""
    objects = native.compile_objects(sources, mode, include=[BUILD, ABI], flags=compile_flags)
    return native.link(objects, PROGRAMS / mode.name / name, mode, flags=link_flags)


@functools.cache
def compile_host(name: str) -> Path:
    """One of the host_*.c programs; that with a Python of its own links the library's."""
    compile_flags, link_flags = [], []
    if name == "host_own_python":
        libdir = sysconfig.get_config_var("LIBDIR")
        version = sysconfig.get_config_var("LDVERSION")
        compile_flags = ["-isystem", sysconfig.get_path("include")]
        link_flags = [f"-L{libdir}", f"-Wl,-rpath,{libdir}", f"-lpython{version}"]
    sources = [ABI / f"{name}.c", ABI / "host.c"]
    return compile_program(name, sources, compile_flags=compile_flags, link_flags=link_flags)


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
