"""Wheels and environments, made as a user would make them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import native_build as native

ROOT = Path(__file__).resolve().parents[2]
ABI = ROOT / "tests" / "abi"


def run(command: Sequence[str | Path], *, timeout_s: int = 600, cwd: Path | None = None) -> str:
    """Run a command that must succeed; returns its stdout."""
    finished = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        cwd=cwd,
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
    return finished.stdout


def compile_host(folder: Path, name: str = "host_replay") -> Path:
    """One of the hosts of tests/abi; host_replay reads one source to its end."""
    sources = [ABI / f"{name}.c", ABI / "host.c"]
    objects = native.compile_objects(sources, native.DEBUG, include=[ABI])
    return native.link(objects, folder / name, native.DEBUG)


AUDIT_EVENT = (
    '{"kind":"Event","auditID":"installed","stage":"ResponseComplete","verb":"get",'
    '"stageTimestamp":"2026-11-23T04:01:02.003004Z"}\n'
)
